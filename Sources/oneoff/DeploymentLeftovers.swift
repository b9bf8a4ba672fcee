import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// Puts in order what a deployment has left that was interrupted, before another one begins.
struct DeploymentLeftovers {
  let live: ReleaseVersion?
  let interruptions: Interruptions
  let log: DeploymentLog

  /// Says what became of it, gives the requests back to the release that is live, and ends what was
  /// started.
  ///
  /// - Throws: where a record can be neither read nor written.
  func settle(
    _ history: borrowing DeploymentHistory, _ kept: borrowing KeptApp, _ lock: borrowing AppLock
  ) throws {
    let entries = try history.entries().readable
    var hasSaidSo = false
    let settled = try history.settle(kept, current: live) { entry in
      let deployment = entry.deployment
      hasSaidSo = true
      log.step(
        "Deployment \(deployment.number) of \(deployment.release) has left something to put in "
          + "order (\(deployment.state.rawValue))")
      do {
        return try putInOrder(entry, entries, kept, lock)
      } catch {
        log.warning("what deployment \(deployment.number) has started is left: \(error.sentence)")
        return false
      }
    }
    guard let settled, !hasSaidSo else { return }
    let what =
      settled.state == .success
      ? "after it had gone live; what was live before may run still"
      : "before its new version was started"
    log.step("Deployment \(settled.number) of \(settled.release) was interrupted \(what)")
  }

  /// Whether all of it has succeeded. A version that may still have the requests is not ended.
  private func putInOrder(
    _ entry: DeploymentHistory.Entry, _ entries: [DeploymentHistory.Entry],
    _ kept: borrowing KeptApp, _ lock: borrowing AppLock
  ) throws -> Bool {
    if entry.deployment.hasActivated, let live, let last = entries.lastSuccess(of: live) {
      let title = DeploymentCommands.restorationTitle(live)
      guard try run(.activate, of: last, as: title, kept, lock) else { return false }
    }
    return try !entry.deployment.hasBooted || run(.abandon, of: entry, as: nil, kept, lock)
  }

  /// Runs a command of a deployment that is over; whether it has succeeded.
  private func run(
    _ step: Deployment.Step, of entry: DeploymentHistory.Entry, as title: String?,
    _ kept: borrowing KeptApp, _ lock: borrowing AppLock
  ) throws -> Bool {
    let commands = try DeploymentCommands(of: entry, previous: kept.directoryBefore(entry))
    defer { log.endSection() }
    let failure = try commands.run(
      step, entry.deployment, interruptions, lock, log, as: title)
    if let failure { log.warning(failure.message) }
    return failure == nil
  }
}

/// How the requests are given back to the release that is live. Its options are read when that is
/// to be done: that they cannot be is no reason not to deploy another.
struct DeploymentRestoration {
  private let live: ReleaseVersion
  private let entry: DeploymentHistory.Entry
  private let previous: FilePath?

  /// Looks up how the live release was deployed; nil where none is live, or nobody knows.
  init?(to live: ReleaseVersion?, _ locked: borrowing LockedApp) throws {
    guard let live, let entry = try locked.history.entries().readable.lastSuccess(of: live) else {
      return nil
    }
    self.live = live
    self.entry = entry
    self.previous = try locked.kept.directoryBefore(entry)
  }

  /// Runs its `--activate`, where it has one; returns why that has failed, or nil.
  func perform(
    _ interruptions: Interruptions, _ lock: borrowing AppLock, _ log: DeploymentLog
  ) throws -> DeploymentProgress.Failure? {
    try DeploymentCommands(of: entry, previous: previous).run(
      .activate, entry.deployment, interruptions, lock, log,
      as: DeploymentCommands.restorationTitle(live))
  }
}

extension DeploymentCommands {
  fileprivate static func restorationTitle(_ live: ReleaseVersion) -> String {
    "Giving the requests back to \(live.text)"
  }
}

extension [DeploymentHistory.Entry] {
  /// The deployment by which a release went live last.
  fileprivate func lastSuccess(of release: ReleaseVersion) -> DeploymentHistory.Entry? {
    first { $0.deployment.release == release.text && $0.deployment.hasBeenLive }
  }
}

extension KeptApp {
  /// Where the release is that was live before a deployment; nil where there was none.
  fileprivate borrowing func directoryBefore(_ entry: DeploymentHistory.Entry) throws -> FilePath? {
    guard let previous = entry.deployment.previous else { return nil }
    return try directory(of: ReleaseVersion(previous))
  }
}
