internal import CLaunch
import Glibc
public import SystemPackage

/// What this host's kernel can do, as far as a plan depends on it; looked up once a run.
public struct HostFacts: Sendable, Hashable {
  /// The kernel's release: major times 1000 plus minor, so 6.1 is 6001.
  public var kernel: Int
  /// The version of Landlock, 0 where there is none.
  public var landlock: Int

  /// Whether files on tmpfs have attributes of the kind `user.`, which is where an overlay of an
  /// ordinary user keeps its notes; from kernel 6.6 on. See tmpfs(5).
  public var tmpfsHasUserAttributes: Bool { kernel >= 6006 }

  /// States facts, for tests.
  public init(kernel: Int, landlock: Int) {
    self.kernel = kernel
    self.landlock = landlock
  }

  /// The facts of this host.
  public static func current() -> HostFacts {
    HostFacts(kernel: ol_kernel_version(), landlock: max(0, ol_landlock_version()))
  }
}

/// A rule set that keeps abstract Unix sockets and signals inside; needs version 6.
/// See landlock(7).
public func makeLandlockScope() throws(SystemError) -> OwnedDescriptor {
  OwnedDescriptor(
    owning: try checkNegated(ol_landlock_scope(), "landlock_create_ruleset(2)"))
}

/// The memory of this machine in bytes. See sysconf(3).
public func hostMemory() -> UInt64 {
  UInt64(max(0, sysconf(CInt(_SC_PHYS_PAGES)))) * UInt64(max(0, sysconf(CInt(_SC_PAGESIZE))))
}

/// How many processors are at work here. See sysconf(3).
public func hostProcessors() -> Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

/// Lets files that this process makes have exactly the permissions asked for. See umask(2).
public func clearFileModeMask() { umask(0) }

/// Gives back the memory of the program's code that only its start has needed.
public func releaseStartupCode() { ol_release_code() }

/// Tells this build of the program from every other.
public func programIdentity() -> String {
  (try? fileStatus(following: "/proc/self/exe"))?.identity ?? ""
}

/// The symbolic name of an errno, such as `EPERM`; the number where the C library has none.
public func errnoName(_ number: UInt16) -> String { Errno(rawValue: CInt(number)).name }

/// The effective user and group of this process.
public func effectiveOwner() -> LaunchPlan.Owner { .init(uid: geteuid(), gid: getegid()) }

/// The pid of this process.
public func processID() -> Int32 { getpid() }

/// The wall clock, as the time since 1970-01-01T00:00:00Z without leap seconds.
public func wallClock() -> Duration { clock(CLOCK_REALTIME) }

/// The monotonic clock, for measuring how long something took.
public func monotonicClock() -> Duration { clock(CLOCK_MONOTONIC) }

/// How long processors have worked for this process.
public func processorTime() -> Duration { clock(CLOCK_PROCESS_CPUTIME_ID) }

private func clock(_ id: clockid_t) -> Duration {
  var time = timespec()
  // Safe: the call fills the structure.
  _ = unsafe clock_gettime(id, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// Waits; a signal may end that early. See nanosleep(2).
public func pause(_ time: Duration) {
  let nanoseconds = time.nanoseconds
  var left = timespec(
    tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  // Safe: the call reads the structure.
  _ = unsafe nanosleep(&left, nil)
}

/// The directory from which relative paths of this process begin.
///
/// - Throws: ENOENT when it was removed. See readlink(2), proc_pid_cwd(5).
public func workingDirectory() throws(SystemError) -> FilePath {
  try linkTarget(of: "/proc/self/cwd")
}

/// Random bytes from the kernel. See getrandom(2).
public func randomBytes(_ count: Int) -> [UInt8] {
  // Safe: the call writes at most `count` bytes. Up to 256 it neither fails nor stops short.
  unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    initialized = max(0, Int(unsafe ol_random(buffer.baseAddress, count)))
  }
}

/// Takes one of these signals, which are blocked, if one waits for this process; false when none
/// does. See sigtimedwait(2).
public func takePendingSignal(_ numbers: [CInt]) -> Bool {
  var signals = sigset_t()
  var noTime = timespec()
  // Safe: the calls read and write the structures alone.
  unsafe sigemptyset(&signals)
  for number in numbers { unsafe sigaddset(&signals, number) }
  return unsafe sigtimedwait(&signals, nil, &noTime) > 0
}

/// Whether a descriptor is a terminal.
public func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

/// Whether a descriptor of the caller's is open for writing.
public func isOpenForWriting(_ descriptor: CInt) -> Bool {
  let mode = ol_descriptor_flags(descriptor)
  return mode >= 0 && mode & Int(O_ACCMODE) != O_RDONLY
}

/// The host name of this machine. See gethostname(2).
public func hostName() -> String {
  var name = [CChar](repeating: 0, count: 257)
  // Safe: the call writes at most as many bytes as it is told, and the one after them stays NUL.
  _ = unsafe gethostname(&name, name.count - 1)
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
