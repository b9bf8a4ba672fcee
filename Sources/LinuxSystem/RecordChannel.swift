import SystemPackage

/// The way of records to somebody who may be slow, or not there: a connection that is made again
/// when it breaks, or a file, and a queue of bounded size before it.
///
/// Nothing here ever waits, but for ``finish(_:hurried:)``. The channel has a descriptor of its
/// own, which is readable when there is something to do, whatever becomes of its connection.
public final class RecordChannel {
  /// What becomes of records for which there is no room.
  public enum Overflow: String, Sendable, Hashable, Codable, CaseIterable {
    /// The command has to wait, as long as the peer still takes something now and then.
    case block
    /// They are counted and thrown away.
    case drop
  }

  /// So many bytes wait in a channel; with ``Overflow/block`` a little more.
  public static let capacity = 1 << 20
  /// How long a connection may take to be made.
  static let connectTime = Duration.seconds(5)
  /// Who takes nothing for so long does not hold the command up any more.
  static let stallTime = Duration.seconds(10)
  /// How long a new connection is waited for after the first failure, and after many.
  private static let retryTimes = (first: Duration.milliseconds(100), last: Duration.seconds(5))
  /// How long the end of a run waits for what is in the queues.
  private static let finishTimes = (drop: Duration.seconds(1), block: stallTime)

  private enum Tag: UInt64 { case socket, timer }

  /// What the channel is called in the result.
  public let name: String
  /// The last thing that went wrong; nil when nothing did.
  public private(set) var failure: SystemError?

  private let overflow: Overflow
  /// To whom the connection is made again; nil for a file.
  private let peer: SocketPeer?
  private let loop: EventLoop
  private let timer: Timer
  private var timerGoal: Duration?
  private var queue = RecordQueue(capacity: capacity)
  private var socket: SinkSocket?
  private var watched: EventLoop.Interest?
  private var isClosed = false
  /// The peer takes nothing just now.
  private var isCongested = false
  /// When the connection was begun.
  private var connectedAt = Duration.zero
  /// When a connection is tried next.
  private var retryAt: Duration?
  private var retryTime = retryTimes.first
  /// When a full queue does not hold the command up any more.
  private var stallAt: Duration?
  private var isStalled = false

  /// Begins a connection. That there is none is no error, and is tried again.
  ///
  /// - Throws: EMFILE or ENFILE when there are too many descriptors.
  public init(to peer: SocketPeer, name: String, overflow: Overflow) throws(SystemError) {
    self.name = name
    self.peer = peer
    self.overflow = overflow
    self.loop = try EventLoop()
    self.timer = try Timer()
    try loop.add(timer.descriptor.number, tag: Tag.timer.rawValue)
    connect(at: monotonicClock())
    setTimer(at: monotonicClock())
  }

  /// Takes over a file that was opened for writing, not to block.
  ///
  /// - Throws: EMFILE or ENFILE when there are too many descriptors.
  public init(
    owning file: consuming OwnedDescriptor, name: String, overflow: Overflow
  ) throws(SystemError) {
    self.name = name
    self.peer = nil
    self.overflow = overflow
    self.loop = try EventLoop()
    self.timer = try Timer()
    try loop.add(timer.descriptor.number, tag: Tag.timer.rawValue)
    self.socket = SinkSocket(owning: file, subject: "of \(name)")
  }

  /// Readable when ``advance()`` has something to do.
  public var activity: CInt { loop.number }

  /// What was not passed on.
  public var dropped: RecordCount { queue.dropped }

  /// Whether the channel can ever pass on anything again.
  public var isOpen: Bool { !isClosed }

  /// Whether nothing more should be read from the command.
  public var holdsUp: Bool { isBlocking && queue.byteCount >= queue.capacity }

  private var isBlocking: Bool { overflow == .block && !isStalled && !isClosed }

  /// Adds a record, or drops it.
  ///
  /// - Parameters:
  ///   - payload: the bytes of output that it stands for.
  ///   - length: a length that the record has at least; without room for it nothing is encoded.
  ///   - encode: appends the record, and returns how many of its first bytes only a stream needs.
  public func append(payload: Int, atLeast length: Int, _ encode: (inout [UInt8]) -> Int) {
    guard !isClosed else { return queue.drop(payload: payload) }
    if queue.isFull(for: length), !isCongested { send(at: monotonicClock()) }
    guard !queue.isFull(for: length) || isBlocking else { return queue.drop(payload: payload) }
    queue.append(payload: payload, isBounded: !isBlocking, encode)
  }

  /// Passes on what can be, and sees to the connection.
  public func advance() {
    guard !isClosed else { return }
    let now = monotonicClock()
    if socket == nil, let retryAt, now >= retryAt { connect(at: now) }
    send(at: now)
    setTimer(at: now)
  }

  // MARK: The connection

  private func connect(at now: Duration) {
    guard let peer else { return }
    retryAt = nil
    connectedAt = now
    do throws(SystemError) {
      socket = try SinkSocket.connect(to: peer, subject: "to \(name)")
      try watch()
    } catch {
      lose(error, at: now)
    }
  }

  private func send(at now: Duration) {
    guard let socket else { return }
    do throws(SystemError) {
      if !socket.isConnected {
        try socket.confirm()
        guard socket.isConnected else {
          guard now - connectedAt < Self.connectTime else {
            throw SystemError(call: "connect(2)", subject: "to \(name)", errno: .timedOut)
          }
          isCongested = true
          return
        }
      }
      try socket.discardInput()
      let hasSent = try socket.send(&queue)
      isCongested = !queue.isEmpty
      if hasSent {
        stallAt = nil
        isStalled = false
      }
      try watch()
    } catch {
      lose(error, at: now)
    }
  }

  /// Gives a connection up. What the kernel has taken over counts as passed on, whatever becomes of
  /// it there.
  private func lose(_ error: SystemError, at now: Duration) {
    failure = error
    isCongested = true
    if let socket, watched != nil { loop.remove(socket.number) }
    watched = nil
    socket = nil
    guard peer != nil else { return close() }
    queue.restartFirst()
    if now - connectedAt > .seconds(1) { retryTime = Self.retryTimes.first }
    retryAt = now + retryTime
    retryTime = min(retryTime * 2, Self.retryTimes.last)
  }

  /// Watches for what there is to do. epoll(7) does not take regular files, which never wait.
  private func watch() throws(SystemError) {
    guard let socket else { return }
    let writes = !socket.isConnected || !queue.isEmpty
    let interest: EventLoop.Interest? =
      if socket.isSocket { writes ? .readingAndWriting : .reading } else { writes ? .writing : nil }
    guard interest != watched else { return }
    if watched != nil { loop.remove(socket.number) }
    watched = nil
    if let interest { try loop.add(socket.number, tag: Tag.socket.rawValue, for: interest) }
    watched = interest
  }

  /// Drops what is left, and everything that comes.
  private func close() {
    if let socket, watched != nil { loop.remove(socket.number) }
    watched = nil
    socket = nil
    queue.dropAll()
    isClosed = true
  }

  // MARK: Time

  /// Has the timer go off when there is next something to look at.
  private func setTimer(at now: Duration) {
    if queue.byteCount < queue.capacity {
      stallAt = nil
      isStalled = false
    } else if overflow == .block, !isStalled {
      let goal = stallAt ?? now + Self.stallTime
      isStalled = now >= goal
      stallAt = isStalled ? nil : goal
    }
    var goals = [retryAt, stallAt].compactMap(\.self)
    if let socket, !socket.isConnected { goals.append(connectedAt + Self.connectTime) }
    let goal = isClosed ? nil : goals.min()
    if let timerGoal, timerGoal <= now { self.timerGoal = nil } else if goal == timerGoal { return }
    timerGoal = goal
    // A timer that was made can be set.
    if let goal { try? timer.start(goal - now) } else { try? timer.stop() }
  }

  // MARK: The end

  /// Passes on what waits in the channels, for a bounded time, and closes them.
  ///
  /// - Parameter hurried: whether nobody is waited for longer than with ``Overflow/drop``.
  public static func finish(_ channels: [RecordChannel], hurried: Bool) {
    let begin = monotonicClock()
    func limit(_ channel: RecordChannel) -> Duration {
      begin
        + (channel.overflow == .drop || hurried ? Self.finishTimes.drop : Self.finishTimes.block)
    }
    guard !channels.isEmpty else { return }
    var open = channels
    // Without descriptors for waiting nobody is waited for.
    if let loop = try? EventLoop() {
      for channel in open { try? loop.add(channel.activity, tag: 0) }
      while true {
        for channel in open { channel.advance() }
        let now = monotonicClock()
        let isDone = { (channel: RecordChannel) in
          channel.queue.isEmpty || now >= limit(channel)
        }
        for channel in open where isDone(channel) { loop.remove(channel.activity) }
        open.removeAll(where: isDone)
        guard let next = open.map(limit).min() else { break }
        guard (try? loop.wait(atMost: next - now)) != nil else { break }
      }
    }
    for channel in channels { channel.close() }
  }
}
