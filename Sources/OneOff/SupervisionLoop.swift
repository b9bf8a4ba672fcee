import ContainerSpec
import LinuxSystem

/// The thin shell around ``SupervisorState``: waits for descriptors, turns what they say into
/// events, and carries out the actions.
struct SupervisionLoop: ~Copyable {
  /// What a descriptor in the loop stands for.
  private enum Source: UInt64 {
    case status, container, signals, timer, control, stdout, stderr, writer, channel
    case listenerSocket, listener, callerInput, commandInput, runControl
  }

  private let loop: EventLoop
  private let signals: SignalDescriptor
  private let control: CInt?
  private let runControl: RunControl?
  private let id: RunID
  private let spec: RunSpec
  private let sinks: MaskedSinks
  private var state = SupervisorState()
  private var stdout: InputReader?
  private var stderr: InputReader?
  private var blockedWriters: [OutputWriter] = []
  /// Nothing is read from the command.
  private var isPaused = false
  private var blockedCalls: BlockedCallLog?
  private var timer: DeadlineTimer
  private var meter: RunMeter?
  private var allowance: LogAllowance
  private var streams: CommandStreams?
  private var interaction: Interaction?
  private var changeSources: ChangeSources?
  private var limitsMemory = false
  private var trace: TimingTrace?
  private var hasReleasedCode = false
  /// There is memory to be given back once the command writes nothing for a while.
  private var holdsMuch = false
  private var outcome: SupervisorState.Outcome?

  /// Every signal that oneoff has sent to the command.
  var sentSignals: SignalSet { state.sentSignals }

  /// Whether the end was asked for, of the command or of what comes after it.
  var wasToldToEnd: Bool { state.wasToldToEnd }

  /// How PID 1 ended.
  private(set) var firstProcessEnd: CommandExit.Way?

  /// How much the command has written.
  private(set) var log = RunResult.Log()

  /// What the command has changed; nil when it was never executed.
  private(set) var changes: RunResult.Changes?

  /// Blocks the signals that are forwarded: from here on they wait for the loop.
  init(
    _ spec: RunSpec, id: RunID, sinks: MaskedSinks, control: CInt?, runControl: RunControl? = nil
  ) throws {
    let loop = try EventLoop()
    let timer = try DeadlineTimer()
    let signals = try SignalDescriptor(
      spec.isInteractive
        ? Supervisor.forwardedSignals + Interaction.signals : Supervisor.forwardedSignals)
    if let control { try loop.add(control, tag: Source.control.rawValue) }
    if let runControl { try loop.add(runControl.descriptor, tag: Source.runControl.rawValue) }
    try loop.add(signals.descriptor.number, tag: Source.signals.rawValue)
    try loop.add(timer.descriptor, tag: Source.timer.rawValue)
    for channel in sinks.channels { try loop.add(channel.activity, tag: Source.channel.rawValue) }
    self.loop = loop
    self.timer = timer
    self.signals = signals
    self.control = control
    self.runControl = runControl
    self.id = id
    self.spec = spec
    self.sinks = sinks
    self.allowance = LogAllowance(spec.logMaximum)
  }

  /// Stays with a container until it is over.
  ///
  /// - Parameter meter: tells the sinks how the run is doing; nil when none of them wants that.
  mutating func run(
    _ container: borrowing LaunchedContainer, streams: CommandStreams,
    interaction: Interaction? = nil, changeSources: ChangeSources? = nil,
    blockedCalls: BlockedCallLog? = nil,
    limitsMemory: Bool = false, trace: TimingTrace? = nil, meter: RunMeter? = nil
  ) throws -> SupervisorState.Outcome {
    self.changeSources = changeSources
    self.blockedCalls = blockedCalls
    self.limitsMemory = limitsMemory
    self.trace = trace
    if let socket = blockedCalls?.socketNumber {
      try loop.add(socket, tag: Source.listenerSocket.rawValue)
    }
    stdout = streams.stdout
    stderr = streams.stderr
    self.streams = streams
    self.interaction = interaction
    // Whatever the end: the caller gets his terminal back as it was.
    defer { interaction?.end() }
    interaction?.begin()
    self.meter = meter
    try timer.begin(spec, heartbeat: sinks.heartbeat, isSampled: meter != nil)
    try loop.add(container.status.number, tag: Source.status.rawValue)
    try loop.add(container.process.number, tag: Source.container.rawValue)
    try watchOutputs()
    if streams.stderr == nil { try handle(.outputEnded(.stderr), container) }
    while outcome == nil {
      try interaction?.watch(
        in: loop, source: Source.callerInput.rawValue, target: Source.commandInput.rawValue)
      for tag in try waitForEvents() {
        guard let source = Source(rawValue: tag) else { continue }
        for event in try events(from: source, container) { try handle(event, container) }
      }
      try pauseWhileBlocked()
    }
    guard let outcome else { preconditionFailure("the loop ends with an outcome") }
    return outcome
  }

  /// A command that lives for long gets a small supervisor; for a short one it would not pay.
  private mutating func waitForEvents() throws -> [UInt64] {
    let isShort = !hasReleasedCode || showsHeldOutput || holdsMuch && !isPaused
    let tags = try loop.wait(
      atMost: isShort ? .milliseconds(50) : interaction?.isPaused == true ? .seconds(1) : nil)
    interaction?.resume()
    guard tags.isEmpty else { return tags }
    // A prompt, or the echo of a key, may read like the beginning of a secret.
    if showsHeldOutput { sinks.showHeld() }
    if !hasReleasedCode { releaseStartupCode() }
    hasReleasedCode = true
    // What a slow reader has not taken yet is still in use.
    if holdsMuch, !isPaused {
      for reader in [stdout, stderr] { reader?.rest() }
      sinks.rest()
      holdsMuch = false
    }
    return tags
  }

  /// Whether a person waits for what masking holds back.
  private var showsHeldOutput: Bool { streams?.isTerminal == true && sinks.isHoldingBack }

  // MARK: Events

  private mutating func events(
    from source: Source, _ container: borrowing LaunchedContainer
  ) throws -> [SupervisorState.Event] {
    switch source {
    case .status: return try records(container)
    case .container:
      loop.remove(container.process.number)
      // What PID 1 wrote before it ended is in the pipe: it comes first.
      let records = try records(container)
      firstProcessEnd = CommandExit.Way(waitStatus: try container.reap())
      return records + [.containerEnded]
    case .signals:
      var events: [SupervisorState.Event] = []
      while let number = try signals.next() {
        let isTaken =
          try interaction?.take(signal: number) == true || runControl?.take(signal: number) == true
        if !isTaken { events.append(.signal(number)) }
      }
      return events
    case .control: return try readControl()
    case .runControl:
      let events = try runControl?.advance() ?? []
      if let size = runControl?.takeSize() { streams?.resize(size) }
      return events
    case .timer: return try timerExpired()
    case .stdout: return try read(.stdout, container)
    case .stderr: return try read(.stderr, container)
    case .writer:
      flush()
      return []
    case .channel:
      for channel in sinks.channels { channel.advance() }
      return []
    case .listenerSocket:
      try blockedCalls?.takeListener(in: loop, tag: Source.listener.rawValue)
      return []
    case .listener:
      blockedCalls?.answer(in: loop)
      return []
    case .callerInput, .commandInput: return interaction?.passInput() ?? []
    }
  }

  private func records(
    _ container: borrowing LaunchedContainer
  ) throws -> [SupervisorState.Event] {
    let records = try StatusRecord.read(from: container.status.number)
    if records.isEmpty { loop.remove(container.status.number) }
    if let trace { for record in records { trace.note(record) } }
    return records.map { .record($0) }
  }

  /// A byte is a signal for the command. The end is that of whoever asked for the run.
  private func readControl() throws -> [SupervisorState.Event] {
    guard let control else { return [] }
    let signals = try readAvailable(control, atMost: 64, subject: "of the control pipe")
    if signals.isEmpty {
      loop.remove(control)
      return [.signal(Signal.terminate)]
    }
    // What is not a signal says nothing.
    return signals.map { Int32($0) }.filter(Signal.numbers.contains).map { .signal($0) }
  }

  private mutating func timerExpired() throws -> [SupervisorState.Event] {
    let expiry = try timer.expired(isPaused: isPaused, wasToldToEnd: state.wasToldToEnd)
    if let time = expiry.sampleTime, let sample = meter?.sample(at: time) { sinks.sample(sample) }
    if let time = expiry.heartbeat { sinks.sayStillRunning(after: time) }
    return expiry.events
  }

  // MARK: Output

  private mutating func read(
    _ stream: OutputStream, _ container: borrowing LaunchedContainer
  ) throws -> [SupervisorState.Event] {
    guard let reader = reader(of: stream) else { return [] }
    switch try reader.read() {
    case .nothing: return []
    case .end: return end(stream)
    case .bytes(let bytes):
      // BEFORE the bytes are passed on: the start comes first in every record of the run.
      try handle(.outputArrived, container)
      timer.noteOutput(isShown: allowance.dropped == 0)
      if bytes.count > InputReader.little { holdsMuch = true }
      pass(bytes, on: stream)
      // Nobody is left to read it: the command gets SIGPIPE, as it would without us.
      return sinks.accept(stream) ? [] : end(stream)
    }
  }

  /// Passes on what the log may hold.
  private mutating func pass(_ bytes: ArraySlice<UInt8>, on stream: OutputStream) {
    switch stream {
    case .stdout: log.stdoutBytes += UInt64(bytes.count)
    case .stderr: log.stderrBytes += UInt64(bytes.count)
    }
    let allowed = allowance.take(bytes)
    if !allowed.isEmpty { sinks.receive(allowed, on: stream, at: wallClock()) }
    sinks.tellWarnings()
    guard allowance.dropped > 0 else { return }
    if log.droppedBytes == 0, let maximum = spec.logMaximum {
      let text = "the output has reached \(maximum) (--log-max): what follows is thrown away"
      sinks.warn(RunWarning(code: "log-limit", text: text))
    }
    log.droppedBytes = allowance.dropped
  }

  /// Passes on what is in a pipe already: the command has written it before it ended, and whoever
  /// stores it must not lack it because somebody else is slow, or does not want to wait.
  private mutating func passRest(of stream: OutputStream) {
    // More than a pipe holds, for one in which somebody outside goes on writing.
    var room = 4 << 20
    // What cannot be read any more is at its end.
    while room > 0, let outcome = try? reader(of: stream)?.read(), case .bytes(let bytes) = outcome
    {
      room -= bytes.count
      pass(bytes, on: stream)
    }
  }

  private func reader(of stream: OutputStream) -> InputReader? {
    stream == .stdout ? stdout : stderr
  }

  private mutating func end(_ stream: OutputStream) -> [SupervisorState.Event] {
    let reader = reader(of: stream)
    switch stream {
    case .stdout: stdout = nil
    case .stderr: stderr = nil
    }
    if let reader {
      loop.remove(reader.descriptor)
      // Now, not when the last reference goes: a command that writes on must get SIGPIPE.
      reader.close()
      if stream == .stdout, streams?.isTerminal == true {
        interaction?.hangUp(in: loop)
        streams?.closeDevice()
      }
    }
    allowance.drop(sinks.end(stream, isCut: allowance.dropped > 0))
    log.droppedBytes = allowance.dropped
    return [.outputEnded(stream)]
  }

  private func watchOutputs() throws {
    if let stdout { try loop.add(stdout.descriptor, tag: Source.stdout.rawValue) }
    if let stderr { try loop.add(stderr.descriptor, tag: Source.stderr.rawValue) }
  }

  /// Reads nothing more from the command while somebody has not taken what was read before.
  private mutating func pauseWhileBlocked() throws {
    let wasPaused = isPaused
    for writer in blockedWriters where !writer.hasPending { loop.remove(writer.descriptor) }
    blockedWriters.removeAll { !$0.hasPending }
    for writer in sinks.writers where writer.hasPending { try block(writer) }
    isPaused =
      !blockedWriters.isEmpty || sinks.channels.contains(where: \.holdsUp)
      // What is left of the output is no more than pipes hold.
      || firstProcessEnd == nil && runControl?.holdsUp == true
    if isPaused, !wasPaused {
      if let stdout { loop.remove(stdout.descriptor) }
      if let stderr { loop.remove(stderr.descriptor) }
    } else if wasPaused, !isPaused {
      try watchOutputs()
    }
  }

  /// Watches a writer. Two may share a descriptor, which epoll(7) takes only once.
  private mutating func block(_ writer: OutputWriter) throws {
    guard !blockedWriters.contains(where: { $0.descriptor == writer.descriptor }) else { return }
    try loop.add(writer.descriptor, tag: Source.writer.rawValue, for: .writing)
    blockedWriters.append(writer)
  }

  private func flush() {
    for writer in sinks.writers { writer.flush() }
  }

  // MARK: Actions

  private mutating func handle(
    _ event: SupervisorState.Event, _ container: borrowing LaunchedContainer
  ) throws {
    // Nobody is left to open the terminal again: from here on it has an end.
    if event == .containerEnded { streams?.closeDevice() }
    for action in state.handle(event) { try perform(action, container) }
  }

  private mutating func perform(
    _ action: SupervisorState.Action, _ container: borrowing LaunchedContainer
  ) throws {
    switch action {
    case .announceStart:
      if limitsMemory { container.spareFirstProcess() }
      sinks.start(id: id, time: wallClock(), pid: container.pid)
    case .forward(let number): container.forward(signal: number)
    case .startGrace:
      sinks.wait(atMost: spec.grace)
      try timer.startGrace(spec.grace)
    case .kill: container.kill()
    case .startDrain: try timer.startDrain()
    case .gather:
      if let changeSources { changes = sinks.tellChanges(of: changeSources) }
    case .finish(let outcome):
      // Streams that somebody outside still holds open end here for everybody who listens.
      for stream in OutputStream.allCases where reader(of: stream) != nil {
        passRest(of: stream)
        _ = end(stream)
      }
      self.outcome = outcome
    }
  }
}
