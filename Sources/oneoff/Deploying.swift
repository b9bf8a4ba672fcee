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
  var earlier: Deployment?
  /// Where the release is; nil where the options say so.
  var releaseDirectory: FilePath?
  /// The directory in which relative paths begin; nil for that of this process.
  private var directory: String?

  /// Takes what the options of a verb say.
  ///
  /// - Throws: ``SpecError`` when they name no app.
  init(_ release: ReleaseVersion, _ reason: HookReason.Reason, _ options: Options) throws {
    self.app = try options.deployedApp()
    self.release = release
    self.reason = reason
    self.options = options
  }

  /// Takes what a deployment was that is to be done again.
  ///
  /// - Parameter more: options that win over its own.
  /// - Throws: ``SpecError`` where the file of options that it names is no good any more.
  init(
    again entry: DeploymentHistory.Entry, _ reason: HookReason.Reason, _ more: [GivenOption]
  ) throws {
    try self.init(
      ReleaseVersion(entry.deployment.release), reason, DeployVerb.options(of: entry, and: more))
    self.runsPhases = entry.runsPhases
    self.directory = entry.directory
  }

  /// Deploys, from taking the app's lock to giving it up.
  ///
  /// - Parameter verb: whose log it is.
  /// - Returns: the exit status.
  /// - Throws: where nothing was begun.
  func perform(as verb: String) throws -> Int32 {
    if let directory { try enterWorkingDirectory(FilePath(directory)) }
    let log = DeploymentLog(of: verb, options)
    var output = try RunOutput(.indented, options.run)
    output.joinsStreams = log.dialect == .github
    output.heartbeat = log.heartbeat
    output.sinks.application = app.text
    // BEFORE anything is made: what is wrong with the release or the options.
    var hook = try options.hook(of: release, in: releaseDirectory)
    // From here on it is this directory, wherever a link to it leads later.
    if let real = try? realPath(of: hook.appDirectory) { hook.appDirectory = real }
    try DeploymentPhases(hook, options, done: [], isFirst: false, runsPhases: runsPhases)
      .checkThatTheyCanRun(volumesMayCome: options.deploy.boot != nil)
    // What is done again has options of another day, and nobody is kept from going back to what
    // worked because a token is not there.
    let notifier = try options.notifications.notifier(
      orWarn: reason == .deploy ? nil : { log.warning($0) })
    let kept = try KeptApp(making: app)
    let interruptions = try Interruptions(ignoresHangUp: options.callerDeath != .kill)
    let lock = try kept.lock(atMost: options.deploy.lockTimeout, interruptions, log)
    let history = try DeploymentHistory(of: kept)
    let live = try kept.current()
    try DeploymentLeftovers(live: live, interruptions: interruptions, log: log)
      .settle(history, kept, lock)
    let deployment = Deployment(
      number: (try history.numbers().last ?? 0) + 1, app: app.text, release: release.text,
      reason: reason, attempt: earlier.map { max(1, min($0.attempt, 1_000_000)) + 1 } ?? 1,
      previous: live?.text,
      started: Timestamp.text(wallClock()))
    lock.note(LockHolder(deployment))
    hook.reason = HookReason(
      reason, attempt: deployment.attempt, previousVersion: deployment.previous)
    let directory = hook.appDirectory
    try checkThatLiveStays(live, directory, kept)
    let runner = try DeploymentRunner(
      ReleaseDirectory(directory),
      DeploymentPhases(
        hook, options, done: kept.phasesDone(of: release), isFirst: live == nil,
        runsPhases: runsPhases),
      DeploymentCommands(
        options, deployment, directory: directory,
        previous: try live.flatMap { try kept.directory(of: $0) }),
      options, output, log, notifier, interruptions, lock)
    let entry = DeploymentHistory.Entry(
      deployment: deployment, options: DeployOptions.lasting(options.given),
      directory: try workingDirectory().string, runsPhases: runsPhases)
    var deployer = try Deployer(
      entry, of: release, in: directory, app: kept, history: history)
    return deployer.run(runner).status ?? CommandLineTool.failureStatus
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

  /// The hook of a release, in the directory that the options name where `directory` is nil.
  fileprivate func hook(
    of release: ReleaseVersion, in directory: FilePath?
  ) throws(SpecError) -> Hook {
    var options = self.hook
    options.appDirectory = directory ?? options.appDirectory
    var hook = try options.hook()
    hook.phase = .postdeploy
    hook.containerVersion = release.text
    return hook
  }
}

extension LockHolder {
  fileprivate init(_ deployment: Deployment) {
    self.init(
      purpose: "deployment \(deployment.number) of \(deployment.release)", pid: processID(),
      since: deployment.started)
  }

  /// Since when, to the second.
  fileprivate var time: String { "\(since.prefix { $0 != "." })Z" }
}

extension LockState {
  /// Who has it, for people.
  fileprivate var text: String {
    switch self {
    case .free, .held(nil): "somebody"
    case .held(let holder?):
      "\(holder.purpose) (process \(holder.pid), since \(holder.time))".onOneLine
    case .left(let holder):
      "what \(holder?.purpose ?? "another one") has left running: oneoff was killed, and its hook "
        + "or command goes on"
    }
  }
}

extension KeptApp {
  /// Where a release is that is to go live again.
  ///
  /// - Throws: ``VerbFailure`` where it is not there any more.
  borrowing func existingDirectory(of release: ReleaseVersion) throws -> FilePath {
    let known = try directory(of: release)
    if let known, (try? fileStatus(following: known))?.kind == .directory { return known }
    throw VerbFailure(
      "the release \(release.text) of \(app.text) is gone"
        + (known.map { ": there is no directory \($0)".onOneLine } ?? ""),
      remedy: "put it there again, or deploy it from elsewhere with oneoff deploy", status: 1)
  }

  /// How often a lock that somebody else has is tried.
  private static var interval: Duration { .milliseconds(100) }
  /// Who only looks whether it is locked has it for a moment.
  private static var patience: Duration { .milliseconds(300) }

  /// Locks the app.
  ///
  /// - Parameter time: how long somebody else who has the lock is waited for.
  /// - Throws: ``SpecError`` that says who has it, or that a signal has come.
  borrowing func lock(
    atMost time: Duration, _ interruptions: Interruptions, _ log: DeploymentLog
  ) throws -> AppLock {
    let end = monotonicClock() + max(time, Self.patience)
    var hasSaidSo = false
    while true {
      if let lock = try tryLock() { return lock }
      let state = lockState()
      guard monotonicClock() < end else {
        throw SpecError(
          "\(app.text) is being deployed by \(state.text)",
          remedy: time == .zero
            ? "wait for its end; --wait 10m does so" : "give it more time with --wait")
      }
      if !hasSaidSo, time > .zero { log.step("Waiting for \(state.text)") }
      hasSaidSo = true
      pause(Self.interval)
      if let signal = try interruptions.take() {
        throw VerbFailure(
          "nothing was done: oneoff was told to end", remedy: "try again",
          status: 128 + signal)
      }
    }
  }
}
