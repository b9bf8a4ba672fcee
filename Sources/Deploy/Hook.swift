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

  /// Names a release and its phase.
  public init(appDirectory: FilePath, phase: Phase = .postdeploy) {
    self.phase = phase
    self.appDirectory = appDirectory
    self.mountPoint = "/app"
    self.app = nil
    self.containerVersion = nil
  }

  /// How long a hook may take.
  public static let defaultTimeout = Duration.seconds(20 * 60)
  /// How much of a hook's output goes into the deployment's log.
  public static let defaultLogMaximum = ByteCount.mebibytes(100)

  /// Where the release's Procfile is.
  public var procfilePath: FilePath { appDirectory.appending("Procfile") }

  /// The run of an entry with a hook's defaults: in the release's directory, with the host's
  /// network, as the directory's owner, bounded in its time and output.
  ///
  /// The image's bash runs it, else its sh. Of the environment, `variables` (the app's own) replace
  /// the defaults PATH, HOME and LANG, and what the platform says about the run replaces both:
  /// `$CONTAINER_VERSION` in a hook must be the release's.
  ///
  /// - Throws: ``SpecError`` when the app's name or version contains NUL.
  public func spec(
    running entry: Procfile.Entry, layers: [FilePath], variables: [EnvironmentVariable]
  ) throws(SpecError) -> RunSpec {
    var spec = RunSpec(layers: layers, command: ["bash", "-c", entry.command])
    spec.fallbackCommand = ["sh", "-c", entry.command]
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
    spec.environment.set(variables)
    spec.environment.set(try platformVariables())
    return spec
  }

  /// The name of the app, or of the release's directory.
  public var appName: String {
    let directory = appDirectory.lastComponent.flatMap { $0.kind == .regular ? $0.string : nil }
    return app ?? directory ?? "app"
  }

  private func platformVariables() throws(SpecError) -> [EnvironmentVariable] {
    var variables = [
      try EnvironmentVariable(name: "APP", value: ByteString(appName, subject: "the app's name")),
      try EnvironmentVariable(name: "CONTAINER", value: ByteString("\(phase.name)-1")),
      try EnvironmentVariable(name: "CONTAINER_TYPE", value: ByteString(phase.name)),
    ]
    if let containerVersion {
      variables.append(
        try EnvironmentVariable(
          name: "CONTAINER_VERSION",
          value: ByteString(containerVersion, subject: "the container's version")))
    }
    return variables
  }
}
