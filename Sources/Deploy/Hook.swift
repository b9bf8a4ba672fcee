public import ContainerSpec
public import SystemPackage

/// A phase of an app's release, to be run in a one-off container.
public struct Hook: Sendable, Hashable {
  /// The phase, which names the Procfile's entry.
  public var phase: Phase
  /// The release on the host.
  public var appDirectory: FilePath
  /// Where the command sees the release, and starts.
  public var mountPoint: FilePath
  /// The app's name, which the command sees as APP; the directory's own name when nil.
  public var app: String?
  /// The release's version, which the command sees as CONTAINER_VERSION.
  public var containerVersion: String?
  /// The set of limits that was asked for, which the command sees as CONTAINER_SIZE.
  public var size: RunSize?
  /// The stack that the image is of, which the command sees as STACK.
  public var stack: String?
  /// The revision of the sources, which the command sees as SOURCE_VERSION.
  public var sourceVersion: String?
  /// Why the hook runs.
  public var reason: HookReason
  /// Whether the release has scripts that are sourced before the command: `.profile`, or a
  /// directory `.profile.d`.
  public var hasProfile: Bool

  /// Names a release and its phase.
  public init(appDirectory: FilePath, phase: Phase = .postdeploy) {
    self.phase = phase
    self.appDirectory = appDirectory
    self.mountPoint = "/app"
    self.app = nil
    self.containerVersion = nil
    self.size = nil
    self.stack = nil
    self.sourceVersion = nil
    self.reason = HookReason()
    self.hasProfile = false
  }

  /// How long a hook may take.
  public static let defaultTimeout = Duration.seconds(20 * 60)
  /// How much of a hook's output goes into the deployment's log.
  public static let defaultLogMaximum = ByteCount.mebibytes(100)

  /// The app's name: the directory's own where none was given.
  public var appName: String {
    let directory = appDirectory.lastComponent.flatMap { $0.kind == .regular ? $0.string : nil }
    return app ?? directory ?? "app"
  }

  /// The run of a command with a hook's defaults: in the release's directory, with the host's
  /// network, as the directory's owner, bounded in its time and output.
  ///
  /// The image's bash runs it, else its sh. Of the environment, `defaults` (those of the app's
  /// manifest) replace the defaults PATH, HOME and LANG, `variables` (the app's own) replace both,
  /// and what the platform says about the run replaces all: `$CONTAINER_VERSION` in a hook must be
  /// the release's. ``complete(_:)`` is to be called when nothing else changes any more.
  ///
  /// - Throws: ``SpecError`` when the app's name or version contains NUL.
  public func spec(
    running command: PhaseCommand, layers: [FilePath], defaults: [EnvironmentVariable] = [],
    variables: [EnvironmentVariable]
  ) throws(SpecError) -> RunSpec {
    var spec = RunSpec(layers: layers, command: ["bash", "-c", command.command])
    spec.fallbackCommand = ["sh", "-c", command.command]
    spec.app = AppDirectory(source: appDirectory, mountPoint: mountPoint)
    spec.workingDirectory = mountPoint
    spec.network = .host
    spec.timeout = Self.defaultTimeout
    spec.logMaximum = Self.defaultLogMaximum
    spec.masking = .auto
    spec.watchedDirectories = AssetDirectories.names.map { mountPoint.appending($0) }
    spec.environment.set([
      try EnvironmentVariable(name: "PATH", value: RunSpec.defaultPath),
      try EnvironmentVariable(name: "HOME", value: ByteString(mountPoint.string)),
      try EnvironmentVariable(name: "LANG", value: "C.UTF-8"),
    ])
    // What a release says of itself is no word of the platform's.
    spec.environment.set(defaults.filter { !$0.name.hasPrefix("ONEOFF_") })
    spec.environment.set(variables)
    spec.environment.set(try platformVariables(of: command.phase))
    return spec
  }

  private func platformVariables(of phase: Phase) throws(SpecError) -> [EnvironmentVariable] {
    let optional = [
      ("CONTAINER_VERSION", containerVersion), ("CONTAINER_SIZE", size?.rawValue),
      ("STACK", stack), ("SOURCE_VERSION", sourceVersion),
      ("ONEOFF_PREVIOUS_VERSION", reason.previousVersion),
    ]
    var variables: [EnvironmentVariable] = []
    for (name, value) in [
      ("APP", appName), ("CONTAINER", "\(phase.name)-1"), ("CONTAINER_TYPE", phase.name),
      ("ONEOFF_PHASE", phase.name), ("ONEOFF_REASON", reason.reason.rawValue),
      ("ONEOFF_ATTEMPT", "\(reason.attempt)"),
    ] + optional {
      guard let value else { continue }
      variables.append(
        try EnvironmentVariable(
          name: name, value: ByteString(value, subject: "the value of \(name)")))
    }
    return variables
  }
}
