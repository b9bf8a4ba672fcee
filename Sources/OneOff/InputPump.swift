import LinuxSystem

/// Passes a caller's input on to whoever takes it: a command's pipe, its terminal, or the socket of
/// a supervisor. Nothing is read before what was read last has been taken: memory is bounded, and
/// whoever writes too fast waits.
final class InputPump {
  /// What has to become ready before the pump can go on.
  enum Readiness { case nothing, source, target }

  /// What takes the input.
  enum Target {
    /// A pipe, which ends with it.
    case pipe
    /// A terminal, at which its end is a character that is typed.
    case terminal
    /// A supervisor, which is told of its end, unless that is the end of a person's terminal.
    case supervisor(isTyped: Bool)
  }

  let source: CallerInput
  let target: OutputWriter
  private let kind: Target
  private var keys: DetachKeys.Recognition?
  private var isAtLineStart = true

  /// Whether the caller's input is at its end.
  private(set) var hasEnded = false
  /// Whether the caller has typed the keys with which he leaves.
  private(set) var isDetached = false
  /// Whether nothing is read because another job of the caller's shell has the terminal.
  var isPaused = false

  /// Passes input on.
  ///
  /// - Parameters:
  ///   - kind: what the target is.
  ///   - keys: what is looked for, and not passed on.
  init(
    from source: CallerInput, to target: OutputWriter, _ kind: Target, detachKeys keys: DetachKeys?
  ) {
    self.source = source
    self.target = target
    self.kind = kind
    self.keys = keys.map(DetachKeys.Recognition.init)
  }

  /// Whether nothing more will be passed on: the target can be closed.
  var isOver: Bool {
    target.failure != nil || (hasEnded || isDetached) && !target.hasPending
  }

  /// What to wait for.
  var readiness: Readiness {
    if isOver { return .nothing }
    if target.hasPending { return .target }
    if isPaused { return .nothing }
    return source.isWatchable ? .source : .target
  }

  /// Passes on what can be passed on now, once.
  func advance() {
    target.flush()
    guard !target.hasPending, !isOver, !isPaused else { return }
    switch source.read() {
    case .bytes(let bytes): pass(bytes)
    case .nothing: break
    case .background: isPaused = true
    case .end:
      hasEnded = true
      tellEnd()
    }
  }

  private func pass(_ bytes: ArraySlice<UInt8>) {
    var bytes = bytes
    if keys != nil {
      let found = keys?.take(bytes)
      bytes = found?.input[...] ?? []
      isDetached = found?.isWhole == true
    }
    guard let last = bytes.last else { return }
    isAtLineStart = last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r")
    if case .supervisor = kind {
      target.write(ControlFrame.encoded(.input, bytes)[...])
    } else {
      target.write(bytes)
    }
  }

  private func tellEnd() {
    switch kind {
    case .pipe, .supervisor(isTyped: true): break
    case .terminal: typeEnd()
    case .supervisor(isTyped: false): target.write(ControlFrame.encoded(.inputEnd)[...])
    }
  }

  /// In the middle of a line, the first one only passes the line on (termios(3), VEOF).
  private func typeEnd() {
    let end = terminalEndCharacter(target.descriptor)
    target.write((isAtLineStart ? end : end + end)[...])
  }
}
