import ContainerSpec
import LinuxSystem

/// The ``Deadlines`` of a run, with the one timer that goes off for all of them: whatever changes
/// what is waited for sets it anew.
struct DeadlineTimer: ~Copyable {
  /// What it has gone off for.
  struct Expiry {
    /// What is over.
    let events: [SupervisorState.Event]
    /// The moment at which the run is to be looked at; nil when it is not.
    let sampleTime: Duration?
    /// How long the command has run, when that is to be said.
    let heartbeat: Duration?
  }

  private let timer: Timer
  private var deadlines = Deadlines(timeout: nil, silence: nil, now: .zero)

  /// Nothing is waited for yet.
  init() throws(SystemError) { self.timer = try Timer() }

  /// Readable when the timer has gone off.
  var descriptor: CInt { timer.descriptor.number }

  /// Begins to count the time of a command, as far as anything is to happen in it.
  mutating func begin(
    _ spec: RunSpec, heartbeat: Duration?, isSampled: Bool
  ) throws(SystemError) {
    let limits = [spec.timeout, spec.silenceTimeout, heartbeat]
    guard isSampled || limits.contains(where: { $0 != nil }) else { return }
    let now = monotonicClock()
    deadlines = Deadlines(
      timeout: spec.timeout, silence: spec.silenceTimeout, heartbeat: heartbeat, now: now)
    if isSampled { deadlines.startSampling(now: now) }
    try set()
  }

  /// The command has written something.
  ///
  /// - Parameter isShown: whether any of it is passed on.
  mutating func noteOutput(isShown: Bool) {
    if deadlines.wantsOutput { deadlines.noteOutput(at: monotonicClock(), isShown: isShown) }
  }

  /// Begins to count the grace time.
  mutating func startGrace(_ time: Duration) throws(SystemError) {
    deadlines.startGrace(time, now: monotonicClock())
    try set()
  }

  /// Begins to count the time for streams of a container that has ended.
  mutating func startDrain() throws(SystemError) {
    deadlines.startDrain(Supervisor.drainTime, now: monotonicClock())
    try set()
  }

  /// What is over now; it is told once.
  ///
  /// - Parameters:
  ///   - isPaused: whether nothing is read from the command, because our own reader takes nothing.
  ///   - wasToldToEnd: whether nobody has patience with that reader any more.
  mutating func expired(isPaused: Bool, wasToldToEnd: Bool) throws(SystemError) -> Expiry {
    let now = monotonicClock()
    // A command from which nothing is read is not silent.
    if isPaused { deadlines.noteOutput(at: now) }
    var events = deadlines.expired(at: now)
    if isPaused, !wasToldToEnd, events.contains(.drainExpired) {
      // It is the reader of our output that takes its time, not a holder of the command's pipes.
      deadlines.startDrain(Supervisor.drainTime, now: now)
      events.removeAll { $0 == .drainExpired }
    }
    let sampleTime = deadlines.takeSample(at: now) ? now : nil
    let heartbeat = deadlines.takeHeartbeat(at: now)
    try set()
    return Expiry(events: events, sampleTime: sampleTime, heartbeat: heartbeat)
  }

  /// Has the timer go off when there is next something to look at.
  private func set() throws(SystemError) {
    if let next = deadlines.next {
      try timer.start(next - monotonicClock())
    } else {
      try timer.stop()
    }
  }
}
