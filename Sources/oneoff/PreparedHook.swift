import ContainerSpec
import Deploy
import OneOff
import SystemPackage

/// A phase of a release, looked up and ready to be run.
struct PreparedHook: Sendable {
  /// The command, and where the release has it.
  let command: PhaseCommand
  /// What is to be run.
  var spec: RunSpec
  /// That it be recorded; nil when it must not.
  let record: RecordRequest?

  /// What a sentence on its end says of it.
  var name: String { "The \(command.phase.name) hook" }

  /// Looks a phase up; nil where the release has none of that name.
  ///
  /// - Throws: what is wrong with the release's files, or with the options.
  init?(
    _ hook: Hook, _ files: ReleaseFiles, _ options: Options, isFirstDeployment: Bool
  ) throws {
    guard
      let command = try files.command(for: hook.phase, isFirstDeployment: isFirstDeployment)
    else { return nil }
    let isRecorded = try options.record.isWantedByDefault()
    self.command = command
    self.spec = try Self.spec(of: hook, running: command, files, options.run)
    self.record =
      isRecorded
      ? RecordRequest(
        kind: .hook, app: hook.appName, command: [command.command],
        isRequired: options.record.isWanted) : nil
  }

  /// The run of a command of a release, with its environment and all that the options say.
  private static func spec(
    of hook: Hook, running command: PhaseCommand, _ files: ReleaseFiles, _ options: RunOptions
  ) throws -> RunSpec {
    var hook = hook
    hook.size = options.size
    hook.hasProfile = try hasProfile(hook.appDirectory)
    let environment = try options.environment()
    var spec = try hook.spec(
      running: command, layers: options.imageLayers(),
      defaults: files.manifest?.defaults() ?? [], variables: environment.variables)
    spec.secrets = environment.secrets
    options.apply(to: &spec)
    spec.id = try spec.id ?? .random()
    try hook.complete(&spec)
    if let manifest = files.manifest {
      try manifest.checkRequired(in: spec.environment)
      try addSecrets(of: manifest, app: hook.app, to: &spec)
    }
    try spec.validate()
    return spec
  }

  /// Sets the variables whose values are secrets that are made once, and kept with the app.
  ///
  /// The app must have been named: a release's directory has another name each time, and the app
  /// would have another secret.
  private static func addSecrets(
    of manifest: AppManifest, app: String?, to spec: inout RunSpec
  ) throws {
    let names = manifest.secretsNeeded(beside: spec.environment)
    guard !names.isEmpty else { return }
    let need = "\(manifest.fileName) has a secret made for \(names[0]), which is kept with the app"
    guard let app else {
      throw SpecError("\(need): it has no name", remedy: "name it with --app, or set \(names[0])")
    }
    let name: AppName
    do throws(SpecError) {
      name = try AppName(app)
    } catch {
      throw SpecError("\(need): \(error.message)", remedy: error.remedy)
    }
    spec.environment.set(try KeptApp(making: name).secrets(named: names))
    spec.secrets += names.filter { !spec.secrets.contains($0) }
  }
}
