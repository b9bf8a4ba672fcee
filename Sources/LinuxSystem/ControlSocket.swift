internal import CLaunch
import Glibc
import SystemPackage

/// The socket through which other processes of the same user, or of root, reach the supervisor of a
/// run. It never waits for any of them.
///
/// It has a name in a directory that only its owner may enter, and mode 0600. Its path is that of
/// the directory's descriptor, so that it is never too long for an address. See unix(7).
public struct ControlSocket: ~Copyable, Sendable {
  /// Readable when somebody has connected.
  public let listener: OwnedDescriptor
  private let directory: OwnedDescriptor
  private let name: String

  /// Connections that wait to be accepted.
  private static let backlog: CInt = 16

  /// Listens under a name in a directory. What a listener that is dead has left there is removed.
  ///
  /// - Throws: EADDRINUSE when somebody listens there; the errnos of bind(2).
  public init(_ name: String, in directory: consuming OwnedDescriptor) throws(SystemError) {
    self.listener = try Self.listen(name, in: directory)
    self.directory = directory
    self.name = name
  }

  private static func listen(
    _ name: String, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> OwnedDescriptor {
    try directory.waitForLock(.exclusive, subject: "of the control sockets")
    defer { directory.unlock() }
    try removeUnlessAlive(name, in: directory)
    // Safe: the kernel copies the path before the call returns.
    let result = unsafe ol_control_listen(path(name, directory), backlog)
    return OwnedDescriptor(
      owning: try checkNegated(result, "bind(2)", "of the control socket \(name)"))
  }

  /// Takes the next connection.
  ///
  /// - Returns: nil when nobody waits. Somebody who may not connect is sent away, and not returned.
  /// - Throws: EMFILE at a limit on open files.
  public borrowing func accept() throws(SystemError) -> ControlConnection? {
    while true {
      do throws(SystemError) {
        let connection = OwnedDescriptor(
          owning: try checkNegated(ol_control_accept(listener.number), "accept4(2)"))
        guard Self.isAllowed(try Self.peer(of: connection)) else { continue }
        return ControlConnection(connection)
      } catch let error where error.errno == .resourceTemporarilyUnavailable {
        return nil
      } catch let error where error.errno == .connectionAbort || error.errno == .interrupted {
        continue
      }
    }
  }

  private static func isAllowed(_ user: UInt32) -> Bool { user == 0 || user == geteuid() }

  private static func peer(of connection: borrowing OwnedDescriptor) throws(SystemError) -> UInt32 {
    var user: UInt32 = 0
    // Safe: the call writes one number.
    _ = try checkNegated(unsafe ol_control_peer(connection.number, &user), "getsockopt(2)")
    return user
  }

  /// Removes the name, under which somebody else may then listen, and gives the descriptor up.
  ///
  /// A name that cannot be removed is in nobody's way: who listens under it next removes it.
  public consuming func remove() { try? directory.removeFile(name) }

  /// Connects to the one that listens under a name.
  ///
  /// - Returns: nil when nobody does.
  /// - Throws: EAGAIN when there is no room for 10 seconds, EACCES.
  public static func connect(
    to name: String, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      // Safe: the kernel copies the path before the call returns.
      let result = unsafe ol_control_connect(Self.path(name, directory), timeoutInSeconds)
      return OwnedDescriptor(
        owning: try checkNegated(result, "connect(2)", "to the supervisor of the run \(name)"))
    } catch let error
      where error.errno == .noSuchFileOrDirectory || error.errno == .connectionRefused
    {
      return nil
    }
  }

  /// How long a supervisor is waited for that does not answer; it may be stopped.
  private static let timeoutInSeconds: CInt = 10

  /// Removes what a listener that is dead has left under a name.
  ///
  /// - Returns: false while somebody has the socket open.
  public static func removeLeftover(
    _ name: String, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> Bool {
    try directory.waitForLock(.exclusive, subject: "of the control sockets")
    defer { directory.unlock() }
    do throws(SystemError) {
      try removeUnlessAlive(name, in: directory)
      return true
    } catch let error where error.errno == .addressInUse {
      return false
    }
  }

  /// With the directory's lock, so that nobody is between bind(2) and listen(2).
  private static func removeUnlessAlive(
    _ name: String, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) {
    guard try directory.status(of: name) != nil else { return }
    guard try !isAlive(name, in: directory) else {
      throw SystemError(
        call: "bind(2)", subject: "of the control socket \(name)", errno: .addressInUse,
        hint: "a run of that name, whose record is in another directory, is alive")
    }
    try directory.removeFile(name)
  }

  /// Whether somebody listens, also where he takes nobody now. It is not waited for: whoever holds
  /// the lock must not keep others from starting a run.
  private static func isAlive(
    _ name: String, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> Bool {
    do throws(SystemError) {
      // Safe: the kernel copies the path before the call returns.
      let result = unsafe ol_control_connect(path(name, directory), 0)
      _ = OwnedDescriptor(owning: try checkNegated(result, "connect(2)"))
      return true
    } catch let error
      where error.errno == .noSuchFileOrDirectory || error.errno == .connectionRefused
    {
      return false
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return true
    }
  }

  private static func path(_ name: String, _ directory: borrowing OwnedDescriptor) -> String {
    "/proc/self/fd/\(directory.number)/\(name)"
  }
}

/// Somebody who has connected to a ``ControlSocket``.
public struct ControlConnection: ~Copyable, Sendable {
  /// To be watched.
  public let descriptor: OwnedDescriptor

  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// Takes over the supervisor's end of a connection that it was started with.
  public init(inherited descriptor: consuming OwnedDescriptor) {
    _ = ol_set_nonblocking(descriptor.number)
    self.descriptor = descriptor
  }

  /// What has come.
  public enum Arrival: Sendable, Hashable {
    case bytes([UInt8])
    /// Nothing now.
    case nothing
    /// He is gone.
    case end
  }

  /// Reads what has come, without waiting.
  public borrowing func receive() -> Arrival {
    do throws(SystemError) {
      let bytes = try readOnce(
        from: descriptor.number, capacity: 4 << 10, subject: "of a control connection")
      return bytes.isEmpty ? .end : .bytes(bytes)
    } catch {
      return error.errno == .resourceTemporarilyUnavailable ? .nothing : .end
    }
  }

  /// Sends as much as is accepted now.
  ///
  /// - Returns: how many bytes that were; nil when he is gone.
  public borrowing func send(_ bytes: ArraySlice<UInt8>) -> Int? {
    do throws(SystemError) {
      // Safe: the call reads at most as many bytes as it is told there are.
      let count = unsafe bytes.withUnsafeBytes {
        unsafe ol_control_send(descriptor.number, $0.baseAddress, $0.count)
      }
      return Int(try checkNegated(count, "send(2)"))
    } catch {
      return error.errno == .resourceTemporarilyUnavailable || error.errno == .interrupted
        ? 0 : nil
    }
  }

  /// Whether the other end is closed. See poll(2), POLLHUP.
  public var isClosed: Bool {
    var asked = pollfd(fd: descriptor.number, events: 0, revents: 0)
    // Safe: one structure of ours is filled.
    return unsafe poll(&asked, 1, 0) == 1 && asked.revents & Int16(POLLHUP) != 0
  }

  /// Waits until more can be sent, or the time is over; nil for as long as it takes.
  public borrowing func waitForRoom(atMost time: Duration?) {
    let milliseconds = time?.pollTimeout ?? -1
    var waiting = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
    // Safe: one structure of ours is filled.
    _ = unsafe poll(&waiting, 1, milliseconds)
  }
}

extension OwnedDescriptor {
  /// Reads at least one byte of what a supervisor has sent; none at the end.
  ///
  /// - Throws: EAGAIN when it sends nothing for 10 seconds.
  public borrowing func receive() throws(SystemError) -> [UInt8] {
    do throws(SystemError) {
      return try readOnce(
        from: number, capacity: 64 << 10, subject: "of the supervisor's answer")
    } catch let error where error.errno == .connectionReset {
      return []
    }
  }
}
