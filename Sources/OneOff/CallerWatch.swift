import LinuxSystem

/// What becomes of a run whose caller dies.
package enum CallerDeathPolicy: String, Sendable, Hashable, CaseIterable {
  /// It is ended, as by SIGTERM.
  case kill
  /// It goes on to its own end.
  case finish

  /// SIGHUP comes before the end of a shell that passes it on, and so long after it that end is
  /// waited for.
  package static let patience = Duration.seconds(1)
}

/// Notices the end of whoever has started this process: his process is gone, or nobody reads what
/// we write any more.
final class CallerWatch {
  /// What the loop's tags stand for.
  private enum Source: UInt64, CaseIterable { case process = 1, stdout, stderr, timer }

  /// The tags.
  static let tags = 1...UInt64(4)

  private let policy: CallerDeathPolicy
  private let process: CallerProcess
  private let timer: Timer
  private var isGone = false
  private var holdsHangUp = false

  init(_ policy: CallerDeathPolicy, _ process: consuming CallerProcess) throws(SystemError) {
    self.policy = policy
    self.process = process
    self.timer = try Timer()
  }

  /// Has a loop watch everything.
  func watch(in loop: borrowing EventLoop) throws(SystemError) {
    try loop.add(timer.descriptor.number, tag: Source.timer.rawValue)
    if let number = process.number {
      try loop.add(number, tag: Source.process.rawValue)
    }
    // A regular file has no other side and cannot be watched, nor can what is closed.
    try? loop.add(1, tag: Source.stdout.rawValue, for: .end)
    try? loop.add(2, tag: Source.stderr.rawValue, for: .end)
    if process.hasEnded { try timer.start(.zero) }
  }

  /// Takes what a loop has found.
  func advance(_ tag: UInt64, in loop: borrowing EventLoop) throws(SystemError)
    -> [SupervisorState.Event]
  {
    switch Source(rawValue: tag) {
    case .process:
      if let number = process.number { loop.remove(number) }
      return noteDeath()
    case .stdout:
      loop.remove(1)
      return noteDeath()
    case .stderr:
      loop.remove(2)
      return noteDeath()
    case .timer:
      try timer.stop()
      if process.hasEnded { return noteDeath() }
      guard holdsHangUp else { return [] }
      holdsHangUp = false
      return isGone ? [] : [.signal(Signal.hangUp)]
    case nil: return []
    }
  }

  private func noteDeath() -> [SupervisorState.Event] {
    guard !isGone else { return [] }
    isGone = true
    return policy == .kill ? [.signal(Signal.terminate)] : []
  }

  /// Takes a signal that is about the caller's end alone; false for one that goes to the command.
  func take(signal number: Int32) throws(SystemError) -> Bool {
    guard number == Signal.hangUp, policy == .finish else { return false }
    if !isGone, !holdsHangUp {
      holdsHangUp = true
      try timer.start(CallerDeathPolicy.patience)
    }
    return true
  }
}
