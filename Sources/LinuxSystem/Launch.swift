internal import CLaunch
import Glibc
public import SystemPackage

/// A container that was started: the descriptors through which it is supervised.
public struct LaunchedContainer: ~Copyable, Sendable {
  /// The pid of the container's PID 1 as this process sees it.
  public let pid: Int32
  /// Readable when PID 1, and with it the whole container, has ended. See pidfd_open(2).
  public let process: OwnedDescriptor
  /// Where PID 1 and the command write their records.
  public let status: OwnedDescriptor
  /// A byte written here is a signal for the command; closing it ends the container.
  public let lifeline: OwnedDescriptor

  /// Waits for PID 1 and removes it from the process table.
  ///
  /// - Returns: its wait status, as wait(2) defines it.
  public func reap() throws(SystemError) -> CInt {
    try checkNegated(ol_wait_for(pid), "wait4(2)", "of the container's PID 1")
  }

  /// Sends a signal to the command.
  ///
  /// A container that has ended already is not an error.
  public func forward(signal: CInt) {
    var byte = UInt8(truncatingIfNeeded: signal)
    // Safe: one byte of a local is read. EPIPE cannot kill: SIGPIPE is ignored by every caller.
    _ = unsafe write(lifeline.number, &byte, 1)
  }

  /// Keeps the kernel from killing PID 1 for lack of memory: what it would have reported would be
  /// lost, although it is others who use the memory. AFTER the command was executed, who would
  /// inherit it. Only root can. See proc(5), oom_score_adj.
  public func spareFirstProcess() {
    try? writeKernelFile(FilePath("/proc/\(pid)/oom_score_adj"), "-1000")
  }

  /// Kills PID 1, and with it every process of the container.
  public func kill() { _ = ol_pidfd_send_signal(process.number, SIGKILL) }
}

/// Starts a container.
///
/// The caller has one thread: the child is a copy of it alone.
///
/// - Parameters:
///   - plan: what the child does.
///   - descriptors: what the plan's names stand for; they may be closed after the return.
///   - slot: a descriptor that PID 1 keeps open for as long as the container lives.
///   - stamps: where the child notes when each operation begins; nil when nobody wants to know.
/// - Throws: the errno of clone3(2): EPERM without privileges, EAGAIN or ENOSPC at a limit on
///   processes or namespaces; E2BIG when arguments and environment are too large.
public func launch(
  _ plan: LaunchPlan, with descriptors: DescriptorTable, slot: CInt? = nil,
  stamps: LaunchStamps? = nil
) throws(SystemError) -> LaunchedContainer {
  let arena = try PlanArena()
  let status = try Pipe()
  let lifeline = try Pipe()
  // Safe: zero is a valid value of each member; the arena lives until the end of this function.
  var record = ol_plan()
  unsafe record.section = (
    try plan.records(of: .setup, in: arena, descriptors: descriptors),
    try plan.records(of: .guarding, in: arena, descriptors: descriptors),
    try plan.records(of: .command, in: arena, descriptors: descriptors)
  )
  record.namespaces = plan.namespaces.rawValue
  // Without it the child would run outside of its limits: not an error that can be left to chance.
  precondition(plan.cgroup.map { descriptors.number(of: $0) >= 0 } ?? true, "no cgroup to enter")
  record.cgroup = plan.cgroup.map { descriptors.number(of: $0) } ?? -1
  record.status_writer = status.writer.number
  record.lifeline_reader = lifeline.reader.number
  record.lifeline_writer = lifeline.writer.number
  record.slot = slot ?? -1
  record.null = descriptors.number(of: .null)
  record.stamps = stamps?.address ?? 0
  var process: CInt = -1
  // Safe: the child works on its own copy of the plan; only `process` is written here.
  let pid = try checkNegated(
    Int(unsafe ol_launch(&record, &process)), "clone3(2)", "of the container")
  withExtendedLifetime(arena) {}
  return LaunchedContainer(
    pid: pid, process: OwnedDescriptor(owning: process), status: status.takeReader(),
    lifeline: lifeline.takeWriter())
}

/// What PID 1 or the command's process reported.
public enum StatusRecord: Sendable, Hashable {
  /// An operation of the plan failed; nothing was executed.
  case failed(LaunchFailure)
  /// The command was executed.
  case started
  /// The command has ended.
  case exited(CommandExit)
  /// Every other process of the container is dead, too; only PID 1 is left, which ends now.
  case emptied

  /// Reads the records that have arrived; empty at the end of the pipe.
  ///
  /// Records are written whole (they are smaller than PIPE_BUF), so they are read whole.
  public static func read(from descriptor: CInt) throws(SystemError) -> [StatusRecord] {
    // Safe: an array of plain C records, of which read(2) fills a whole number.
    var buffer = [ol_record](repeating: ol_record(), count: 8)
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    let bytes = try check(count, "read(2)", "of the status pipe")
    return buffer.prefix(bytes / MemoryLayout<ol_record>.size).compactMap { StatusRecord($0) }
  }

  private init?(_ record: ol_record) {
    switch ol_record_kind(record.kind) {
    case OL_RECORD_FAILED: self = .failed(LaunchFailure(record))
    case OL_RECORD_STARTED: self = .started
    case OL_RECORD_EXITED: self = .exited(CommandExit(record))
    case OL_RECORD_EMPTIED: self = .emptied
    default: return nil
    }
  }
}

/// How the command ended, and what all of the container's processes used.
public struct CommandExit: Sendable, Hashable {
  /// The way in which a process ends. See wait(2).
  public enum Way: Sendable, Hashable {
    /// It called exit(2) with this status.
    case code(Int32)
    /// This signal killed it.
    case signal(Int32)
  }

  /// How it ended.
  public var way: Way
  /// False when it was killed before execve(2) had succeeded.
  public var wasExecuted: Bool
  /// Processor time in user mode.
  public var userTime: Duration
  /// Processor time in the kernel.
  public var systemTime: Duration

  /// States an exit, for tests.
  package init(_ way: Way, wasExecuted: Bool, userTime: Duration, systemTime: Duration) {
    self.way = way
    self.wasExecuted = wasExecuted
    self.userTime = userTime
    self.systemTime = systemTime
  }

  init(_ record: ol_record) {
    self.way = Way(waitStatus: record.wait_status)
    self.wasExecuted = record.executed != 0
    self.userTime = .microseconds(record.user_us)
    self.systemTime = .microseconds(record.system_us)
  }
}

extension CommandExit.Way {
  /// Reads a status of wait4(2) of a process that has ended.
  public init(waitStatus: CInt) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .code((waitStatus >> 8) & 0xff) : .signal(signal)
  }
}

/// An operation of a plan that failed in the child.
public struct LaunchFailure: Sendable, Hashable {
  /// The section of the plan.
  public var section: LaunchPlan.Section
  /// The place in the section; nil for what PID 1 does by itself.
  public var index: Int?
  /// The system call that failed, as its man page is named.
  public var call: String
  /// Whether execve(2) found the command's file but not the interpreter that the file names.
  public var isMissingInterpreter: Bool
  /// Whether execve(2) of the command failed.
  public var isExecution: Bool
  /// Why the kernel refused.
  public var errno: Errno
  /// The path, option or interpreter that the error is about; may be empty.
  public var detail: String

  /// States a failure, for tests.
  package init(
    section: LaunchPlan.Section, index: Int?, call: String, errno: Errno, detail: String = "",
    isExecution: Bool = false, isMissingInterpreter: Bool = false
  ) {
    self.section = section
    self.index = index
    self.call = call
    self.isMissingInterpreter = isMissingInterpreter
    self.isExecution = isExecution
    self.errno = errno
    self.detail = detail
  }

  init(_ record: ol_record) {
    let step = ol_step(record.step)
    self.section = LaunchPlan.Section(rawValue: record.section) ?? .setup
    self.index = record.operation == UInt32.max ? nil : Int(record.operation)
    self.call = step.callName
    self.isMissingInterpreter = step == OL_STEP_INTERPRETER
    self.isExecution = step == OL_STEP_EXECVE || step == OL_STEP_INTERPRETER
    self.errno = Errno(rawValue: record.error)
    // Safe: the bytes of a C array that is part of the record.
    self.detail = unsafe withUnsafeBytes(of: record.text) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// The operation, looked up in the plan that was launched.
  public func operation(in plan: LaunchPlan) -> LaunchPlan.Operation? {
    guard let index, plan[section].indices.contains(index) else { return nil }
    return plan[section][index]
  }
}

extension ol_step {
  /// The man page of the call, such as `mount(2)`.
  var callName: String {
    switch self {
    case OL_STEP_PRCTL: "prctl(2)"
    case OL_STEP_SIGPROCMASK: "sigprocmask(2)"
    case OL_STEP_SIGACTION: "sigaction(2)"
    case OL_STEP_WRITE: "write(2)"
    case OL_STEP_UNSHARE: "unshare(2)"
    case OL_STEP_SETNS: "setns(2)"
    case OL_STEP_MOUNT: "mount(2)"
    case OL_STEP_FSOPEN: "fsopen(2)"
    case OL_STEP_FSCONFIG: "fsconfig(2)"
    case OL_STEP_FSMOUNT: "fsmount(2)"
    case OL_STEP_OPENAT2: "openat2(2)"
    case OL_STEP_MKDIRAT: "mkdirat(2)"
    case OL_STEP_FCHOWNAT: "fchownat(2)"
    case OL_STEP_FSTAT: "fstat(2)"
    case OL_STEP_OPEN_TREE: "open_tree(2)"
    case OL_STEP_MOVE_MOUNT: "move_mount(2)"
    case OL_STEP_MOUNT_SETATTR: "mount_setattr(2)"
    case OL_STEP_FCHDIR: "fchdir(2)"
    case OL_STEP_PIVOT_ROOT: "pivot_root(2)"
    case OL_STEP_UMOUNT2: "umount2(2)"
    case OL_STEP_CHDIR: "chdir(2)"
    case OL_STEP_GETCWD: "getcwd(2)"
    case OL_STEP_SETHOSTNAME: "sethostname(2)"
    case OL_STEP_FORK: "clone(2)"
    case OL_STEP_SIGNALFD: "signalfd(2)"
    case OL_STEP_DUP3: "dup3(2)"
    case OL_STEP_CLOSE_RANGE: "close_range(2)"
    case OL_STEP_CAPSET: "capset(2)"
    case OL_STEP_SECCOMP: "seccomp(2)"
    case OL_STEP_SETSID: "setsid(2)"
    case OL_STEP_SETGROUPS: "setgroups(2)"
    case OL_STEP_SETRESGID: "setresgid(2)"
    case OL_STEP_SETRESUID: "setresuid(2)"
    case OL_STEP_KEYCTL: "keyctl(2)"
    case OL_STEP_LANDLOCK_RESTRICT_SELF: "landlock_restrict_self(2)"
    case OL_STEP_PRLIMIT: "setrlimit(2)"
    case OL_STEP_FCNTL: "fcntl(2)"
    case OL_STEP_EXECVE, OL_STEP_INTERPRETER: "execve(2)"
    case OL_STEP_SOCKET: "socket(2)"
    case OL_STEP_IOCTL: "ioctl(2)"
    case OL_STEP_SETPRIORITY: "setpriority(2)"
    case OL_STEP_SENDMSG: "sendmsg(2)"
    default: "the launch plan"
    }
  }
}
