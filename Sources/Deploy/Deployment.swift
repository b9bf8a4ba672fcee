package import ContainerSpec

/// A deployment of a release, and how far it is: what `oneoff deploys` shows of it.
package struct Deployment: Sendable, Hashable, Codable {
  /// What became of a deployment.
  package enum State: String, Sendable, Hashable, Codable {
    /// It is at one of its steps.
    case starting
    /// The release is live.
    case success
    /// It was told to end, or oneoff itself could not go on.
    case aborted
    /// The new version could not be started.
    case crashed = "crashed-error"
    /// The new version was not ready in time.
    case timeout = "timeout-error"
    /// A phase of the release has failed.
    case hook = "hook-error"
    /// The new version could not be made the live one.
    case activate = "activate-error"
    /// Whoever did it is gone: killed, or the machine was switched off.
    case interrupted
  }

  /// A part of a deployment, in their order.
  package enum Step: String, Sendable, Hashable, Codable, CaseIterable {
    /// The phase `release`, before anything of the new version runs.
    case release
    /// The new version is started.
    case boot
    /// It is waited for.
    case ready
    /// The phase `postdeploy`, or `first-deploy`.
    case hook
    /// The new version gets the requests.
    case activate
    /// The app's link `current` is switched: from here on the release is live.
    case current
    /// The old version is ended.
    case retire
    /// The release that is live gets the requests back, which may have gone to a new version that
    /// did not go live.
    case restore
    /// A new version that did not go live is ended.
    case abandon
  }

  /// A phase that runs, or was run.
  package struct PhaseRun: Sendable, Hashable, Codable {
    /// Its name, such as `postdeploy`.
    package var phase: String
    /// The name of the run's record; nil where there is none.
    package var run: String?
    /// Its exit status; nil as long as it runs, and where whoever waited for it is gone.
    package var status: Int32?

    package init(phase: String, run: String?, status: Int32? = nil) {
      self.phase = phase
      self.run = run
      self.status = status
    }

    /// Writes every member, as `null` where it is nil.
    package func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: CodingKeys.self)
      try members.encode(phase, forKey: .phase)
      try members.encode(run, forKey: .run)
      try members.encode(status, forKey: .status)
    }
  }

  /// The version of the format.
  package private(set) var version = 1
  /// 1 for an app's first deployment, and so on.
  package var number: Int
  /// The app.
  package var app: String
  /// The release's version.
  package var release: String
  /// Why it is deployed.
  package var reason: HookReason.Reason
  /// 1 for the first deployment of a release, and one more for each retry.
  package var attempt: Int
  /// The release that was live when it began; nil before the first.
  package var previous: String?
  /// What became of it.
  package var state = State.starting
  /// At which step it is, or was when it ended; nil before the first.
  package var step: Step?
  /// When it began, as RFC 3339 with nanoseconds, UTC.
  package var started: String
  /// When it ended, likewise.
  package var finished: String?
  /// Its exit status.
  package var status: Int32?
  /// Why it did not succeed, in a sentence.
  package var message: String?
  /// The phases that were run, the last of which may run still.
  package var phases: [PhaseRun] = []
  /// What went wrong without any effect on its outcome.
  package var warnings: [String] = []
  /// Whether starting the new version was begun, so that it has to be abandoned if all fails.
  package var hasBooted = false
  /// Whether the new version that was started was abandoned.
  package var isAbandoned = false
  /// Whether giving the new version the requests was begun, and they were not given back.
  package var hasActivated = false

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case number, app, release, reason, attempt, previous, state, step, started, finished, status
    case message, phases, warnings
    case hasBooted = "booted"
    case isAbandoned = "abandoned"
    case hasActivated = "activated"
  }

  package init(
    number: Int, app: String, release: String, reason: HookReason.Reason, attempt: Int,
    previous: String?,
    started: String
  ) {
    self.number = number
    self.app = app
    self.release = release
    self.reason = reason
    self.attempt = attempt
    self.previous = previous
    self.started = started
  }

  /// Writes every member, as `null` where it is nil.
  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(version, forKey: .version)
    try members.encode(number, forKey: .number)
    try members.encode(app, forKey: .app)
    try members.encode(release, forKey: .release)
    try members.encode(reason, forKey: .reason)
    try members.encode(attempt, forKey: .attempt)
    try members.encode(previous, forKey: .previous)
    try members.encode(state, forKey: .state)
    try members.encode(step, forKey: .step)
    try members.encode(started, forKey: .started)
    try members.encode(finished, forKey: .finished)
    try members.encode(status, forKey: .status)
    try members.encode(message, forKey: .message)
    try members.encode(phases, forKey: .phases)
    try members.encode(warnings, forKey: .warnings)
    try members.encode(hasBooted, forKey: .hasBooted)
    try members.encode(isAbandoned, forKey: .isAbandoned)
    try members.encode(hasActivated, forKey: .hasActivated)
  }
}

/// An option of a deployment as it was given, for whoever does it again.
package struct GivenOption: Sendable, Hashable, Codable {
  /// The name after `--`.
  package var name: String
  /// The value; empty for a switch.
  package var value: ByteString

  package init(name: String, value: ByteString) {
    self.name = name
    self.value = value
  }
}
