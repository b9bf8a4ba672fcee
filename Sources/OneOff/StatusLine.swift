import LinuxSystem

/// The line below what a terminal shows that tells how a run is doing. It is taken away before
/// anything else is written there, and drawn again after it.
struct StatusLine {
  /// To the beginning of the line, and nothing on it. See console_codes(4).
  private static let erasure: [UInt8] = Array("\r\u{1b}[K".utf8)
  /// What a terminal has that does not say how wide it is.
  private static let usualColumns = 80

  private let prefix: String
  private var sample: RunSample?
  /// Whether the terminal shows it now.
  private(set) var isShown = false

  /// A line that is empty yet.
  ///
  /// - Parameter prefix: what it begins with.
  init(prefix: String) { self.prefix = prefix }

  /// Takes what is to be told from now on.
  mutating func take(_ sample: RunSample) { self.sample = sample }

  /// Draws the line where the cursor is: at the beginning of an empty line, or on this one.
  mutating func draw(on terminal: OutputWriter) {
    guard let sample else { return }
    guard isInForeground(of: terminal.descriptor) else {
      isShown = false
      return
    }
    // In the last column some terminals go on in the next line.
    let columns = (terminalColumns(terminal.descriptor) ?? Self.usualColumns) - 1
    let line = Array(sample.line(prefix: prefix, columns: columns).utf8)
    terminal.write((Self.erasure + line)[...])
    isShown = true
  }

  /// Takes the line away; whoever has the terminal now may have written over it, and keeps that.
  mutating func erase(on terminal: OutputWriter) {
    if isShown, isInForeground(of: terminal.descriptor) { terminal.write(Self.erasure[...]) }
    isShown = false
  }
}
