import LinuxSystem

/// Somebody who is connected to a run.
final class ControlClient {
  /// How far it has come with him.
  enum Stage: Sendable, Hashable {
    /// His request is not whole yet.
    case asking
    /// He gets the output.
    case attached
    /// He is to have what waits for him, and no more.
    case leaving
  }

  /// What was found when he was looked at.
  enum Arrival: Sendable, Hashable {
    case nothing
    /// His request, without the line feed.
    case request(ArraySlice<UInt8>)
    /// He is gone, or is to be sent away.
    case end
  }

  /// By what the loop knows him.
  let tag: UInt64
  private let connection: ControlConnection
  private(set) var stage = Stage.asking
  private var request: [UInt8] = []
  private var queue = SendQueue()
  private var isBroken = false

  init(_ connection: consuming ControlConnection, tag: UInt64) {
    self.connection = connection
    self.tag = tag
  }

  /// What is watched.
  var descriptor: CInt { connection.descriptor.number }

  /// What he is watched for: until he has taken what waits for him, nothing is read from him.
  var interest: EventLoop.Interest { queue.isEmpty ? .reading : .writing }

  /// Whether nothing is left to be done for him.
  var isDone: Bool { isBroken || (stage == .leaving && queue.isEmpty) }

  /// Reads from him, or sends what waits.
  func advance() -> Arrival {
    guard queue.isEmpty else {
      flush()
      return .nothing
    }
    switch connection.receive() {
    case .nothing: return .nothing
    case .end: return .end
    case .bytes(let bytes):
      // Who is attached has nothing to say.
      guard stage == .asking else { return .end }
      request += bytes
      if let end = request.firstIndex(of: UInt8(ascii: "\n")) { return .request(request[..<end]) }
      return request.count < ControlRequest.longestLine ? .nothing : .end
    }
  }

  /// Answers, and goes on to another stage.
  func answer(_ answer: ControlAnswer, _ next: Stage) {
    stage = next
    request = []
    queue.append(StoredJSON.text(answer))
    flush()
  }

  /// Sends a frame to who is attached; who has not taken those before it is sent away.
  func send(_ frame: [UInt8]) {
    guard stage == .attached else { return }
    if queue.isFull(for: frame) {
      queue.giveUp()
      let text = "the run goes on, but its output was not read as fast as it came"
      queue.append(ControlFrame.encoded(.dropped, Array(text.utf8)[...]))
      stage = .leaving
    } else {
      queue.append(frame)
    }
    flush()
  }

  /// Sends a last frame.
  func end() {
    send(ControlFrame.encoded(.end))
    stage = .leaving
  }

  /// Sends what is accepted now.
  private func flush() {
    while !queue.isEmpty, !isBroken {
      guard let count = connection.send(queue.next) else {
        isBroken = true
        return
      }
      guard count > 0 else { return }
      queue.noteSent(count)
    }
  }

  /// Sends what waits, until the deadline by the monotonic clock.
  func flushBlocking(until deadline: Duration) {
    while !isDone {
      let left = deadline - monotonicClock()
      guard left > .zero else { return }
      connection.waitForRoom(atMost: left)
      flush()
    }
  }
}
