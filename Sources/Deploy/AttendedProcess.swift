import ContainerSpec
package import LinuxSystem

/// The signals that ask a deployment to end, which come when they like.
package final class Interruptions {
  private static let signals = [
    Signal.hangUp, Signal.interrupt, Signal.quit, Signal.terminate,
  ]
  private let descriptor: SignalDescriptor
  private let ignoresHangUp: Bool
  /// The first that has arrived; nil before.
  package private(set) var first: Int32?
  /// How many have arrived.
  private(set) var count = 0

  /// Takes the signals from here on.
  ///
  /// - Parameter ignoresHangUp: whether SIGHUP is none of them: the deployment goes on when the
  ///   terminal is gone.
  /// - Throws: EMFILE. See signalfd(2).
  package init(ignoresHangUp: Bool) throws(SystemError) {
    self.descriptor = try SignalDescriptor(Self.signals)
    self.ignoresHangUp = ignoresHangUp
  }

  /// Waits for one, for so long; whether one has come.
  func wait(atMost time: Duration) throws(SystemError) -> Bool {
    let loop = try EventLoop()
    try loop.add(number, tag: 0)
    let end = monotonicClock() + time
    while monotonicClock() < end {
      if try !loop.wait(atMost: end - monotonicClock()).isEmpty, try take() != nil { return true }
    }
    return false
  }

  /// Lets the signals have their usual effect again.
  package func stop() { unblockSignals(Self.signals) }

  /// Readable when there is one to take.
  var number: CInt { descriptor.descriptor.number }

  /// The next one; nil when there is none.
  package func take() throws(SystemError) -> Int32? {
    while let number = try descriptor.next() {
      if number == Signal.hangUp, ignoresHangUp { continue }
      if first == nil { first = number }
      count += 1
      return number
    }
    return nil
  }
}

/// A program of the host's that is stayed with to its end.
package final class AttendedProcess {
  /// How it ended, and who has seen to that.
  package enum End: Sendable, Hashable {
    /// It has ended by itself, or by a signal of somebody else's.
    case ended(CommandExit.Way)
    /// It was told to end, by this signal, and did.
    case cancelled(Int32, CommandExit.Way)
    /// It took too long.
    case timedOut
  }

  /// How somebody is told that it still runs.
  package struct Heartbeat {
    /// After so much silence, and again.
    var interval: Duration
    var beat: (_ elapsed: Duration) -> Void

    package init(_ interval: Duration, beat: @escaping (_ elapsed: Duration) -> Void) {
      self.interval = interval
      self.beat = beat
    }
  }

  private enum Tag: UInt64 { case end = 1, output, signal }

  /// What has left the process group may hold the output open; so long it is waited for.
  private static let drainTime = Duration.seconds(1)

  private let process: HostProcess
  private let output: OwnedDescriptor
  private let timeout: Duration?
  private let grace: Duration?
  private let heartbeat: Heartbeat?
  private let started = monotonicClock()

  private var told: Int32?
  private var hasTimedOut = false
  private var killTime: Duration?
  private var endTime: Duration?
  private var lastOutput = monotonicClock()
  private var outputHasEnded = false

  /// Stays with a process.
  ///
  /// - Parameters:
  ///   - output: what it writes.
  ///   - timeout: how long it may take; then it gets SIGTERM.
  ///   - grace: how long it may go on after it was told to end; then it is killed. For ever when
  ///     nil.
  package init(
    _ process: consuming HostProcess, output: consuming OwnedDescriptor, timeout: Duration?,
    grace: Duration?, heartbeat: Heartbeat?
  ) {
    self.process = process
    self.output = output
    self.timeout = timeout
    self.grace = grace
    self.heartbeat = heartbeat
  }

  /// Passes its output on until it has ended; signals go to it and all that it has started.
  ///
  /// - Throws: the errnos of epoll_wait(2) and read(2).
  package func attend(
    _ interruptions: Interruptions, receive: (ArraySlice<UInt8>) -> Void
  ) throws(SystemError) -> End {
    let loop = try EventLoop()
    try loop.add(process.ended.number, tag: Tag.end.rawValue)
    try loop.add(interruptions.number, tag: Tag.signal.rawValue)
    try loop.add(output.number, tag: Tag.output.rawValue)
    while endTime == nil || !outputHasEnded {
      let now = monotonicClock()
      if let endTime, now >= endTime + Self.drainTime { break }
      actOnTime(now)
      for tag in try loop.wait(atMost: timeToNextDeadline(now)) {
        switch Tag(rawValue: tag) {
        case .end where endTime == nil:
          loop.remove(process.ended.number)
          endTime = monotonicClock()
        case .signal: try takeSignal(interruptions)
        case .output: try passOn(loop, receive)
        default: break
        }
      }
    }
    let way = try process.wait()
    if hasTimedOut { return .timedOut }
    if let told { return .cancelled(told, way) }
    return .ended(way)
  }

  private func passOn(
    _ loop: borrowing EventLoop, _ receive: (ArraySlice<UInt8>) -> Void
  ) throws(SystemError) {
    let bytes = try output.readSome()
    if bytes.isEmpty {
      loop.remove(output.number)
      outputHasEnded = true
    } else {
      lastOutput = monotonicClock()
      receive(bytes[...])
    }
  }

  private func takeSignal(_ interruptions: Interruptions) throws(SystemError) {
    guard let number = try interruptions.take(), endTime == nil else { return }
    if told == nil, !hasTimedOut {
      told = number
      // A supervisor knows what each of them means. Others are told what everybody understands: a
      // shell that is about to become another program can lose SIGINT.
      tellToEnd(grace == nil ? number : Signal.terminate)
    } else if grace != nil {
      // Whoever asks twice does not want to wait.
      process.signal(Signal.kill)
    }
  }

  private func tellToEnd(_ number: Int32) {
    process.signal(number)
    killTime = grace.map { monotonicClock() + $0 }
  }

  private func actOnTime(_ now: Duration) {
    guard endTime == nil else { return }
    if let timeout, now >= started + timeout, !hasTimedOut, told == nil {
      hasTimedOut = true
      tellToEnd(Signal.terminate)
    }
    if let time = killTime, now >= time {
      process.signal(Signal.kill)
      killTime = nil
    }
    if let heartbeat, now >= lastOutput + heartbeat.interval {
      lastOutput = now
      heartbeat.beat(now - started)
    }
  }

  private func timeToNextDeadline(_ now: Duration) -> Duration? {
    if let endTime { return endTime + Self.drainTime - now }
    let deadlines = [
      hasTimedOut || told != nil ? nil : timeout.map { started + $0 }, killTime,
      heartbeat.map { lastOutput + $0.interval },
    ]
    return deadlines.compactMap { $0 }.min().map { max(.zero, $0 - now) }
  }
}
