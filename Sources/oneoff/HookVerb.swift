import ContainerSpec
import Deploy
import OneOff
import SystemPackage

/// What the options of `hook` alone say; nil where one was not given.
struct HookOptions: Sendable {
  var appDirectory: FilePath?
  var mountPoint: FilePath?
  var phase = Phase.postdeploy
  var app: String?
  var containerVersion: String?
  var stack: String?
  var sourceVersion: String?

  /// The hook that the options name.
  func hook() throws(SpecError) -> Hook {
    guard let appDirectory else {
      throw SpecError(
        "there is no app", remedy: "name its release, such as --app-dir /srv/app/current")
    }
    var hook = Hook(appDirectory: appDirectory, phase: phase)
    hook.mountPoint = mountPoint ?? hook.mountPoint
    hook.app = app
    hook.containerVersion = containerVersion
    hook.stack = stack
    hook.sourceVersion = sourceVersion
    return hook
  }
}

/// `oneoff hook`: a phase of an app's release, such as the migration at the end of a deployment.
enum HookVerb {
  static let verb = Verb(
    name: "hook",
    summary: "Run a phase of an app's Procfile in a container that is thrown away",
    details: [
      "The Procfile in --app-dir names the command, which the image's bash (else its sh) runs in "
        + "the release, with the app's variables and with APP, CONTAINER, CONTAINER_TYPE and "
        + "CONTAINER_VERSION. What it writes there is thrown away. A Procfile without the phase "
        + "is fine: oneoff says so and exits with 0. No Procfile, or an empty one, is an error, "
        + "and so is a line that seems to be meant for the phase but is malformed or a duplicate.",
      "Every option of oneoff run is taken too, but for -i and -t: nobody is there to type. The "
        + "hook is recorded: oneoff ps --all lists it. Where no record can be kept, a warning "
        + "says so, and the hook runs.",
    ],
    groups: [OptionGroup.ofHook] + OptionGroup.ofRun,
    examples: [
      .init(
        command: "oneoff hook --rootfs /srv/image --app-dir /srv/app/v42 --env-file app.env "
          + "--container-version v42",
        purpose: "the postdeploy hook of a new release; let it go live when the status is 0"),
      .init(
        command: "oneoff hook --rootfs /srv/image --app-dir . --phase release --events 3 3>log",
        purpose: "another phase, with its events in a file"),
    ],
    exitStatuses: ExitStatus.ofRun
  ) { invocation in
    try invocation.checkDetaching()
    let options = invocation.options
    var output = try RunOutput(.indented, options.run)
    let hook = try options.hook.hook()
    let isRecorded = try options.record.isWantedByDefault()
    output.sinks.application = hook.appName
    output.sinks.process = "\(hook.phase.name).1"
    let layers = try options.run.imageLayers()
    let files = try readReleaseFiles(of: hook.appDirectory)
    guard let command = try files.command(for: hook.phase, isFirstDeployment: false) else {
      try sayThatThereIsNone(hook.phase, in: files, output: output)
      return 0
    }
    let spec = try spec(of: hook, running: command, files, layers: layers, options.run)
    let record =
      isRecorded
      ? RecordRequest(
        kind: .hook, app: hook.appName, command: [command.command],
        isRequired: options.record.isWanted) : nil
    let name = "The \(hook.phase.name) hook"
    if options.isDetached, let record {
      return try DetachedRun(spec, named: name, output: output, record: record).start()
    }
    // A log that is gone is no reason not to run, or to lose the status.
    for step in command.steps { try? output.printStep(step) }
    let run = try performRun(
      spec, named: name, output: output, record: record,
      onCallerDeath: options.callerDeath ?? .finish)
    if !run.wasExecuted {
      try? output.printFailure("The \(hook.phase.name) hook could not be started")
    } else if run.status != 0, !run.isExplained {
      try? output.printFailure("The \(hook.phase.name) hook failed with status \(run.status)")
    }
    return run.status
  }

  /// The run of a command of a release, with its environment and all that the options say.
  static func spec(
    of hook: Hook, running command: PhaseCommand, _ files: ReleaseFiles, layers: [FilePath],
    _ options: RunOptions
  ) throws -> RunSpec {
    var hook = hook
    hook.size = options.size
    hook.hasProfile = try hasProfile(hook.appDirectory)
    let environment = try options.environment()
    var spec = try hook.spec(
      running: command, layers: layers, defaults: files.manifest?.defaults() ?? [],
      variables: environment.variables)
    spec.secrets = environment.secrets
    options.apply(to: &spec)
    spec.id = try spec.id ?? .random()
    try hook.complete(&spec)
    if let manifest = files.manifest {
      try manifest.checkRequired(in: spec.environment)
      try addSecrets(of: manifest, appName: hook.appName, to: &spec)
    }
    try spec.validate()
    return spec
  }

  /// Sets the variables whose values are secrets that are made once, and kept with the app.
  private static func addSecrets(
    of manifest: AppManifest, appName: String, to spec: inout RunSpec
  ) throws {
    let names = manifest.secretsNeeded(beside: spec.environment)
    guard !names.isEmpty else { return }
    let name: AppName
    do throws(SpecError) {
      name = try AppName(appName)
    } catch {
      throw SpecError(
        "\(manifest.fileName) has a secret made for \(names[0]), which is kept with the app: "
          + error.message,
        remedy: "name the app with --app, by 1 to 64 of A-Z a-z 0-9 _ . -, or set \(names[0])")
    }
    spec.environment.set(try KeptApp(making: name).secrets(named: names))
    spec.secrets += names.filter { !spec.secrets.contains($0) }
  }

  private static func sayThatThereIsNone(
    _ phase: Phase, in files: ReleaseFiles, output: RunOutput
  ) throws {
    let (step, slip) = files.absence(of: phase)
    try output.printStep(step)
    if let slip { try output.printFailure(slip) }
  }
}
