package import ContainerSpec
package import LinuxSystem
import SystemPackage

/// A command of the platform's, which runs on the host and not in any container: what starts a new
/// version, gives it the requests, ends an old one.
package struct HostCommand: Sendable, Hashable {
  /// The command for the host's `/bin/sh -c`.
  package var command: ByteString
  /// What it finds in its environment besides that of this process.
  package var variables: [EnvironmentVariable]
  /// How long it may take; then it gets SIGTERM.
  package var timeout: Duration?
  /// How long it may go on after it was told to end.
  package var grace: Duration

  package init(
    _ command: ByteString, variables: [EnvironmentVariable], timeout: Duration?, grace: Duration
  ) {
    self.command = command
    self.variables = variables
    self.timeout = timeout
    self.grace = grace
  }

  /// Has a shell run the command, which is its `$0`, and wait for it with the lock as its
  /// descriptor 3, which the command has not. Signals are the command's affair.
  private static let keeper = "trap : HUP INT QUIT TERM; /bin/sh -c \"$0\" 3>&-"

  /// Runs it to its end. Its standard input is the null device, or a file that holds `input`.
  ///
  /// What it leaves running in the background is left alone, but its output is not read any more:
  /// it has to go elsewhere.
  ///
  /// - Parameter lock: what is locked while the command runs, also when this process is killed.
  ///   What it leaves running does not have it.
  /// - Throws: EAGAIN, EMFILE, ENOMEM, and what starting `/bin/sh` refuses.
  package func run(
    _ interruptions: Interruptions, holding lock: CInt? = nil, input: [UInt8]? = nil,
    heartbeat: AttendedProcess.Heartbeat? = nil, receive: (ArraySlice<UInt8>) -> Void
  ) throws(SystemError) -> AttendedProcess.End {
    let pipe = try Pipe()
    let source =
      if let input { try OwnedDescriptor(inMemory: input) } else {
        try OwnedDescriptor(opening: "/dev/null", flags: .reading)
      }
    let words =
      lock == nil
      ? ["sh", "-c"].map { Array($0.utf8) } + [command.bytes]
      : ["sh", "-c", Self.keeper].map { Array($0.utf8) } + [command.bytes]
    let process = try HostProcess(
      "/bin/sh", arguments: words,
      environment: Caller.environment(with: variables.map { ($0.name, $0.value.bytes) }),
      descriptors: [source.number, pipe.writer.number, pipe.writer.number]
        + (lock.map { [$0] } ?? []))
    let attended = AttendedProcess(
      process, output: pipe.takeReader(), timeout: timeout, grace: grace, heartbeat: heartbeat)
    return try attended.attend(interruptions, receive: receive)
  }
}
