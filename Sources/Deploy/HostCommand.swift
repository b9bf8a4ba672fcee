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

  /// Runs it to its end. Its standard input is the null device, or a file that holds `input`.
  ///
  /// What it leaves running in the background is left alone, but its output is not read any more:
  /// it has to go elsewhere.
  ///
  /// - Throws: EAGAIN, EMFILE, ENOMEM, and what starting `/bin/sh` refuses.
  package func run(
    _ interruptions: Interruptions, input: [UInt8]? = nil,
    heartbeat: AttendedProcess.Heartbeat? = nil, receive: (ArraySlice<UInt8>) -> Void
  ) throws(SystemError) -> AttendedProcess.End {
    let pipe = try Pipe()
    let source =
      if let input { try OwnedDescriptor(inMemory: input) } else {
        try OwnedDescriptor(opening: "/dev/null", flags: .reading)
      }
    let process = try HostProcess(
      "/bin/sh", arguments: [Array("sh".utf8), Array("-c".utf8), command.bytes],
      environment: Caller.environment(with: variables.map { ($0.name, $0.value.bytes) }),
      descriptors: [source.number, pipe.writer.number, pipe.writer.number])
    let attended = AttendedProcess(
      process, output: pipe.takeReader(), timeout: timeout, grace: grace, heartbeat: heartbeat)
    return try attended.attend(interruptions, receive: receive)
  }
}
