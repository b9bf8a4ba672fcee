public import ContainerSpec

/// The command of a phase, and which file of the release it is from.
public struct PhaseCommand: Sendable, Hashable {
  /// Where a command stands.
  public enum Source: Sendable, Hashable {
    /// In the Procfile.
    case procfile(TextPosition)
    /// In an app manifest, at a place such as `scripts.postdeploy`.
    case manifest(fileName: String, jsonPath: String)
  }

  /// The phase that runs: on a first deployment `first-deploy` in place of `postdeploy`, where the
  /// release has it.
  public let phase: Phase
  /// The command for the shell, as its author wrote it.
  public let command: ByteString
  /// Where it stands.
  public let source: Source
  /// A manifest's command of the same phase, which is not used: the Procfile wins.
  public let unused: Source?

  /// Makes a command of a phase.
  public init(phase: Phase, command: ByteString, source: Source, unused: Source? = nil) {
    self.phase = phase
    self.command = command
    self.source = source
    self.unused = unused
  }

  /// What says in a deployment's log what is about to run, and from where. The command is as its
  /// author wrote it: expanded, it could show secrets.
  public var step: String { "Running \(phase.name) hook of \(source): \(command)" }

  /// What says that another command of the phase is not used; nil where there is none.
  public var note: String? {
    unused.map { "Not used is \($0): \(source) has the phase, too" }
  }
}

extension PhaseCommand.Source: CustomStringConvertible {
  /// The file, and of a manifest the place in it.
  public var description: String {
    switch self {
    case .procfile: "the Procfile"
    case .manifest(let fileName, let jsonPath): "\(fileName) (\(jsonPath))"
    }
  }
}
