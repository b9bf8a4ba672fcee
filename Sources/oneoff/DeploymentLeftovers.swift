import ContainerSpec
import Deploy
import LinuxSystem
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
    let settled = try history.settle(current: live) { entry in
      do {
        if entry.deployment.mayHaveTheRequests { try activateLive(of: entries, kept, lock) }
        return try run(.abandon, of: entry, kept, lock)
      } catch {
        let number = entry.deployment.number
        log.warning("what deployment \(number) has started is left: \(error.sentence)")
        return false
      }
    }
    guard let settled else { return }
    let when = settled.state == .success ? " after it had gone live" : ""
    log.step("Deployment \(settled.number) of \(settled.release) was interrupted\(when)")
  }

  private func activateLive(
    of entries: [DeploymentHistory.Entry], _ kept: borrowing KeptApp, _ lock: borrowing AppLock
  ) throws {
    let entry = entries.first {
      $0.deployment.release == live?.text && $0.deployment.state == .success
    }
    if let entry { _ = try run(.activate, of: entry, kept, lock) }
  }

  /// Runs a command of a deployment that is over; whether it has succeeded.
  private func run(
    _ step: Deployment.Step, of entry: DeploymentHistory.Entry, _ kept: borrowing KeptApp,
    _ lock: borrowing AppLock
  ) throws -> Bool {
    let options = try DeployVerb.options(of: entry)
    let directory = try kept.directory(of: ReleaseVersion(entry.deployment.release)) ?? ""
    let commands = try DeploymentCommands(
      options, entry.deployment, directory: directory, previous: nil)
    defer { log.endSection() }
    let failure = try commands.run(step, entry.deployment, interruptions, lock, log)
    if let failure { log.warning(failure.message) }
    return failure == nil
  }
}

extension Deployment {
  /// Whether the new version may have been given the requests, and not gone live.
  fileprivate var mayHaveTheRequests: Bool { step == .activate || step == .current }
}
