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
    /// What he sends once he is attached.
    case frames([ControlFrame])
    /// He is gone, or is to be sent away.
    case end
  }

  /// By what the loop knows him.
  let tag: UInt64
  private let connection: ControlConnection
  private(set) var stage = Stage.asking
  /// Whether the command's input comes from him. As with a terminal, the command then waits until
  /// he has taken its output.
  var givesInput = false
  /// Whether nothing is read from him: what he has given was not taken yet.
  var isHeld = false
  private var frames = ControlFrame.Reader(longest: 64 << 10)
  private var request: [UInt8] = []
  /// What has come with the request, after its line feed.
  private var early: [UInt8] = []
  private var queue = SendQueue()
  private var isBroken = false

  init(_ connection: consuming ControlConnection, tag: UInt64) {
    self.connection = connection
    self.tag = tag
  }

  /// Who has started the run, and is attached from its beginning.
  init(attached connection: consuming ControlConnection, tag: UInt64) {
    self.connection = connection
    self.tag = tag
    self.stage = .attached
  }

  /// What is watched.
  var descriptor: CInt { connection.descriptor.number }

  /// What he is watched for; nil for nothing.
  var interest: EventLoop.Interest? {
    switch (mayBeRead, queue.isEmpty) {
    case (true, true): .reading
    case (true, false): .readingAndWriting
    case (false, false): .writing
    case (false, true): nil
    }
  }

  /// Until he has taken the answer, nothing more is read from him.
  private var mayBeRead: Bool { stage == .attached ? !isHeld : queue.isEmpty }

  /// Whether the command is to wait for him: 256 KiB wait to be taken.
  var holdsUp: Bool { givesInput && !isDone && queue.count > 256 << 10 }

  /// Whether nothing is left to be done for him.
  var isDone: Bool { isBroken || (stage == .leaving && queue.isEmpty) }

  /// Reads from him, or sends what waits.
  func advance() -> Arrival {
    flush()
    guard mayBeRead else { return .nothing }
    switch connection.receive() {
    case .nothing: return .nothing
    case .end: return .end
    case .bytes(let bytes):
      guard stage == .asking else { return frames.take(bytes).map { .frames($0) } ?? .end }
      request += bytes
      if let end = request.firstIndex(of: UInt8(ascii: "\n")) {
        early = Array(request[(end + 1)...])
        return .request(request[..<end])
      }
      return request.count < ControlRequest.longestLine ? .nothing : .end
    }
  }

  /// The frames that have come with the request to attach, to be taken once; nil when one is too
  /// long.
  func takeEarlyFrames() -> [ControlFrame]? {
    defer { early = [] }
    return frames.take(early)
  }

  /// Whether he has closed his end, whatever he has sent before.
  var isGone: Bool { connection.isClosed }

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
    if !givesInput, queue.isFull(for: frame) {
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

  /// Sends what waits, until the deadline by the monotonic clock; nil for none.
  func flushBlocking(until deadline: Duration?) {
    while !isDone {
      let left = deadline.map { $0 - monotonicClock() }
      if let left, left <= .zero { return }
      connection.waitForRoom(atMost: left)
      flush()
    }
  }
}
