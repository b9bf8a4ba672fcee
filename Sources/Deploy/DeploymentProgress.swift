/// Decides what comes next in a deployment: what has happened goes in, what is to be done comes
/// out. It does nothing itself.
///
/// The release is live from the moment that `current` has succeeded: nothing fails it after that,
/// and before it every failure leaves the old release live, gives it the requests back that may
/// have gone to the new version, and has a new version that was started abandoned. One that still
/// may have the requests is not.
package struct DeploymentProgress: Sendable, Hashable {
  /// How a step went.
  package enum Event: Sendable, Hashable {
    /// The deployment begins.
    case begun
    /// The step that was asked for has succeeded.
    case succeeded
    /// It has failed.
    case failed(Failure)
    /// It could not even be begun.
    case notBegun(Failure)
    /// The deployment was told to end, by this signal. The step goes on until it says how it ended.
    case cancelled(signal: Int32)
  }

  /// Why a step has failed.
  package struct Failure: Sendable, Hashable {
    /// What kind of failure it is.
    package enum Kind: Sendable, Hashable {
      /// What the step did has failed.
      case failed
      /// It took too long.
      case timedOut
      /// oneoff itself could not do it.
      case impossible
    }

    /// What kind of failure it is.
    package var kind: Kind
    /// The exit status that follows from it.
    package var status: Int32
    /// What it was, in a sentence.
    package var message: String

    package init(_ kind: Kind, status: Int32, _ message: String) {
      self.kind = kind
      self.status = status
      self.message = message
    }
  }

  /// What is to be done.
  package enum Action: Sendable, Hashable {
    case perform(Deployment.Step)
    case finish(Outcome)
    /// Nothing until the step at hand has ended.
    case wait
  }

  /// What became of the deployment.
  package struct Outcome: Sendable, Hashable {
    package var state: Deployment.State
    package var status: Int32
    /// Why it did not succeed; nil where it did.
    package var message: String?
    /// What went wrong without any effect on the outcome.
    package var warnings: [String] = []
  }

  private var remaining: [Deployment.Step]
  private let canRestore: Bool
  private let canAbandon: Bool
  private var current: Deployment.Step?
  private var hasBooted = false
  private var hasActivated = false
  private var isLive = false
  private var signal: Int32?
  private var outcome: Outcome?
  private var warnings: [String] = []

  /// A deployment of these steps, in the order of ``Deployment/Step``.
  package init(steps: Set<Deployment.Step>) {
    self.remaining = Deployment.Step.allCases.filter {
      $0 != .restore && $0 != .abandon && steps.contains($0)
    }
    self.canRestore = steps.contains(.restore)
    self.canAbandon = steps.contains(.abandon)
  }

  /// Takes what has happened.
  package mutating func advance(_ event: Event) -> Action {
    switch event {
    case .begun: return next()
    case .succeeded:
      switch current {
      case .restore: return abandon()
      case .abandon: return end()
      case .current: isLive = true
      default: break
      }
      return next()
    case .failed(let failure): return fail(failure)
    case .notBegun(let failure):
      if current == .boot { hasBooted = false }
      if current == .activate { hasActivated = false }
      return fail(failure)
    case .cancelled(let number):
      if signal == nil { signal = number }
      return .wait
    }
  }

  private mutating func next() -> Action {
    guard !remaining.isEmpty else {
      outcome = Outcome(state: .success, status: 0)
      return end()
    }
    // Once the new version gets the requests there is no way back that would be shorter.
    if let signal, !isLive, current != .activate {
      return stop(cancelled(by: signal))
    }
    let step = remaining.removeFirst()
    current = step
    if step == .boot { hasBooted = true }
    if step == .activate { hasActivated = true }
    return .perform(step)
  }

  private mutating func fail(_ failure: Failure) -> Action {
    switch current {
    case .restore, .abandon:
      warnings.append(failure.message)
      return end()
    case .retire:
      // The new release is live, and stays so.
      warnings.append(failure.message)
      return next()
    default: break
    }
    if let signal { return stop(cancelled(by: signal)) }
    return stop(
      Outcome(state: state(after: failure), status: failure.status, message: failure.message))
  }

  private func cancelled(by signal: Int32) -> Outcome {
    Outcome(state: .aborted, status: 128 + signal, message: "it was told to end")
  }

  private func state(after failure: Failure) -> Deployment.State {
    switch (current, failure.kind) {
    case (_, .impossible): .aborted
    case (.release, _), (.hook, _): .hook
    case (.boot, .timedOut), (.ready, _): .timeout
    case (.boot, _): .crashed
    case (.activate, _): .activate
    default: .aborted
    }
  }

  private mutating func stop(_ outcome: Outcome) -> Action {
    self.outcome = outcome
    guard hasActivated, canRestore else { return abandon() }
    current = .restore
    return .perform(.restore)
  }

  private mutating func abandon() -> Action {
    guard hasBooted, canAbandon else { return end() }
    current = .abandon
    return .perform(.abandon)
  }

  private func end() -> Action {
    var outcome = outcome ?? Outcome(state: .success, status: 0)
    outcome.warnings = warnings
    return .finish(outcome)
  }
}
