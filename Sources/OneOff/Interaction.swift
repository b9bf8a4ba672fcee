import ContainerSpec
import LinuxSystem

/// What a run's caller has to do with it.
package struct CallerSide: Sendable {
  /// Where the command's input comes from.
  var input: CInt
  /// The terminal at which he sits; its size is that of the command's.
  var terminal: CInt?

  /// Names the caller's descriptors; they stay his.
  package init(input: CInt, terminal: CInt?) {
    self.input = input
    self.terminal = terminal
  }
}

/// The caller's part in a run with a terminal, or with input, while it goes on: in one of this
/// process, or in one to which he is attached.
final class Interaction {
  /// Signals that are about the caller's terminal.
  static let signals = [Signal.resume, Signal.stop, Signal.windowChange]

  /// Tells whoever has the command's terminal how large it is to be.
  private let resize: (TerminalSize) -> Void
  /// The terminal that is followed.
  private let terminal: CInt?
  /// The same, where keys that are typed there are the command's.
  private let rawTerminal: RawTerminal?
  private var pump: InputPump?
  private var watched = InputPump.Readiness.nothing
  private var hasHungUp = false
  /// Whether the caller has typed the keys with which he leaves.
  private(set) var hasLeft = false

  /// Takes the part of a caller; without one the input is at its end. Nobody could come back to a
  /// run of this process: no keys are looked for.
  convenience init(_ caller: CallerSide?, _ streams: CommandStreams) {
    self.init(
      caller, to: caller == nil ? nil : streams.takeInput(), isSupervisor: false,
      hasTerminal: streams.isTerminal, detachKeys: nil, resize: streams.resize)
  }

  /// Takes the part of a caller.
  ///
  /// - Parameters:
  ///   - target: where his input goes; nil for nowhere.
  ///   - isSupervisor: whether that is a supervisor, and not the command.
  ///   - hasTerminal: whether the command has a terminal.
  ///   - keys: with which he leaves.
  ///   - resize: has the command's terminal be as large as his.
  init(
    _ caller: CallerSide?, to target: OutputWriter?, isSupervisor: Bool, hasTerminal: Bool,
    detachKeys keys: DetachKeys?, resize: @escaping (TerminalSize) -> Void
  ) {
    self.resize = resize
    self.terminal = hasTerminal ? caller?.terminal : nil
    guard let caller, let target else {
      rawTerminal = nil
      return
    }
    let source = CallerInput(caller.input)
    rawTerminal = hasTerminal && source.isTerminal ? RawTerminal(caller.input) : nil
    let kind: InputPump.Target =
      isSupervisor
      ? .supervisor(isTyped: rawTerminal != nil) : hasTerminal ? .terminal : .pipe
    pump = InputPump(
      from: source, to: target, kind, detachKeys: rawTerminal == nil ? nil : keys)
  }

  /// Whether the caller is gone, or his terminal.
  var isOver: Bool { hasLeft || hasHungUp }

  /// The command runs.
  func begin() {
    ignoreBackgroundSignals()
    takeTerminal()
  }

  /// The caller gets his terminal back.
  func end() {
    rawTerminal?.restore()
    unblockSignals(Self.signals)
  }

  private func takeTerminal() {
    if let rawTerminal { pump?.isPaused = !rawTerminal.enter() }
    followSize()
  }

  private func followSize() {
    guard let terminal, let size = terminalSize(terminal) else { return }
    resize(TerminalSize(rows: size.rows, columns: size.columns))
  }

  /// Takes a signal that is about the terminal.
  ///
  /// - Returns: false for any other.
  func take(signal number: Int32) -> Bool {
    switch number {
    case Signal.windowChange: followSize()
    case Signal.resume: takeTerminal()
    case Signal.stop:
      // Typed, it would have gone to the command: somebody else asks us to stop.
      rawTerminal?.restore()
      stopThisProcess()
      takeTerminal()
    default: return false
    }
    return true
  }

  // MARK: Input

  /// Whether input waits for the caller's shell to give the terminal back. It tells nobody.
  var isPaused: Bool { pump?.isPaused == true }

  /// Looks whether the shell has given the terminal back.
  func resume() {
    guard let pump, pump.isPaused, isInForeground(of: pump.source.descriptor) else { return }
    pump.isPaused = false
    takeTerminal()
  }

  /// Passes input on; a terminal that is gone is told.
  func passInput() -> [SupervisorState.Event] {
    pump?.advance()
    hasLeft = pump?.isDetached == true
    guard pump?.hasEnded == true, rawTerminal != nil, !hasHungUp else { return [] }
    hasHungUp = true
    return [.signal(Signal.hangUp)]
  }

  /// Has a loop watch what the input waits for, and ends the command's input with the caller's.
  func watch(
    in loop: borrowing EventLoop, source: UInt64, target: UInt64
  ) throws(SystemError) {
    guard let pump else { return }
    let readiness = pump.readiness
    if readiness != watched {
      unwatch(in: loop)
      switch readiness {
      case .nothing: break
      case .source: try loop.add(pump.source.descriptor, tag: source)
      case .target: try loop.add(pump.target.descriptor, tag: target, for: .writing)
      }
      watched = readiness
    }
    if pump.isOver { self.pump = nil }
  }

  /// BEFORE a descriptor is closed: one with a duplicate would be watched on.
  private func unwatch(in loop: borrowing EventLoop) {
    guard let pump else { return }
    switch watched {
    case .nothing: break
    case .source: loop.remove(pump.source.descriptor)
    case .target: loop.remove(pump.target.descriptor)
    }
    watched = .nothing
  }

  /// Nobody takes what the command writes: nothing more is read for it.
  func hangUp(in loop: borrowing EventLoop) {
    unwatch(in: loop)
    pump = nil
  }
}
