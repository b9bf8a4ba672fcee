import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// Which release is to go live, and why.
struct DeploymentRequest {
  let app: AppName
  let release: ReleaseVersion
  let reason: HookReason.Reason
  /// The options of `deploy`, with which it is done.
  let options: Options
  /// Whether the release's phases run.
  var runsPhases = true
  /// The deployment that is done again.
  private(set) var earlier: Deployment?
  /// Where the release is; nil where the options say so.
  private var releaseDirectory: FilePath?

  /// Takes what the options of a verb say.
  ///
  /// - Throws: ``SpecError`` when they name no app.
  init(_ release: ReleaseVersion, _ reason: HookReason.Reason, _ options: Options) throws {
    self.app = try options.deployedApp()
    self.release = release
    self.reason = reason
    self.options = options
  }

  /// Takes what a deployment was that is to be done again, and enters the directory where it was.
  ///
  /// - Parameter more: options that win over its own.
  /// - Throws: ``VerbFailure`` where the release is gone; ``SpecError`` where the file of options
  ///   that it names is no good any more.
  init(
    again entry: DeploymentHistory.Entry, _ reason: HookReason.Reason, _ more: [GivenOption]
  ) throws {
    try enterKeptDirectory(FilePath(entry.workingDirectory))
    try self.init(
      ReleaseVersion(entry.deployment.release), reason, DeployVerb.options(of: entry, and: more))
    self.runsPhases = entry.runsPhases
    self.earlier = reason == .retry ? entry.deployment : nil
    self.releaseDirectory = FilePath(entry.releaseDirectory)
    guard (try? fileStatus(following: FilePath(entry.releaseDirectory)))?.kind == .directory else {
      throw VerbFailure(
        "the release \(release.text) of \(app.text) is gone: there is no directory "
          + entry.releaseDirectory.onOneLine,
        remedy: "put it there again, deploy it from elsewhere with oneoff deploy, or go back to "
          + "another with rollback --to", status: 1)
    }
  }

  /// Checks what is wrong with the release or the options, before anything is made.
  ///
  /// - Throws: ``SpecError``, and what reading the release's files refuses.
  func check() throws {
    _ = try RunOutput(.indented, options.run)
    if reason == .deploy { _ = try options.notifications.notifier() }
    let isFirst = try KeptApp(of: app)?.current() == nil
    try DeploymentPhases(try hook(), options, done: [], isFirst: isFirst, runsPhases: runsPhases)
      .checkThatTheyCanRun(volumesMayCome: options.deploy.boot != nil)
  }

  /// Deploys.
  ///
  /// - Parameter verb: whose log it is.
  /// - Returns: the exit status.
  /// - Throws: where nothing was begun.
  func perform(on locked: consuming LockedApp, as verb: Verb) throws -> Int32 {
    let log = DeploymentLog(of: verb.name, options)
    var output = try RunOutput(.indented, options.run)
    output.joinsStreams = log.dialect == .github
    output.heartbeat = log.heartbeat
    output.sinks.application = app.text
    // What is done again has options of another day, and nobody is kept from going back to what
    // worked because a token is not there.
    let notifier = try options.notifications.notifier(
      orWarn: reason == .deploy ? nil : { log.warning($0) })
    let live = locked.live
    let deployment = Deployment(
      number: (try locked.history.numbers().last ?? 0) + 1, app: app.text, release: release.text,
      reason: reason, attempt: earlier.map { max(1, min($0.attempt, 1_000_000)) + 1 } ?? 1,
      previous: live?.text,
      started: Timestamp.text(wallClock()))
    locked.lock.note(LockHolder(deployment))
    var hook = try hook()
    hook.reason = HookReason(
      reason, attempt: deployment.attempt, previousVersion: deployment.previous)
    let directory = hook.appDirectory
    try checkThatLiveStays(live, directory, locked.kept)
    let runner = try DeploymentRunner(
      ReleaseDirectory(directory),
      DeploymentPhases(
        hook, options, done: locked.kept.phasesDone(of: release), isFirst: live == nil,
        runsPhases: runsPhases),
      DeploymentCommands(
        options, deployment, directory: directory,
        previous: live.flatMap { try locked.kept.directory(of: $0) }),
      restoration: live == release ? nil : DeploymentRestoration(to: live, locked),
      options, output, log, notifier, locked.interruptions, locked.lock)
    let entry = DeploymentHistory.Entry(
      deployment: deployment, options: DeployOptions.lasting(options.given),
      workingDirectory: try workingDirectory().string, releaseDirectory: directory.string,
      runsPhases: runsPhases)
    var deployer = try Deployer(
      entry, of: release, in: directory, app: locked.kept, history: locked.history)
    return deployer.run(runner).status ?? CommandLineTool.failureStatus
  }

  /// The hook of the release. From here on it is this directory, wherever a link to it leads later.
  private func hook() throws(SpecError) -> Hook {
    var names = options.hook
    names.appDirectory = releaseDirectory ?? names.appDirectory
    var hook = try names.hook()
    hook.phase = .postdeploy
    hook.containerVersion = release.text
    if let real = try? realPath(of: hook.appDirectory) { hook.appDirectory = real }
    return hook
  }

  /// Checks that what is live leads to the same files as before, should the deployment fail.
  ///
  /// - Throws: ``SpecError`` when the version that is live is another directory's.
  private func checkThatLiveStays(
    _ live: ReleaseVersion?, _ directory: FilePath, _ kept: borrowing KeptApp
  ) throws {
    guard live == release, let known = try kept.directory(of: release), known != directory else {
      return
    }
    throw SpecError(
      "\(release.text) of \(app.text) is live, from \(known), and \(directory) is another "
        + "directory", remedy: "deploy it as another version")
  }
}

extension Options {
  /// The app that the options name.
  ///
  /// - Throws: ``SpecError`` when they name none.
  func deployedApp() throws(SpecError) -> AppName {
    guard let app = hook.app else {
      throw SpecError("there is no app", remedy: "name it, such as --app shop")
    }
    return try AppName(app)
  }
}

extension LockHolder {
  fileprivate init(_ deployment: Deployment) {
    self.init(
      purpose: "deployment \(deployment.number) of \(deployment.release)",
      deployment: deployment.number, pid: processID(), since: deployment.started)
  }
}
