import ContainerSpec
package import LinuxSystem
import OneOff
package import SystemPackage

/// Does a deployment step by step, and keeps what has become of it. Whoever has one has the lock.
package struct Deployer: ~Copyable {
  private let app: KeptApp
  private let history: DeploymentHistory
  private var entry: DeploymentHistory.Entry

  /// Begins a deployment: from here on it is in the history.
  ///
  /// - Parameter directory: where the release is, absolute.
  /// - Throws: ENOSPC, EROFS and the like. Then nothing was begun.
  package init(
    _ entry: DeploymentHistory.Entry, of release: ReleaseVersion, in directory: FilePath,
    app: consuming KeptApp, history: consuming DeploymentHistory
  ) throws(SystemError) {
    try history.reserveEnd(of: entry)
    try app.prepare(release, in: directory)
    do throws(SystemError) {
      try history.write(entry)
    } catch {
      app.dropPrepared()
      throw error
    }
    self.entry = entry
    self.app = app
    self.history = history
  }

  /// Does every step, or as many as come before one that fails.
  ///
  /// - Returns: the deployment at its end.
  package mutating func run(_ performer: some DeploymentPerformer) -> Deployment {
    let steps = performer.steps.union([.current])
    var progress = DeploymentProgress(steps: steps)
    var event = DeploymentProgress.Event.begun
    performer.advanced(entry.deployment)
    while true {
      if let signal = performer.cancellation {
        _ = progress.advance(.cancelled(signal: signal))
      }
      switch progress.advance(event) {
      case .perform(let step): event = perform(step, performer)
      case .finish(let outcome):
        // To whom nothing can be given back, nothing is owed.
        if outcome.state != .success, !steps.contains(.restore) {
          entry.deployment.hasActivated = false
        }
        end(outcome)
        performer.advanced(entry.deployment)
        return entry.deployment
      case .wait: preconditionFailure("a step has ended, and something comes next")
      }
    }
  }

  private mutating func perform(
    _ step: Deployment.Step, _ performer: some DeploymentPerformer
  ) -> DeploymentProgress.Event {
    let before = entry.deployment
    entry.deployment.step = step
    if step == .boot { entry.deployment.hasBooted = true }
    if step == .activate { entry.deployment.hasActivated = true }
    performer.announce(step, in: &entry.deployment)
    do throws(SystemError) {
      try history.write(entry)
    } catch {
      // Where a kill would be forgotten, nothing more is begun; what is begun is ended.
      if step.canBeLeft {
        entry.deployment = before
        return .notBegun(
          .init(.impossible, status: 125, "its state cannot be kept: \(error.sentence)"))
      }
      warn("its state could not be kept: \(error.sentence)")
    }
    performer.advanced(entry.deployment)
    var failure = performer.perform(step, of: &entry.deployment)
    if failure == nil, step == .current { failure = switchLink() }
    if let failure { return .failed(failure) }
    if step == .restore { entry.deployment.hasActivated = false }
    if step == .abandon { entry.deployment.isAbandoned = true }
    if step == .current { performer.wentLive(entry.deployment) }
    noteDone(step)
    return .succeeded
  }

  /// What has succeeded once need not be done again; see `--once`.
  private mutating func noteDone(_ step: Deployment.Step) {
    guard step == .release || step == .hook, let run = entry.deployment.phases.last,
      run.status == 0
    else { return }
    do {
      try app.noteSuccess(of: run, in: ReleaseVersion(entry.deployment.release))
    } catch {
      warn("that the \(run.phase) hook has succeeded could not be kept: \(error.sentence)")
    }
  }

  private mutating func switchLink() -> DeploymentProgress.Failure? {
    do throws(SystemError) {
      try app.switchToPrepared()
    } catch {
      return .init(
        .impossible, status: 125, "the link to it could not be switched: \(error.sentence)")
    }
    do throws(SystemError) {
      try app.synchronize()
    } catch {
      // It is live all the same.
      warn("that it is live may be lost in a power cut: \(error.sentence)")
    }
    return nil
  }

  private mutating func warn(_ text: String) { entry.deployment.warnings.append(text) }

  private mutating func end(_ outcome: DeploymentProgress.Outcome) {
    app.dropPrepared()
    entry.deployment.state = outcome.state
    entry.deployment.status = outcome.status
    entry.deployment.message = outcome.message
    entry.deployment.warnings += outcome.warnings
    entry.deployment.finished = Timestamp.text(wallClock())
    do throws(SystemError) {
      try history.writeEnd(entry)
    } catch {
      warn("its end could not be kept: \(error.sentence)")
    }
  }
}

extension Deployment.Step {
  /// Whether the deployment can still end here without anything left half done.
  fileprivate var canBeLeft: Bool {
    switch self {
    case .release, .boot, .ready, .hook, .activate: true
    case .current, .retire, .restore, .abandon: false
    }
  }
}
