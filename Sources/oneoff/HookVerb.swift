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
        "there is no app directory",
        remedy: "name that of the release, such as --app-dir /srv/app/v42")
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
    summary: "Run a phase of an app's release in a container that is thrown away",
    details: [
      "The Procfile in --app-dir names the command, or else the app manifest there: scalingo.json, "
        + "or app.json. The image's bash (else its sh) runs it in the release, after the release's "
        + "own .profile.d/*.sh and .profile. What it writes there is thrown away. Files without "
        + "the phase are fine: oneoff says so and exits with 0. A release without any of them, or "
        + "with an empty Procfile, is an error, and so is a line of the Procfile that seems to be "
        + "meant for the phase but is malformed or a duplicate.",
      "The command has the app's variables, and APP, CONTAINER, CONTAINER_TYPE, HOSTNAME, "
        + "ONEOFF_PHASE, ONEOFF_REASON and ONEOFF_ATTEMPT; where they are known CONTAINER_VERSION, "
        + "CONTAINER_SIZE, CONTAINER_MEMORY (bytes), SOURCE_VERSION and STACK. Default values of "
        + "the manifest count where nobody sets a variable, one that it requires must be set, and "
        + "a secret that it has made is kept with the app, whose name --app gives.",
      "Every option of oneoff run is taken too, but for -i and -t: nobody is there to type. The "
        + "hook is recorded: oneoff ps --all lists it. Where no record can be kept, a warning "
        + "says so, and the hook runs.",
    ],
    groups: [OptionGroup.ofHook, OptionGroup.once, OptionGroup.log] + OptionGroup.ofRun,
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
    let log = DeploymentLog(of: "hook", options)
    output.joinsStreams = log.dialect == .github
    output.heartbeat = log.heartbeat
    let hook = try options.hook.hook()
    // BEFORE the release is looked at: what is missing there is the caller's mistake.
    _ = try options.record.isWantedByDefault()
    output.sinks.application = hook.appName
    output.sinks.process = "\(hook.phase.name).1"
    _ = try options.run.imageLayers()
    let files = try readReleaseFiles(of: hook.appDirectory)
    guard let prepared = try PreparedHook(hook, files, options, isFirstDeployment: false) else {
      try sayThatThereIsNone(hook.phase, in: files, log)
      return 0
    }
    let once = try HookOnce(hook, options, log)
    if try once?.isDone(prepared.command.phase) == true {
      log.step("\(prepared.name) has already succeeded for \(hook.containerVersion ?? "")")
      return 0
    }
    if options.isDetached, let record = prepared.record {
      return try DetachedRun(
        prepared.spec, named: prepared.name, output: output, record: record
      ).start()
    }
    if let note = prepared.command.note { log.step(note) }
    log.beginSection(prepared.command.step)
    defer { log.endSection() }
    let run = try performRun(
      prepared.spec, named: prepared.name, output: output, record: prepared.record,
      onCallerDeath: options.callerDeath ?? .finish, log: log)
    log.endSection()
    if !run.wasExecuted {
      log.failure("\(prepared.name) could not be started")
    } else if run.status == 0 {
      log.step("\(prepared.name) succeeded", after: run.duration)
    } else if run.sentence == nil {
      log.failure("\(prepared.name) failed with status \(run.status)", after: run.duration)
    }
    if run.status == 0 {
      do {
        try once?.note(prepared.command.phase, run: prepared.spec.id)
      } catch {
        log.warning("that the hook has succeeded could not be kept: \(error.sentence)")
      }
    }
    // A log that is gone is no reason to lose the status.
    return run.status
  }

  private static func sayThatThereIsNone(
    _ phase: Phase, in files: ReleaseFiles, _ log: DeploymentLog
  ) throws {
    let (step, slip) = files.absence(of: phase)
    log.step(step)
    if let slip { log.failure(slip) }
    if let failure = log.writeFailure { throw failure }
  }
}
