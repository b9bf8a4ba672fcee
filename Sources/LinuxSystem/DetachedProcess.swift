internal import CLaunch
import Glibc
public import SystemPackage

/// A program in a session of its own, which outlives this process.
public struct DetachedProcess: ~Copyable, Sendable {
  private let reports: OwnedDescriptor

  /// Starts a program whose 0 to 2 are the null device, whose 3 is a file in memory that holds the
  /// input, and whose 4 is the writing end of a pipe for reports. It has the environment and the
  /// working directory of this process.
  ///
  /// - Throws: ENOENT, EACCES when it cannot be executed; EAGAIN. See posix_spawn(3).
  public init(_ program: FilePath, arguments: [String], input: [UInt8]) throws(SystemError) {
    let pipe = try Pipe()
    let file = try OwnedDescriptor(inMemory: input)
    let null = try OwnedDescriptor(opening: "/dev/null", flags: .readingAndWriting)
    let descriptors = [null.number, null.number, null.number, file.number, pipe.writer.number]
    let arena = try PlanArena()
    let vector = unsafe try arena.vector(arguments.map { Array($0.utf8) })
    // Safe: the arena lives until the call has returned; the child is a program of its own by then.
    let result = unsafe program.withPlatformString { path in
      unsafe ol_spawn(path, vector, environ, descriptors, CInt(descriptors.count), 1)
    }
    _ = try checkNegated(result, "posix_spawn(3)", "of \(program)")
    self.reports = pipe.takeReader()
    withExtendedLifetime(arena) {}
  }

  /// Hands on every line that it reports, until `handle` returns false or it reports no more.
  public borrowing func readReports(
    _ handle: (ArraySlice<UInt8>) -> Bool
  ) throws(SystemError) { try reports.readLines(handle) }
}

/// Makes `/` the working directory, so that none is kept from being unmounted.
public func leaveWorkingDirectory() { _ = unsafe chdir("/") }
