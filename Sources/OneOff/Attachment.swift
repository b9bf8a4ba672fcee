import ContainerSpec
import LinuxSystem
import SystemPackage

/// Somebody's part in a run of another process, to which he is attached: he gets what the command
/// writes, and his input goes to it.
package struct Attachment: ~Copyable {
  /// How it ended.
  package enum End: Sendable, Hashable {
    /// The run is over.
    case over
    /// The supervisor is dead, or has not waited for his reading the last of the output.
    case cut
    /// He has typed the keys, or his terminal is gone.
    case left
    /// The supervisor sends no more although the run goes on, and says why.
    case dropped(String)
  }

  private enum Source: UInt64 { case connection, signals, callerInput, commandInput, writer }

  /// What a supervisor sends at most in one frame, with room for what masking adds.
  private static let longestFrame = 16 << 20

  private let loop: EventLoop
  private let connection: RunConnection
  private let interaction: Interaction
  private let signals: SignalDescriptor
  private let sink: OutputSink
  /// To the supervisor.
  private let target: OutputWriter
  private let targetSocket: OwnedDescriptor
  private var frames = ControlFrame.Reader(longest: longestFrame)
  private var blockedWriters: [OutputWriter] = []
  private var end: End?

  /// Attaches whoever sits at the caller's side.
  ///
  /// - Parameters:
  ///   - hasTerminal: whether the command has one.
  ///   - keys: with which he leaves a terminal.
  ///   - sink: what gets the output.
  package init(
    _ connection: consuming RunConnection, _ caller: CallerSide, hasTerminal: Bool,
    detachKeys keys: DetachKeys, sink: OutputSink
  ) throws(OneOffError) {
    // Another number: each is watched for something else.
    let socket = try OneOffError.wrap { try connection.socket.duplicate() }
    let target = OutputWriter(socket.number)
    let loop = try OneOffError.wrap { try EventLoop() }
    let signals = try OneOffError.wrap { try SignalDescriptor(Interaction.signals) }
    self.targetSocket = socket
    self.target = target
    self.loop = loop
    self.signals = signals
    self.interaction = Interaction(
      caller, to: connection.takesInput ? target : nil, isSupervisor: true,
      hasTerminal: hasTerminal, detachKeys: keys
    ) { size in target.write(ControlFrame.encoded(size)[...]) }
    self.connection = connection
    self.sink = sink
  }

  /// Stays until the run is over, or he leaves.
  package consuming func run() throws(OneOffError) -> End {
    let interaction = interaction
    // Whatever the end: he gets his terminal back as it was.
    defer { interaction.end() }
    interaction.begin()
    do {
      try loop.add(signals.descriptor.number, tag: Source.signals.rawValue)
      try loop.add(connection.socket.number, tag: Source.connection.rawValue)
      try take(connection.rest)
      while end == nil {
        try interaction.watch(
          in: loop, source: Source.callerInput.rawValue, target: Source.commandInput.rawValue)
        for tag in try loop.wait(atMost: interaction.isPaused ? .seconds(1) : nil) {
          if let source = Source(rawValue: tag) { try advance(source) }
        }
        interaction.resume()
        try waitForReaders()
      }
      for stream in OutputStream.allCases { sink.ended(stream) }
      for writer in sink.writers { writer.flushBlocking() }
    } catch {
      throw .wrapping(error)
    }
    return end ?? .over
  }

  private mutating func advance(_ source: Source) throws(SystemError) {
    switch source {
    case .connection:
      let bytes = try connection.socket.receive()
      if bytes.isEmpty { end = .cut } else { try take(bytes) }
    case .signals: while let number = try signals.next() { _ = interaction.take(signal: number) }
    case .callerInput, .commandInput:
      _ = interaction.passInput()
      if interaction.isOver { end = .left }
    case .writer: for writer in sink.writers { writer.flush() }
    }
    // Who has seen enough, such as head(1), does not wait for the run's end.
    if end == nil, !sink.accepts(.stdout) { end = .left }
    // What could not be sent at once, such as a size.
    if target.hasPending { target.flush() }
  }

  /// Takes what the supervisor sends.
  private mutating func take(_ bytes: [UInt8]) throws(SystemError) {
    guard let whole = frames.take(bytes) else {
      throw SystemError(
        call: "read(2)", subject: "of the supervisor's output", errno: .badMessage)
    }
    for frame in whole where end == nil {
      switch frame.kind {
      case .stdout: sink.received(frame.bytes[...], on: .stdout, at: .zero)
      case .stderr: sink.received(frame.bytes[...], on: .stderr, at: .zero)
      case .dropped: end = .dropped(String(decoding: frame.bytes, as: UTF8.self))
      case .end: end = .over
      case .input, .inputEnd, .size: break
      }
    }
  }

  /// Takes nothing more from the supervisor before what it has sent was read.
  private mutating func waitForReaders() throws(SystemError) {
    let wasBlocked = !blockedWriters.isEmpty
    for writer in blockedWriters { loop.remove(writer.descriptor) }
    blockedWriters = []
    for writer in sink.writers where writer.hasPending {
      // Two may share a descriptor, which epoll(7) takes only once.
      guard !blockedWriters.contains(where: { $0.descriptor == writer.descriptor }) else {
        continue
      }
      try loop.add(writer.descriptor, tag: Source.writer.rawValue, for: .writing)
      blockedWriters.append(writer)
    }
    guard wasBlocked == blockedWriters.isEmpty else { return }
    if blockedWriters.isEmpty {
      try loop.add(connection.socket.number, tag: Source.connection.rawValue)
    } else {
      loop.remove(connection.socket.number)
    }
  }
}
