internal import CLaunch
import Glibc
import SystemPackage

/// Which ids of a user namespace stand for which ids of the host. See user_namespaces(7).
public struct IDMap: Sendable, Hashable {
  /// A run of consecutive ids.
  public struct Range: Sendable, Hashable {
    /// The first id in the namespace.
    public var inside: UInt32
    /// The host's id that it stands for.
    public var host: UInt32
    /// How many ids follow each other.
    public var count: UInt32

    /// Names a run of ids.
    public init(inside: UInt32, host: UInt32, count: UInt32) {
      self.inside = inside
      self.host = host
      self.count = count
    }
  }

  /// The runs; at most 340, without overlap.
  public var ranges: [Range]

  /// Makes a map.
  public init(_ ranges: [Range]) { self.ranges = ranges }

  /// The text of /proc/PID/uid_map.
  var text: [UInt8] {
    var text = ""
    for range in ranges { text += "\(range.inside) \(range.host) \(range.count)\n" }
    return Array(text.utf8)
  }
}

/// How much of inotify(7) the processes of a user namespace can have. It counts against the
/// namespace's maker, too, whose own limit is 128 instances on most hosts. See inotify(7),
/// namespaces(7).
public struct InotifyLimits: Sendable, Hashable {
  /// How many instances each user of the namespace can have; not 0.
  public var instances: UInt32
  /// How many watches each user can have, all instances together; not 0.
  public var watches: UInt32

  /// States both.
  public init(instances: UInt32, watches: UInt32) {
    self.instances = instances
    self.watches = watches
  }
}

/// Makes user namespaces, each of which is kept alive by its descriptor alone.
public final class UserNamespaceMaker {
  /// The processes that hold them, which are reaped when this object goes.
  private var holders: [NamespaceHolder] = []

  /// Makes a maker.
  public init() {}

  /// Makes a user namespace with these maps, and these limits where /proc/sys can be written: they
  /// hold once ``finish()`` has returned.
  ///
  /// - Throws: EPERM without CAP_SETUID and CAP_SETGID over the mapped ids; ENOSPC when there are
  ///   as many namespaces as /proc/sys/user/max_user_namespaces allows; what the writer throws.
  public func make(
    users: IDMap, groups: IDMap, limits: InotifyLimits? = nil, by writer: IDMapWriter = .ourselves
  ) throws(SystemError) -> OwnedDescriptor {
    // Safe: `start` keeps the memory of the holder's state, which lives until the process was
    // reaped.
    let holder = unsafe try NamespaceHolder {
      if let limits {
        unsafe $0.pointee.inotify_instances = limits.instances
        unsafe $0.pointee.inotify_watches = limits.watches
      }
      return unsafe ol_start_user_namespace_holder($0)
    }
    holders.append(holder)
    defer { holder.end() }
    try writer.write(users: users, groups: groups, of: holder.pid)
    return try holder.open("ns/user")
  }

  /// Waits until the limits hold.
  ///
  /// - Throws: ECHILD when a process that writes them was killed.
  public func finish() throws(SystemError) {
    for holder in holders { try holder.waitUntilReady("of the user namespace") }
  }
}

extension UserNamespaceMaker {
  /// Makes one without maps and lets it go.
  func tryOne() throws(SystemError) {
    // Safe: as above.
    let holder = unsafe try NamespaceHolder { unsafe ol_start_user_namespace_holder($0) }
    holder.end()
  }
}

/// Makes a network namespace in which loopback is up, while the caller goes on: it takes the kernel
/// as long as everything else that is prepared for a run.
public final class NetworkNamespaceMaker {
  private let holder: NamespaceHolder

  /// Starts to make a network namespace, of the host's user namespace.
  public init() throws(SystemError) {
    // Safe: as above.
    holder = unsafe try NamespaceHolder { unsafe ol_start_network_namespace_holder($0) }
  }

  /// Waits for the namespace.
  ///
  /// - Throws: EPERM without CAP_SYS_ADMIN; ENOSPC when there are as many namespaces as
  ///   /proc/sys/user/max_net_namespaces allows; EMFILE. See unshare(2), netdevice(7).
  public func finish() throws(SystemError) -> OwnedDescriptor {
    defer { holder.end() }
    try holder.waitUntilReady("of the network namespace")
    return try holder.open("ns/net")
  }
}

/// A process that holds a namespace open until the end of a pipe. It is reaped when the object
/// goes: waiting at once would take as long as it takes to wake up and end.
@safe
private final class NamespaceHolder {
  let pid: Int32
  private let ready: OwnedDescriptor
  private var pipe: Pipe?
  // Safe: the memory is freed after the process was reaped.
  private let state: UnsafeMutablePointer<ol_holder>
  private let stack: UnsafeMutableRawPointer

  init(
    _ start: (UnsafeMutablePointer<ol_holder>) -> pid_t
  ) throws(SystemError) {
    let pipe = try Pipe()
    let ready = try Pipe()
    unsafe stack = .allocate(byteCount: Int(OL_HOLDER_STACK_SIZE), alignment: 16)
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(
      to: ol_holder(
        reader: pipe.reader.number, writer: pipe.writer.number, ready: ready.writer.number,
        inotify_instances: 0, inotify_watches: 0, step: OL_STEP_NONE, error: 0, stack: stack))
    let result = unsafe start(state)
    guard result >= 0 else {
      unsafe state.deallocate()
      unsafe stack.deallocate()
      throw SystemError(
        call: "clone(2)", subject: "of a namespace's holder", errno: Errno(rawValue: -result))
    }
    self.pid = result
    self.ready = ready.takeReader()
    self.pipe = consume pipe
  }

  deinit {
    end()
    _ = ol_wait_for(pid)
    unsafe state.deallocate()
    unsafe stack.deallocate()
  }

  /// Where procfs shows the process.
  var directory: String { "/proc/\(pid)" }

  /// Opens a file of the process in procfs.
  func open(_ name: String) throws(SystemError) -> OwnedDescriptor {
    try OwnedDescriptor(opening: FilePath("\(directory)/\(name)"), flags: .reading)
  }

  func waitUntilReady(_ subject: String) throws(SystemError) {
    guard try !readAvailable(ready.number, atMost: 1, subject: subject).isEmpty else {
      throw SystemError(call: "unshare(2)", subject: subject, errno: .noChildProcess)
    }
    // Safe: the process has written both before it wrote the byte.
    let (step, error) = unsafe (state.pointee.step, state.pointee.error)
    guard step == OL_STEP_NONE else {
      throw SystemError(call: step.callName, subject: subject, errno: Errno(rawValue: error))
    }
  }

  /// Lets the process end.
  func end() { pipe = nil }
}
