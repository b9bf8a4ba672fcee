import ContainerSpec
import LinuxSystem
import OneOff

// What is to be said of deployments whose doers are gone, and what is to be done about them.

extension Deployment {
  /// The deployment as it is, when nobody is at it any more who would say so.
  ///
  /// - Parameter current: the release that is live.
  package func settled(current: String?) -> Deployment {
    guard state == .starting else { return self }
    var settled = self
    // The link was switched, and there was no time, or no room on the disk, to say so.
    if step == .retire || current == release && previous != release {
      settled.state = .success
      settled.status = 0
      settled.warnings.append("it was interrupted after it went live")
    } else {
      settled.state = .interrupted
      settled.message = "whoever did it is gone: killed, or the machine was switched off"
    }
    return settled
  }

  /// Whether it has left something that is to be put in order: requests that may go to a version
  /// that is not live, or such a version that runs. What is live is left alone, whatever was begun
  /// with it once more.
  fileprivate func owesOrder(current: String?) -> Bool {
    guard state != .starting, state != .success, release != current else { return false }
    // Of one that has come to its end, it was tried in vain.
    let owesAbandoning = hasBooted && !isAbandoned && (state == .interrupted || step == .abandon)
    return hasActivated || owesAbandoning
  }
}

extension Deployment {
  /// Takes the status of a phase that nobody has waited for from the record of its run.
  ///
  /// - Throws: ENOSPC, EROFS.
  fileprivate mutating func lookForTheEndOfItsPhase(_ app: borrowing KeptApp) throws {
    guard let phase = phases.last, phase.status == nil, let name = phase.run,
      let id = try? RunID(name), let run = try? RunStore.find()?.read(id),
      let status = run.state.result?.status
    else { return }
    phases[phases.endIndex - 1].status = status
    if status == 0 {
      try app.noteSuccess(of: phases[phases.endIndex - 1], in: ReleaseVersion(release))
    }
  }
}

extension DeploymentHistory {
  /// The deployments as they are, the newest first; which of them is being done, by its number; and
  /// why others cannot be read.
  ///
  /// - Throws: the errnos of openat(2).
  package borrowing func settledEntries(
    of app: borrowing KeptApp
  ) throws -> (readable: [Entry], running: Int?, faults: [any Error]) {
    var (entries, faults) = try entries()
    var running: Int?
    if let newest = entries.first?.deployment, newest.state == .starting {
      if case .held(let holder) = try app.lockState(), holder?.deployment == newest.number {
        running = newest.number
      } else if let again = try entry(newest.number) {
        // It may have come to its end between the two looks.
        entries[0] = again
      }
    }
    let current = try app.current()?.text
    for index in entries.indices where entries[index].deployment.number != running {
      entries[index].deployment = entries[index].deployment.settled(current: current)
    }
    return (entries, running, faults)
  }

  /// Says of a deployment whose doer is gone what became of it, and has put in order what it has
  /// left; only for who has the lock.
  ///
  /// Only the newest is looked at. What could not be put in order is tried again as long as it is
  /// that: after that it is the affair of whoever was warned.
  ///
  /// A phase that has come to its end meanwhile counts: see ``KeptApp/phasesDone(of:)``.
  ///
  /// - Parameter putInOrder: gives the requests back to what is live where `hasActivated` says that
  ///   they may be elsewhere, and ends what `hasBooted` says was started; returns whether that has
  ///   succeeded.
  /// - Returns: the one that there was something to say or to do of; nil where there was none.
  /// - Throws: where a record can be neither read nor written.
  package borrowing func settle(
    _ app: borrowing KeptApp, current: ReleaseVersion?, putInOrder: (Entry) -> Bool
  ) throws -> Deployment? {
    guard let last = try numbers().last, var entry = try entry(last) else { return nil }
    let wasStarting = entry.deployment.state == .starting
    entry.deployment = entry.deployment.settled(current: current?.text)
    let owesOrder = entry.deployment.owesOrder(current: current?.text)
    guard wasStarting || owesOrder else { return nil }
    try entry.deployment.lookForTheEndOfItsPhase(app)
    if owesOrder, putInOrder(entry) {
      entry.deployment.hasActivated = false
      entry.deployment.isAbandoned = entry.deployment.hasBooted
    }
    try write(entry)
    return entry.deployment
  }
}
