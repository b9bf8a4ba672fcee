package import ContainerSpec
package import LinuxSystem

/// Passes the command's output on; to a terminal, made harmless (``TerminalText``).
package final class OutputSink: RunSink {
  /// How a person sees it.
  package enum Style: String, Sendable, Codable {
    /// As it is.
    case plain
    /// Every line indented, as deployment logs show it.
    case indented
    /// As it is, also on a terminal: the command has one of its own, and paints.
    case painted

    /// What a line of the command begins with.
    package var indent: String { self == .indented ? "       " : "" }
    /// What a line on something that went wrong begins with.
    package var prefix: String { self == .indented ? " !    " : "oneoff:" }
    /// What a line on a step, or on the run's use of the host, begins with.
    package var usagePrefix: String { self == .indented ? "----->" : "oneoff:" }
    /// Says that a command, or another step, is not over yet.
    package static func stillRunning(after time: Duration) -> String {
      "… still running after \(time.roundedText)"
    }
    /// A terminal that is raw goes down a line, but not back to its beginning.
    fileprivate var lineEnd: String { self == .painted ? "\r\n" : "\n" }
  }

  /// What is shown of the run's use of the host.
  package enum Stats: Sendable {
    case nothing
    /// A line at the end, on standard error.
    case summary
    /// On a terminal also a line that is drawn anew every second.
    case line
  }

  private var stdout: ShownStream
  private var stderr: ShownStream
  private let style: Style
  private let stats: Stats
  /// After how long without output it is said that the command still runs.
  package let heartbeat: Duration?
  /// Where a person looks.
  private var statusLine: StatusLine?

  /// Passes standard output and standard error on to these.
  package init(
    stdout: OutputWriter, stderr: OutputWriter, style: Style, stats: Stats = .nothing,
    heartbeat: Duration? = nil
  ) {
    let line = ShownLine()
    // Two terminals are taken for the same one.
    let isShared = stdout.isTerminal && stderr.isTerminal || stdout.isOfSameFile(as: stderr)
    self.stdout = ShownStream(stdout, style, on: line)
    self.stderr = ShownStream(stderr, style, on: isShared ? line : ShownLine())
    self.style = style
    self.stats = stats
    self.heartbeat = heartbeat
    if stats == .line, stderr.isTerminal {
      self.statusLine = StatusLine(prefix: style.usagePrefix)
    }
  }

  /// Both.
  package var writers: [OutputWriter] { [stdout.writer, stderr.writer] }

  /// Whether the stream's own reader is still there.
  package func accepts(_ stream: OutputStream) -> Bool {
    (stream == .stdout ? stdout : stderr).writer.failure == nil
  }

  /// Passes the bytes on.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    eraseStatusLine(before: stream)
    switch stream {
    case .stdout: stdout.write(bytes)
    case .stderr: stderr.write(bytes)
    }
    if statusLine?.isShown == false { drawStatusLine() }
  }

  /// Passes on what was kept back. After indented lines, a last one that has no line feed gets it,
  /// so that nothing runs into what comes next.
  package func ended(_ stream: OutputStream) {
    eraseStatusLine(before: stream)
    switch stream {
    case .stdout: stdout.endLine()
    case .stderr: stderr.endLine()
    }
  }

  /// Tells the person at standard error.
  package func warned(_ warning: RunWarning) { tell("\(style.prefix) warning: \(warning.text)") }

  /// Tells a person at standard error what is waited for.
  package func waiting(atMost grace: Duration) {
    guard stderr.writer.isTerminal else { return }
    let time = "at most \(grace.shortText) (--grace)"
    tell("\(style.prefix) waiting for the command to end, \(time)")
  }

  /// Writes a line to standard error.
  private func tell(_ text: String) {
    endLine()
    stderr.writer.write(Array((text + lineEnd).utf8)[...])
  }

  /// Sees to it that what is written to standard error next begins a line.
  package func endLine() {
    eraseStatusLine(before: .stderr)
    stdout.endLine()
    stderr.endLine()
    // Also where nothing is indented, the command may be in the middle of a line.
    guard !stderr.line.isWhole else { return }
    stderr.writer.write(Array(lineEnd.utf8)[...])
    stderr.line.isWhole = true
  }

  private var lineEnd: String { stderr.writer.isTerminal ? style.lineEnd : "\n" }

  // MARK: The run's use of the host

  /// Where a line tells of it.
  package var wantsSamples: Bool { statusLine != nil }

  /// Tells a person, but not in the middle of the command's own line.
  package func sampled(_ sample: RunSample) {
    statusLine?.take(sample)
    drawStatusLine()
  }

  /// Says it where that breaks no line; in the middle of one, nothing is said.
  package func stillRunning(after time: Duration) {
    guard let stream = OutputStream.allCases.first(where: { shown($0).mayBeginLine }) else {
      return
    }
    eraseStatusLine(before: stream)
    let line = "\(style.indent)\(Style.stillRunning(after: time))\n"
    shown(stream).writer.write(Array(line.utf8)[...])
    drawStatusLine()
  }

  private func shown(_ stream: OutputStream) -> ShownStream {
    stream == .stdout ? stdout : stderr
  }

  /// In place of the line that was drawn again and again comes one that stays.
  package func finished(id: RunID, result: RunResult) {
    guard stats != .nothing else { return }
    if let text = result.usageText { tell("\(style.usagePrefix) \(text)") }
    eraseStatusLine(before: .stderr)
    statusLine = nil
  }

  private func drawStatusLine() {
    guard statusLine != nil, stderr.line.isWhole,
      !stdout.writer.hasPending, !stderr.writer.hasPending
    else { return }
    statusLine?.draw(on: stderr.writer)
  }

  /// Takes the line away through the stream that is written next: what waits for another one to be
  /// writable would come too late.
  private func eraseStatusLine(before stream: OutputStream) {
    guard statusLine?.isShown == true else { return }
    let writer = (stream == .stdout ? stdout : stderr).writer
    // A terminal is taken for the same one: on another one nothing is in the line.
    if writer.isTerminal { statusLine?.erase(on: writer) }
  }
}

/// The last line of a file, pipe or terminal, which both of the command's streams may go to.
private final class ShownLine {
  /// Whether what was written last has ended it.
  var isWhole = true
}

/// One of the command's streams, on its way to a file, a pipe or a person.
private struct ShownStream {
  let writer: OutputWriter
  /// What a person sees of it; nil where nobody looks, and every byte is passed on as it is.
  private var text: TerminalText?
  private let indent: [UInt8]
  /// Known only where lines are indented.
  private var isAtLineStart = true
  /// What it goes on in.
  let line: ShownLine

  init(_ writer: OutputWriter, _ style: OutputSink.Style, on line: ShownLine) {
    let indent = Array(style.indent.utf8)
    self.writer = writer
    self.line = line
    self.indent = indent
    if writer.isTerminal, style != .painted { text = TerminalText(indent: indent) }
  }

  /// Whether a line of ours can be written without breaking one of the command's, and at once.
  var mayBeginLine: Bool { line.isWhole && !writer.hasPending && writer.failure == nil }

  /// Passes bytes on, each line after the indent.
  mutating func write(_ bytes: ArraySlice<UInt8>) {
    let shown = text?.shown(bytes)[...] ?? bytes
    if let last = shown.last { line.isWhole = last == UInt8(ascii: "\n") }
    writer.write(indent.isEmpty ? shown : indented(shown))
  }

  /// Passes on what was kept back, and gives a terminal its own colours back.
  mutating func end() {
    guard let rest = text?.end(), let last = rest.last else { return }
    line.isWhole = last == UInt8(ascii: "\n")
    writer.write(indent.isEmpty ? rest[...] : indented(rest[...]))
  }

  /// Passes on what was kept back, and ends a last indented line that has no line feed.
  mutating func endLine() {
    end()
    guard !isAtLineStart else { return }
    writer.write([UInt8(ascii: "\n")])
    isAtLineStart = true
    line.isWhole = true
  }

  private mutating func indented(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let newline = UInt8(ascii: "\n")
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count + bytes.count / 8)
    var rest = bytes
    while !rest.isEmpty {
      if isAtLineStart { text += indent }
      let end = rest.firstIndex(of: newline).map { $0 + 1 } ?? rest.endIndex
      text += rest[..<end]
      isAtLineStart = rest[end - 1] == newline
      rest = rest[end...]
    }
    return text[...]
  }
}
