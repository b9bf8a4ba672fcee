internal import CLaunch
import Glibc
public import SystemPackage

/// A program in a session of its own, which outlives this process.
public struct DetachedProcess: ~Copyable, Sendable {
  private let reports: OwnedDescriptor
  private var connection: OwnedDescriptor?

  /// Starts a program whose 0 to 2 are the null device, whose 3 is a file in memory that holds the
  /// input, and whose 4 is the writing end of a pipe for reports. It has the environment and the
  /// working directory of this process.
  ///
  /// - Parameter connected: whether its 5 is a stream socket that is connected to this process.
  /// - Throws: ENOENT, EACCES when it cannot be executed; EAGAIN. See posix_spawn(3).
  public init(
    _ program: FilePath, arguments: [String], input: [UInt8], connected: Bool
  ) throws(SystemError) {
    let pipe = try Pipe()
    let file = try OwnedDescriptor(inMemory: input)
    let null = try OwnedDescriptor(opening: "/dev/null", flags: .readingAndWriting)
    var descriptors = [null.number, null.number, null.number, file.number, pipe.writer.number]
    var ours: OwnedDescriptor?
    var theirs: OwnedDescriptor?
    if connected { try Self.connect(&ours, &theirs) }
    if let number = theirs?.number { descriptors.append(number) }
    _ = try spawn(
      program, arguments.map { Array($0.utf8) }, descriptors: descriptors, inNewSession: true)
    self.reports = pipe.takeReader()
    self.connection = ours.take()
  }

  /// Two stream sockets that are connected to each other. See socketpair(2).
  private static func connect(
    _ ours: inout OwnedDescriptor?, _ theirs: inout OwnedDescriptor?
  ) throws(SystemError) {
    var (first, second): (CInt, CInt) = (-1, -1)
    // Safe: the call writes both numbers and keeps no pointer.
    _ = try checkNegated(unsafe ol_control_pair(&first, &second), "socketpair(2)")
    ours = OwnedDescriptor(owning: first)
    theirs = OwnedDescriptor(owning: second)
  }

  /// This process's end of the connection, to be taken once; nil where there is none.
  public mutating func takeConnection() -> OwnedDescriptor? { connection.take() }

  /// Hands on every line that it reports, until `handle` returns false or it reports no more.
  public borrowing func readReports(
    _ handle: (ArraySlice<UInt8>) -> Bool
  ) throws(SystemError) { try reports.readLines(handle) }
}

/// Makes `/` the working directory, so that none is kept from being unmounted.
public func leaveWorkingDirectory() {
  // Safe: the path is a constant.
  _ = unsafe chdir("/")
}

/// Makes a directory the working directory.
///
/// - Throws: ENOENT, EACCES, ENOTDIR. See chdir(2).
public func enterWorkingDirectory(_ path: FilePath) throws(SystemError) {
  // Safe: the kernel copies the path before the call returns.
  let result = unsafe path.withPlatformString { unsafe chdir($0) }
  _ = try check(result, "chdir(2)", "to \(path)")
}
