internal import CLaunch
import Glibc
public import SystemPackage

/// A program of the host's that this process has started, in a session of its own: what a terminal
/// sends to the caller does not reach it, and all that it starts can be told to end with it.
public struct HostProcess: ~Copyable, Sendable {
  /// Readable once it has ended. See pidfd_open(2).
  public let ended: OwnedDescriptor
  private let pid: Int32

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - environment: `NAME=VALUE`, each; that of this process when nil.
  ///   - descriptors: what it has as its 0, 1, 2 and so on, and nothing else.
  /// - Throws: ENOENT, EACCES when it cannot be executed; EAGAIN, EMFILE. See posix_spawn(3).
  public init(
    _ program: FilePath, arguments: [[UInt8]], environment: [[UInt8]]? = nil,
    descriptors: [CInt]
  ) throws(SystemError) {
    let pid = try spawn(
      program, arguments, environment: environment, descriptors: descriptors, inNewSession: true)
    // Nobody else waits for it: until then the number is its own.
    do throws(SystemError) {
      self.ended = OwnedDescriptor(
        owning: try checkNegated(ol_pidfd_open(pid), "pidfd_open(2)"))
      self.pid = pid
    } catch {
      kill(-pid, SIGKILL)
      _ = ol_wait_for(pid)
      throw error
    }
  }

  /// Sends a signal to it and to everything that it has started, but for what has left its process
  /// group. Only before ``wait()``.
  public borrowing func signal(_ number: Int32) { kill(-pid, number) }

  /// Waits for its end, and says how it ended. Once.
  public borrowing func wait() throws(SystemError) -> CommandExit.Way {
    .init(waitStatus: try checkNegated(ol_wait_for(pid), "wait4(2)", "of the program"))
  }
}

/// Starts a program; safe with any number of threads.
///
/// - Parameters:
///   - environment: `NAME=VALUE`, each; that of this process when nil.
///   - descriptors: what it has as its 0, 1, 2 and so on, and nothing else.
/// - Returns: its process id.
/// - Throws: ENOENT, EACCES when it cannot be executed; EMFILE; EAGAIN. See posix_spawn(3).
func spawn(
  _ program: FilePath, _ arguments: [[UInt8]], environment: [[UInt8]]? = nil, descriptors: [CInt],
  inNewSession: Bool = false
) throws(SystemError) -> Int32 {
  let arena = try PlanArena()
  defer { withExtendedLifetime(arena) {} }
  // Safe: the arena lives until the call has returned; the child is a program of its own by then.
  let vector = unsafe try arena.vector(arguments)
  var variables: UnsafePointer<UnsafePointer<CChar>?>?
  // Safe: as above.
  if let environment { unsafe variables = unsafe try arena.vector(environment) }
  let result = unsafe program.withPlatformString { path in
    unsafe ol_spawn(
      path, vector, variables, descriptors, CInt(descriptors.count), inNewSession ? 1 : 0)
  }
  return try checkNegated(result, "posix_spawn(3)", "of \(program)")
}

extension OwnedDescriptor {
  /// Reads what there is, waiting for the first byte only; nothing at the end.
  ///
  /// - Throws: the errnos of read(2).
  public borrowing func readSome() throws(SystemError) -> [UInt8] {
    try readOnce(from: number, capacity: 64 << 10, subject: "of the output of a program")
  }
}
