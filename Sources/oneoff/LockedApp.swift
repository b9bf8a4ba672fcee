import ContainerSpec
import Deploy
import LinuxSystem
import OneOff

/// An app that nobody else deploys meanwhile, with everything in order: what is live, what is known
/// of it, and what the last deployment has left do not change any more under whoever decides by it.
struct LockedApp: ~Copyable {
  let kept: KeptApp
  let lock: AppLock
  let history: DeploymentHistory
  let interruptions: Interruptions
  /// The release that is live; nil before the first.
  let live: ReleaseVersion?

  /// Locks an app for its first deployment, or another one.
  ///
  /// - Parameters:
  ///   - verb: who locks it.
  ///   - options: how long somebody else is waited for.
  /// - Throws: ``SpecError`` that says who has the lock; ``VerbFailure`` when a signal has come.
  init(making app: AppName, _ verb: Verb, _ options: Options) throws {
    try self.init(KeptApp(making: app), verb, options)
  }

  /// Locks an app that was deployed before.
  ///
  /// - Throws: as ``init(making:_:_:)``; ``VerbFailure`` when it never was.
  init(deployed app: AppName, _ verb: Verb, _ options: Options) throws {
    // BEFORE descriptors are opened that an option could mean.
    _ = try RunOutput(.indented, options.run)
    guard let kept = try KeptApp(of: app), try DeploymentHistory(of: kept) != nil else {
      throw VerbFailure(neverDeployed: app)
    }
    try self.init(kept, verb, options)
  }

  private init(_ kept: consuming KeptApp, _ verb: Verb, _ options: Options) throws {
    let log = DeploymentLog(of: verb.name, options)
    let interruptions = try Interruptions(ignoresHangUp: options.callerDeath != .kill)
    let lock = try kept.lock(atMost: options.deploy.lockTimeout, interruptions, log)
    lock.note(
      LockHolder(
        purpose: "oneoff \(verb.name)", pid: processID(), since: Timestamp.text(wallClock())))
    let history = try DeploymentHistory(making: kept)
    let live = try kept.current()
    try DeploymentLeftovers(live: live, interruptions: interruptions, log: log)
      .settle(history, kept, lock)
    self.kept = kept
    self.lock = lock
    self.history = history
    self.interruptions = interruptions
    self.live = live
  }
}

extension VerbFailure {
  /// Nothing of the app was ever deployed.
  init(neverDeployed app: AppName) {
    self.init(
      "\(app.text) was never deployed", remedy: "oneoff deploys lists the deployments of all apps",
      status: 1)
  }
}

extension LockHolder {
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
      "what \((holder?.purpose ?? "another one").onOneLine) has left running: oneoff was killed, "
        + "and its hook or command goes on"
    }
  }
}

extension KeptApp {
  /// How often a lock that somebody else has is tried.
  private static var interval: Duration { .milliseconds(100) }
  /// Who only looks whether it is locked has it for a moment.
  private static var patience: Duration { .milliseconds(300) }

  /// Locks the app.
  ///
  /// - Parameter time: how long somebody else who has the lock is waited for.
  /// - Throws: ``SpecError`` that says who has it; ``VerbFailure`` when a signal has come.
  borrowing func lock(
    atMost time: Duration, _ interruptions: Interruptions, _ log: DeploymentLog
  ) throws -> AppLock {
    let end = monotonicClock() + max(time, Self.patience)
    var hasSaidSo = false
    while true {
      if let lock = try tryLock() { return lock }
      let state = try lockState()
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
