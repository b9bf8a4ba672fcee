package import ContainerSpec
package import LinuxSystem

/// How others than the command have a say in a run while it goes on: over its control socket, and
/// by their end, where that is the caller's.
///
/// It has a loop of its own, which the supervisor's watches as one descriptor. It never waits for
/// anybody: who is slow, or says what cannot be understood, is sent away.
package final class RunControl {
  /// So many can be connected at once.
  static let mostClients = 16
  private static let listenerTag: UInt64 = 0
  private static let inputTag: UInt64 = 8
  private static let firstClientTag: UInt64 = 16

  private let loop: EventLoop
  private var socket: ControlSocket?
  private let caller: CallerWatch?
  private let needsNoReader: Bool
  private var clients: [ControlClient] = []
  private var nextTag = firstClientTag
  private var input: CommandInput?
  private var newSize: TerminalSize?

  /// Prepares to be asked.
  ///
  /// - Parameters:
  ///   - id: the recorded run, for which it listens; nil when nobody can ask.
  ///   - policy: what becomes of the run when the caller dies; nil when that is not looked for.
  ///   - takesInput: whether the command's input comes from who is attached.
  ///   - starter: the other end of a connection of who has started the run, and is attached from
  ///     its beginning.
  /// - Throws: EADDRINUSE when a run of that name is alive; the errnos of bind(2) and mkdir(2).
  package init(
    _ id: RunID?, _ policy: CallerDeathPolicy?, takesInput: Bool = false,
    starter: consuming OwnedDescriptor? = nil
  ) throws(OneOffError) {
    do {
      // First: he may be about to die.
      self.caller = try policy.map { try CallerWatch($0, CallerProcess()) }
      self.loop = try EventLoop()
      self.socket = try id.map { try ControlSocket($0.text, in: ControlDirectory.make()) }
      self.needsNoReader = policy == .finish
      self.input = takesInput ? try CommandInput() : nil
      try caller?.watch(in: loop)
      if let starter = starter.take() { try adopt(starter) }
      if let number = socket?.listener.number { try loop.add(number, tag: Self.listenerTag) }
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

  /// Waits, but not for long, until those who are connected have taken what was sent.
  package func close(atMost time: Duration) {
    let deadline = monotonicClock() + time
    for client in clients { client.flushBlocking(until: deadline) }
    clients = []
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
    nextTag += 1
    clients.append(client)
    try loop.add(client.descriptor, tag: client.tag)
  }

  private func takeClients() throws(SystemError) {
    do throws(SystemError) {
      while let connection = try socket?.accept() {
        let client = ControlClient(connection, tag: nextTag)
        nextTag += 1
        guard makeRoom() else {
          client.answer(.busy, .leaving)
          continue
        }
        clients.append(client)
        try loop.add(client.descriptor, tag: client.tag)
      }
    } catch {
      // At a limit on open files: those who are connected are served, and the run goes on.
      if let number = socket?.listener.number { loop.remove(number) }
    }
  }

  /// Sends those away who take their time; false when everybody has a reason to be here.
  private func makeRoom() -> Bool {
    guard clients.count >= Self.mostClients else { return true }
    guard let index = clients.firstIndex(where: { $0.stage != .attached }) else { return false }
    clients.remove(at: index)
    return true
  }

  private func serve(_ client: ControlClient) throws(SystemError) -> [SupervisorState.Event] {
    let interest = client.interest
    var events: [SupervisorState.Event] = []
    switch client.advance() {
    case .nothing: break
    case .end:
      remove(client)
      return []
    case .request(let line): events = answer(line, of: client)
    case .frames(let frames):
      for frame in frames {
        guard take(frame, from: client) else {
          remove(client)
          return []
        }
      }
      try passInput()
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
    switch request.action {
    case .attach:
      let isGiven = clients.contains(where: \.givesInput)
      client.givesInput = request.input == true && input?.isOpen == true && !isGiven
      client.answer(.attached(takingInput: client.givesInput), .attached)
      return []
    case .signal:
      client.answer(.done, .leaving)
      return request.signal.map { [.signal($0)] } ?? []
    }
  }

  /// - Returns: false for what he may not say.
  private func take(_ frame: ControlFrame, from client: ControlClient) -> Bool {
    switch frame.kind {
    case .size: newSize = frame.size ?? newSize
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
    if let number = socket?.listener.number { loop.remove(number) }
    socket.take()?.remove()
    toEveryClient { $0.end() }
  }
}
