/// When a supervisor stops waiting for what it waits for; by the monotonic clock, so that nobody
/// who sets the wall clock changes it. A machine that is suspended does not run the command, and
/// the clock stands still.
///
/// Pure: whoever owns it tells the time, and has one timer go off at ``next``.
struct Deadlines: Sendable, Hashable {
  /// When the command's time is over.
  private var timeout: Duration?
  /// When the time of silence is over, unless something was written since it was set.
  private var silence: Duration?
  /// When the grace time is over.
  private var grace: Duration?
  /// When streams are waited for no longer.
  private var drain: Duration?
  /// When the run is looked at next.
  private var sample: Duration?
  /// When it is said that the command still runs, unless some of it was shown meanwhile.
  private var heartbeat: Duration?
  private let silenceTime: Duration?
  private let heartbeatTime: Duration?
  private let begin: Duration
  private var lastOutput: Duration
  private var lastShown: Duration

  /// Begins to count the command's time.
  ///
  /// - Parameter heartbeat: how long nothing of the command is shown before it is said that it
  ///   still runs; nil when it never is.
  init(timeout: Duration?, silence: Duration?, heartbeat: Duration? = nil, now: Duration) {
    self.timeout = timeout.map { now + $0 }
    self.silenceTime = silence
    self.silence = silence.map { now + $0 }
    self.heartbeatTime = heartbeat
    self.heartbeat = heartbeat.map { now + $0 }
    self.begin = now
    self.lastOutput = now
    self.lastShown = now
  }

  /// Whether it matters when the command has written something.
  var wantsOutput: Bool { silence != nil || heartbeat != nil }

  /// How often a run is looked at.
  static let samplePeriod = Duration.seconds(1)

  /// Has the run looked at, again and again.
  mutating func startSampling(now: Duration) { sample = now + Self.samplePeriod }

  /// Whether the run is to be looked at now; told once a period.
  mutating func takeSample(at now: Duration) -> Bool {
    guard let due = sample, due <= now else { return false }
    let following = due + Self.samplePeriod
    // Who was late, such as a process that was stopped, does not catch up.
    sample = following > now ? following : now + Self.samplePeriod
    return true
  }

  /// The command has written something. No timer is set for it: ``expired(at:)`` and
  /// ``takeHeartbeat(at:)`` look.
  ///
  /// - Parameter isShown: whether any of it is passed on.
  mutating func noteOutput(at now: Duration, isShown: Bool = true) {
    lastOutput = now
    if isShown { lastShown = now }
  }

  /// How long the command has run, when that is to be said now; told once for each time of silence.
  mutating func takeHeartbeat(at now: Duration) -> Duration? {
    guard let heartbeatTime, let due = heartbeat, due <= now else { return nil }
    let later = lastShown + heartbeatTime
    heartbeat = later > now ? later : now + heartbeatTime
    return later > now ? nil : now - begin
  }

  /// Begins to count the grace time. The others have no more to say, but that it still runs.
  mutating func startGrace(_ time: Duration, now: Duration) {
    grace = now + time
    timeout = nil
    silence = nil
  }

  /// Begins to count the time for streams of a container that has ended.
  mutating func startDrain(_ time: Duration, now: Duration) {
    self = Deadlines(timeout: nil, silence: nil, now: now)
    drain = now + time
  }

  /// The next moment at which to look; nil when there is none.
  var next: Duration? {
    Self.earlier(
      Self.earlier(Self.earlier(timeout, silence), Self.earlier(grace, drain)),
      Self.earlier(sample, heartbeat))
  }

  /// What is over now; it is told once.
  mutating func expired(at now: Duration) -> [SupervisorState.Event] {
    var events: [SupervisorState.Event] = []
    if Self.take(&timeout, at: now) { events.append(.timeoutExpired) }
    if let silenceTime, let due = silence, due <= now {
      let later = lastOutput + silenceTime
      silence = later > now ? later : nil
      if silence == nil { events.append(.silenceExpired) }
    }
    if Self.take(&grace, at: now) { events.append(.graceExpired) }
    if Self.take(&drain, at: now) { events.append(.drainExpired) }
    return events
  }

  private static func earlier(_ one: Duration?, _ other: Duration?) -> Duration? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
  }

  private static func take(_ deadline: inout Duration?, at now: Duration) -> Bool {
    guard let due = deadline, due <= now else { return false }
    deadline = nil
    return true
  }
}
