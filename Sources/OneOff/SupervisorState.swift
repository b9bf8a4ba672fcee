import LinuxSystem

/// What a supervisor decides: an event goes in, actions come out. It does nothing itself, so that
/// every order of events can be tested without a process.
struct SupervisorState: Sendable, Hashable {
  /// What happened.
  enum Event: Sendable, Hashable {
    /// PID 1 or the command's process reported something.
    case record(StatusRecord)
    /// The command has written something.
    case outputArrived
    /// The last writer of a stream is gone.
    case outputEnded(OutputStream)
    /// PID 1 has ended, and with it every process of the container.
    case containerEnded
    /// The caller sent a signal that goes to the command.
    case signal(Int32)
    /// The command's time is over.
    case timeoutExpired
    /// The command has written nothing for too long.
    case silenceExpired
    /// The grace time is over.
    case graceExpired
    /// The time is over for streams that somebody outside of the container holds open.
    case drainExpired
  }

  /// What to do about it.
  enum Action: Sendable, Hashable {
    /// Tell the world that the command was executed.
    case announceStart
    /// Send a signal to the command.
    case forward(Int32)
    /// Start the grace time.
    case startGrace
    /// Kill PID 1.
    case kill
    /// Give the streams a last, short time.
    case startDrain
    /// Nobody can change anything in the container any more: look at what the command has left.
    case gather
    /// The run is over.
    case finish(Outcome)
  }

  /// How a run came to its end.
  enum Outcome: Sendable, Hashable {
    /// The command was never executed.
    case failed(LaunchFailure)
    /// The command has ended.
    case exited(CommandExit, Cause)
    /// PID 1 was killed from outside before it could report.
    case lost(Cause, wasStarted: Bool)
  }

  /// Why the command was told to end; the first reason counts.
  enum Cause: Sendable, Hashable {
    /// It was not, as far as oneoff knows.
    case itself
    /// A signal that oneoff was told to forward.
    case forwarded(Int32)
    /// It took too long.
    case timeout
    /// It wrote nothing for too long.
    case silence
  }

  private var isStdoutOpen = true
  private var isStderrOpen = true
  private var failure: LaunchFailure?
  private var commandExit: CommandExit?
  private var cause = Cause.itself
  private var isStartAnnounced = false
  /// Signals that wait for the command: before it is executed they would kill its process.
  private var heldSignals = SignalSet()
  /// Every signal that oneoff has sent to the command.
  private(set) var sentSignals = SignalSet()
  /// No process of the container but PID 1 lives.
  private var isEmptied = false
  private var isContainerEnded = false
  private var hasGathered = false
  /// Whether the end was asked for when the command had ended by itself already.
  private var wasToldToEndLate = false
  private var isFinished = false

  /// These ask for the end, and SIGKILL makes it; all others do not.
  static let endingSignals = [
    Signal.hangUp, Signal.interrupt, Signal.quit, Signal.kill, Signal.terminate,
  ]

  private var isOutputOpen: Bool { isStdoutOpen || isStderrOpen }

  /// Takes an event and says what to do.
  mutating func handle(_ event: Event) -> [Action] {
    guard !isFinished else { return [] }
    switch event {
    case .record(let record): return handle(record)
    // PID 1 may be slower than the command that it has started.
    case .outputArrived: return announceStart()
    case .outputEnded(let stream):
      switch stream {
      case .stdout: isStdoutOpen = false
      case .stderr: isStderrOpen = false
      }
      return gatherOnce() + finishIfDone()
    case .containerEnded:
      isContainerEnded = true
      isEmptied = true
      return isOutputOpen ? [.startDrain] : gatherOnce() + finishIfDone()
    case .signal(let number): return handle(signal: number)
    case .timeoutExpired: return end(.timeout)
    case .silenceExpired: return end(.silence)
    case .graceExpired:
      guard mayBeAlive else { return [] }
      sentSignals.insert(Signal.kill)
      return [.kill]
    case .drainExpired:
      isStdoutOpen = false
      isStderrOpen = false
      return gatherOnce() + finishIfDone()
    }
  }

  private mutating func handle(_ record: StatusRecord) -> [Action] {
    switch record {
    case .started: return announceStart()
    case .failed(let failure):
      // The first failure is the cause; what follows comes of it.
      if self.failure == nil { self.failure = failure }
    case .exited(let commandExit): self.commandExit = commandExit
    case .emptied:
      isEmptied = true
      return gatherOnce()
    }
    return []
  }

  private mutating func announceStart() -> [Action] {
    guard !isStartAnnounced else { return [] }
    isStartAnnounced = true
    let held = heldSignals.numbers
    heldSignals = SignalSet()
    return [.announceStart] + held.map { forward($0) } + gatherOnce()
  }

  private mutating func handle(signal number: Int32) -> [Action] {
    let isEnding = Self.endingSignals.contains(number)
    if isEnding, !mayBeAlive { wasToldToEndLate = true }
    if isContainerEnded, isEnding {
      // Whoever does not take the output any more must not keep us.
      isStdoutOpen = false
      isStderrOpen = false
      return gatherOnce() + finishIfDone()
    }
    guard mayBeAlive else { return [] }
    guard isEnding || isStartAnnounced else {
      heldSignals.insert(number)
      return []
    }
    guard isEnding else { return [forward(number)] }
    guard number != Signal.kill else {
      if cause == .itself { cause = .forwarded(number) }
      // All of the container, and not the command alone, whose end PID 1 could still report.
      sentSignals.insert(number)
      return [.kill]
    }
    guard cause == .itself else { return [forward(number)] }
    cause = .forwarded(number)
    return [forward(number), .startGrace]
  }

  /// Tells the command to end, as somebody would who has lost his patience, and begins the grace
  /// time; nothing when it is being ended already.
  private mutating func end(_ cause: Cause) -> [Action] {
    guard mayBeAlive, self.cause == .itself else { return [] }
    self.cause = cause
    return [forward(Signal.terminate), .startGrace]
  }

  /// Nothing says that the command has ended.
  private var mayBeAlive: Bool { !isContainerEnded && commandExit == nil }

  private mutating func forward(_ number: Int32) -> Action {
    sentSignals.insert(number)
    return .forward(number)
  }

  /// Whether the end was asked for, of the command or of what comes after it.
  var wasToldToEnd: Bool { cause != .itself || wasToldToEndLate }

  /// As early as it can be: the kernel is still busy then with taking the container apart. Not
  /// while there is output to pass on, which must not wait.
  private mutating func gatherOnce() -> [Action] {
    guard isEmptied, !isOutputOpen, isStartAnnounced, !hasGathered else { return [] }
    hasGathered = true
    return [.gather]
  }

  private mutating func finishIfDone() -> [Action] {
    guard isContainerEnded, !isOutputOpen else { return [] }
    isFinished = true
    if let failure { return [.finish(.failed(failure))] }
    if let commandExit { return [.finish(.exited(commandExit, cause))] }
    return [.finish(.lost(cause, wasStarted: isStartAnnounced))]
  }
}

/// Signals, each at most once, as the kernel keeps those that are pending. See signal(7).
struct SignalSet: Sendable, Hashable {
  private var bits: UInt64 = 0

  /// Adds a signal, 1 to 63.
  mutating func insert(_ number: Int32) { bits |= 1 << UInt64(number) }

  /// Whether a signal is in the set.
  func contains(_ number: Int32) -> Bool { bits & 1 << UInt64(number) != 0 }

  /// The signals, the lowest first.
  var numbers: [Int32] { Signal.numbers.filter(contains) }
}
