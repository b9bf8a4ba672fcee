import ContainerSpec
import LinuxSystem

/// The supervisor's ends of the command's standard streams. The command's own ends are in the
/// descriptors of the launch.
final class CommandStreams {
  /// What the streams are.
  enum Kind: Sendable, Hashable {
    /// Pipes, for the output one or two; the input is the null device where there is none.
    case pipes(hasInput: Bool, areMerged: Bool)
    /// A terminal of that size, and whether anybody types there.
    case terminal(TerminalSize, hasInput: Bool)
  }

  /// What the command writes; all of it, where that is one stream.
  let stdout: InputReader
  /// What it writes to its standard error; nil where both are one, as on a terminal.
  let stderr: InputReader?
  /// Whether the command has a terminal.
  let isTerminal: Bool
  /// Where its input goes; nil when it has none, or once it was taken.
  private var input: OutputWriter?
  /// The terminal's device, which is held open so that its end is that of the container: a command
  /// may close it and open it again.
  private var device: OwnedDescriptor?

  /// Makes them, and puts the command's ends into the table.
  ///
  /// - Parameters:
  ///   - owner: the run's user, who may otherwise not open /dev/stdin, /dev/stderr or /dev/tty.
  ///   - openNull: opens the container's own null device.
  init(
    _ kind: Kind, owner: LaunchPlan.Owner, _ descriptors: DescriptorTable,
    openNull: () throws(SystemError) -> OwnedDescriptor
  ) throws(SystemError) {
    switch kind {
    case .terminal(let size, let hasInput):
      let controller = try descriptors.open("ptmx", below: .terminals)
      // BEFORE the command is there: it finds its terminal as large as it is.
      try setTerminalSize(controller.number, rows: size.rows, columns: size.columns)
      let device = try openTerminalDevice(of: controller, owner: owner)
      descriptors.adopt(try device.duplicate(), as: .terminal)
      self.device = consume device
      // A descriptor of its own: each is watched for something else.
      self.input = hasInput ? OutputWriter(owning: try controller.duplicate()) : nil
      self.stdout = try InputReader(controller)
      self.stderr = nil
      self.isTerminal = true
    case .pipes(let hasInput, let areMerged):
      if hasInput {
        let pipe = try Pipe()
        try pipe.reader.setOwner(owner)
        self.input = OutputWriter(owning: descriptors.adoptReader(of: pipe, as: .standardInput))
      } else {
        descriptors.adopt(try openNull(), as: .standardInput)
        self.input = nil
      }
      self.device = nil
      self.stdout = try Self.makeOutputPipe(.standardOutput, owner, descriptors)
      self.stderr =
        areMerged ? nil : try Self.makeOutputPipe(.standardError, owner, descriptors)
      self.isTerminal = false
    }
  }

  private static func makeOutputPipe(
    _ name: DescriptorName, _ owner: LaunchPlan.Owner, _ descriptors: DescriptorTable
  ) throws(SystemError) -> InputReader {
    let pipe = try Pipe()
    try pipe.writer.setOwner(owner)
    return try InputReader(descriptors.adoptWriter(of: pipe, as: name))
  }

  /// Where the command's input goes, to be taken once: its end is when this is let go of.
  func takeInput() -> OutputWriter? {
    defer { input = nil }
    return input
  }

  /// Tells the terminal how large it is now.
  func resize(_ size: TerminalSize) {
    // It is gone, or it is not: nothing depends on it.
    try? setTerminalSize(stdout.descriptor, rows: size.rows, columns: size.columns)
  }

  /// Lets the terminal come to its end. Does nothing where there is none.
  func closeDevice() { device = nil }
}

extension CommandStreams.Kind {
  /// What a specification asks for.
  init(_ spec: RunSpec) {
    let hasInput = spec.standardInput == .caller
    if let size = spec.terminal {
      self = .terminal(size, hasInput: hasInput)
    } else {
      self = .pipes(hasInput: hasInput, areMerged: spec.mergesOutput)
    }
  }

  /// The streams as `print-plan` shows them.
  var text: String {
    switch self {
    case .pipes(let hasInput, let areMerged):
      "\(hasInput ? "a pipe with input" : "the null device"), \(areMerged ? "a pipe" : "two pipes")"
    case .terminal(let size, let hasInput):
      "a terminal of \(size.rows) rows and \(size.columns) columns"
        + (hasInput ? ", with input," : "")
    }
  }
}
