package import ContainerSpec
package import LinuxSystem

/// How others than the command have a say in a run while it goes on: over its control socket, and
/// by their end, where that is the caller's.
///
/// It has a loop of its own, which the supervisor's watches as one descriptor. It never waits for
/// anybody: who is slow, or says what cannot be understood, is sent away.
package final class RunControl {
  /// So many can be attached at once.
  static let mostAttached = 16
  /// And so many besides who ask for something: who has been at it longest makes room.
  private static let mostAsking = 8
  private static let listenerTag: UInt64 = 0
  private static let inputTag: UInt64 = 8
  private static let timerTag: UInt64 = 9
  private static let firstClientTag: UInt64 = 16

  private let loop: EventLoop
  private let timer: Timer
  private var socket: ControlSocket?
  private let caller: CallerWatch?
  private let needsNoReader: Bool
  private var clients: [ControlClient] = []
  private var nextTag = firstClientTag
  private var input: CommandInput?
  private var newSize: TerminalSize?
  private var started: String?

  /// Prepares to be asked.
  ///
  /// - Parameters:
  ///   - policy: what becomes of the run when the caller dies; nil when that is not looked for.
  ///   - takesInput: whether the command's input comes from who is attached.
  ///   - starter: the other end of a connection of who has started the run, and is attached from
  ///     its beginning.
  /// - Throws: EMFILE or ENFILE when there are too many descriptors.
  package init(
    _ policy: CallerDeathPolicy?, takesInput: Bool = false,
    starter: consuming OwnedDescriptor? = nil
  ) throws(OneOffError) {
    do {
      // First: he may be about to die.
      self.caller = try policy.map { try CallerWatch($0, CallerProcess()) }
      self.loop = try EventLoop()
      self.timer = try Timer()
      self.needsNoReader = policy == .finish
      self.input = takesInput ? try CommandInput() : nil
      try loop.add(timer.descriptor.number, tag: Self.timerTag)
      try caller?.watch(in: loop)
      if let starter = starter.take() { try adopt(starter) }
    } catch {
      throw OneOffError.wrapping(error)
    }
  }

  /// Listens for a recorded run.
  ///
  /// - Parameter started: when it has begun, as its record says.
  /// - Throws: EADDRINUSE when a run of that name is alive; the errnos of bind(2) and mkdir(2); an
  ///   error of the specification's kind where others may use the directory.
  package func listen(for id: RunID, started: String) throws(OneOffError) {
    self.started = started
    do {
      let socket = try ControlSocket(id.text, in: ControlDirectory.make())
      try loop.add(socket.listener.number, tag: Self.listenerTag)
      self.socket = consume socket
    } catch {
      throw OneOffError.wrapping(error)
    }
  }

  /// Readable when there is something to do.
  var descriptor: CInt { loop.number }

  /// Does what there is to do; returns what it means for the run.
  func advance() throws(SystemError) -> [SupervisorState.Event] {
    var events: [SupervisorState.Event] = []
    for tag in try loop.wait(atMost: .zero) {
      if tag == Self.listenerTag {
        try takeClients()
      } else if tag == Self.inputTag {
        try passInput()
      } else if tag == Self.timerTag {
        try listenAgain()
      } else if CallerWatch.tags.contains(tag), let caller {
        events += try caller.advance(tag, in: loop)
      } else if let client = clients.first(where: { $0.tag == tag }) {
        events += try serve(client)
      }
    }
    return events
  }

  /// Takes a signal that is not the command's; false for all others.
  func take(signal number: Int32) throws(SystemError) -> Bool {
    try caller?.take(signal: number) ?? false
  }

  /// Waits until those who are connected have taken what was sent: for who gives the input as for
  /// any reader, for the others a second.
  ///
  /// - Parameter time: how long who gives the input is waited for; nil for as long as it takes.
  func close(atMost time: Duration?) {
    let begin = monotonicClock()
    for client in clients {
      let patience = client.givesInput ? time : .seconds(1)
      client.flushBlocking(until: patience.map { begin + $0 })
    }
    for client in clients { remove(client) }
  }

  /// Gives the name up.
  package func stopListening() {
    if let number = socket?.listener.number { loop.remove(number) }
    socket.take()?.remove()
  }

  /// Where the command's input comes from; nil when it comes from nobody who is connected.
  package var inputSource: CInt? { input?.source.number }

  /// How large the terminal is now of who is attached; nil when that is no news.
  func takeSize() -> TerminalSize? {
    defer { newSize = nil }
    return newSize
  }

  /// Whether the command is to wait until who gives its input has taken its output.
  var holdsUp: Bool { clients.contains(where: \.holdsUp) }

  // MARK: Those who are connected

  private func adopt(_ descriptor: consuming OwnedDescriptor) throws(SystemError) {
    let client = ControlClient(attached: ControlConnection(inherited: descriptor), tag: nextTag)
    client.givesInput = input != nil
    try add(client)
  }

  private func add(_ client: ControlClient) throws(SystemError) {
    try loop.add(client.descriptor, tag: client.tag)
    nextTag += 1
    clients.append(client)
  }

  private func takeClients() throws(SystemError) {
    do throws(SystemError) {
      while let connection = try socket?.accept() {
        if clients.count >= Self.mostAttached + Self.mostAsking,
          let oldest = clients.first(where: { $0.stage != .attached })
        {
          remove(oldest)
        }
        try add(ControlClient(connection, tag: nextTag))
      }
    } catch {
      // At a limit on open files or memory: those who are connected are served, the run goes on,
      // and in a moment it may be otherwise.
      if let number = socket?.listener.number { loop.remove(number) }
      try timer.start(.seconds(1))
    }
  }

  private func listenAgain() throws(SystemError) {
    try timer.stop()
    if let number = socket?.listener.number { try loop.add(number, tag: Self.listenerTag) }
  }

  private func serve(_ client: ControlClient) throws(SystemError) -> [SupervisorState.Event] {
    let interest = client.interest
    var events: [SupervisorState.Event] = []
    switch client.advance() {
    case .nothing: break
    case .end:
      remove(client)
      return []
    case .request(let line):
      events = answer(line, of: client)
      // What has come with it.
      if client.stage == .attached {
        guard let frames = client.takeEarlyFrames() else {
          remove(client)
          return events
        }
        try take(frames, from: client)
      }
    case .frames(let frames): try take(frames, from: client)
    }
    try watch(client, instead: interest)
    return events
  }

  private func answer(
    _ line: ArraySlice<UInt8>, of client: ControlClient
  ) -> [SupervisorState.Event] {
    guard let request = ControlRequest(parsing: line) else {
      client.answer(.notUnderstood, .leaving)
      return []
    }
    guard request.started == nil || request.started == started else {
      client.answer(.anotherRun, .leaving)
      return []
    }
    switch request.action {
    case .attach:
      guard clients.count(where: { $0.stage == .attached }) < Self.mostAttached else {
        client.answer(.busy, .leaving)
        return []
      }
      client.givesInput = request.input == true && input?.isOpen == true && giver == nil
      client.answer(.attached(takingInput: client.givesInput), .attached)
      return []
    case .signal:
      client.answer(.done, .leaving)
      return request.signal.map { [.signal($0)] } ?? []
    }
  }

  /// Who gives the command's input now.
  private var giver: ControlClient? {
    guard let giver = clients.first(where: \.givesInput) else { return nil }
    guard giver.isGone else { return giver }
    // While his input was held nobody has looked.
    remove(giver)
    return nil
  }

  /// Who says what he may not is sent away.
  private func take(_ frames: [ControlFrame], from client: ControlClient) throws(SystemError) {
    for frame in frames {
      guard take(frame, from: client) else { return remove(client) }
    }
    try passInput()
  }

  /// - Returns: false for what he may not say.
  private func take(_ frame: ControlFrame, from client: ControlClient) -> Bool {
    switch frame.kind {
    case .size where client.givesInput || giver == nil: newSize = frame.size ?? newSize
    // The terminal is as large as that of who types.
    case .size: break
    case .input where client.givesInput: input?.write(frame.bytes)
    case .inputEnd where client.givesInput: input?.end()
    default: return false
    }
    return true
  }

  /// Passes input on, and reads no more of it before what was read is taken.
  private func passInput() throws(SystemError) {
    guard let input else { return }
    try input.advance(in: loop, tag: Self.inputTag)
    for client in clients where client.givesInput {
      let interest = client.interest
      client.isHeld = input.isBusy
      try watch(client, instead: interest)
    }
  }

  private func watch(
    _ client: ControlClient, instead before: EventLoop.Interest?
  ) throws(SystemError) {
    guard clients.contains(where: { $0 === client }) else { return }
    guard !client.isDone else { return remove(client) }
    guard client.interest != before else { return }
    if before != nil { loop.remove(client.descriptor) }
    if let interest = client.interest {
      try loop.add(client.descriptor, tag: client.tag, for: interest)
    }
  }

  private func remove(_ client: ControlClient) {
    loop.remove(client.descriptor)
    clients.removeAll { $0 === client }
  }

  private func toEveryClient(_ body: (ControlClient) -> Void) {
    for client in clients {
      let interest = client.interest
      body(client)
      // Who cannot be watched any more is of no more use.
      do throws(SystemError) { try watch(client, instead: interest) } catch { remove(client) }
    }
  }
}

// MARK: What they are told

extension RunControl: RunSink {
  /// None: nobody who is connected is waited for.
  package var writers: [OutputWriter] { [] }

  /// Whether the run is to go on when nobody else takes its output.
  package func accepts(_ stream: OutputStream) -> Bool { needsNoReader }

  /// Sends it to those who are attached.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    guard clients.contains(where: { $0.stage == .attached }) else { return }
    let frame = ControlFrame.encoded(stream == .stdout ? .stdout : .stderr, bytes)
    toEveryClient { $0.send(frame) }
  }

  /// Nothing: they get what the command writes.
  package func warned(_ warning: RunWarning) {}

  /// Says so, and gives the name up: BEFORE the record is, which somebody may then remove, and
  /// begin a run of the same name.
  package func finished(id: RunID, result: RunResult) {
    stopListening()
    toEveryClient { $0.end() }
  }
}
