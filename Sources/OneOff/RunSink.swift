public import ContainerSpec
public import LinuxSystem

/// Where the events of a run go: a person's terminal, a pipe, a file of events.
///
/// A sink is called by the supervisor's one thread. It never blocks: it hands its bytes to an
/// ``OutputWriter``, and the supervisor stops reading from the command until they are accepted.
public protocol RunSink: AnyObject {
  /// What the sink writes through.
  var writers: [OutputWriter] { get }

  /// Whether the sink can still pass on what it receives.
  func accepts(_ stream: OutputStream) -> Bool

  /// The command was executed.
  func started(id: RunID, time: Duration, pid: Int32)

  /// The command has written bytes; they are valid during the call.
  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration)

  /// The command will write no more on a stream.
  func ended(_ stream: OutputStream)

  /// Something that the caller should know.
  func warned(code: String, text: String)

  /// The command was told to end, and has this long to do so.
  func waiting(atMost grace: Duration)

  /// The run is over.
  func finished(id: RunID, result: RunResult)
}

// What a sink has no interest in.
extension RunSink {
  /// Does nothing.
  public func started(id: RunID, time: Duration, pid: Int32) {}

  /// Does nothing.
  public func ended(_ stream: OutputStream) {}

  /// Does nothing.
  public func waiting(atMost grace: Duration) {}

  /// Does nothing.
  public func finished(id: RunID, result: RunResult) {}
}

/// One of the command's streams, on its way to a file, a pipe or a person.
private struct ShownStream {
  let writer: OutputWriter
  /// What a person sees of it; nil where nobody looks, and every byte is passed on as it is.
  private var text: TerminalText?
  private let indent: [UInt8]
  private(set) var isAtLineStart = true

  init(_ writer: OutputWriter, indent: [UInt8] = []) {
    self.writer = writer
    self.indent = indent
    if writer.isTerminal { text = TerminalText(indent: indent) }
  }

  /// Passes bytes on, each line after the indent.
  mutating func write(_ bytes: ArraySlice<UInt8>) {
    let shown = text?.shown(bytes)[...] ?? bytes
    writer.write(indent.isEmpty ? shown : indented(shown))
  }

  /// Passes on what was kept back, and gives a terminal its own colours back.
  mutating func end() {
    guard let rest = text?.end(), !rest.isEmpty else { return }
    writer.write(indent.isEmpty ? rest[...] : indented(rest[...]))
  }

  /// Ends a last line that has no line feed, so that nothing runs into what comes next.
  mutating func endLine() {
    end()
    if !isAtLineStart { writer.write([UInt8(ascii: "\n")]) }
    isAtLineStart = true
  }

  /// Says on a terminal what is waited for.
  mutating func tellPerson(_ prefix: String, _ grace: Duration) {
    guard writer.isTerminal else { return }
    endLine()
    let line = "\(prefix)waiting for the command to end, at most \(grace.shortText) (--grace)\n"
    writer.write(Array(line.utf8)[...])
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

/// Passes the command's output on as it is; to a terminal, made harmless (``TerminalText``).
public final class PassthroughSink: RunSink {
  private var stdout: ShownStream
  private var stderr: ShownStream

  /// Passes standard output and standard error on to these.
  public init(stdout: OutputWriter, stderr: OutputWriter) {
    self.stdout = ShownStream(stdout)
    self.stderr = ShownStream(stderr)
  }

  /// Both.
  public var writers: [OutputWriter] { [stdout.writer, stderr.writer] }

  /// Whether the stream's own reader is still there.
  public func accepts(_ stream: OutputStream) -> Bool {
    (stream == .stdout ? stdout : stderr).writer.failure == nil
  }

  /// Passes the bytes on.
  public func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    switch stream {
    case .stdout: stdout.write(bytes)
    case .stderr: stderr.write(bytes)
    }
  }

  /// Passes on what was kept back.
  public func ended(_ stream: OutputStream) {
    switch stream {
    case .stdout: stdout.end()
    case .stderr: stderr.end()
    }
  }

  /// Tells the person at standard error.
  public func warned(code: String, text: String) {
    stdout.end()
    stderr.end()
    stderr.writer.write(Array("oneoff: warning: \(text)\n".utf8)[...])
  }

  /// Tells a person at standard error.
  public func waiting(atMost grace: Duration) {
    stdout.end()
    stderr.tellPerson("oneoff: ", grace)
  }
}

/// Passes the command's output on with every line indented, as deployment logs show it; to a
/// terminal, made harmless (``TerminalText``).
public final class IndentingSink: RunSink {
  private var stdout: ShownStream
  private var stderr: ShownStream

  /// Passes standard output and standard error on to these, each line after `indent`.
  public init(stdout: OutputWriter, stderr: OutputWriter, indent: String) {
    self.stdout = ShownStream(stdout, indent: Array(indent.utf8))
    self.stderr = ShownStream(stderr, indent: Array(indent.utf8))
  }

  /// Both.
  public var writers: [OutputWriter] { [stdout.writer, stderr.writer] }

  /// Whether the stream's own reader is still there.
  public func accepts(_ stream: OutputStream) -> Bool {
    (stream == .stdout ? stdout : stderr).writer.failure == nil
  }

  /// Passes the bytes on.
  public func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    switch stream {
    case .stdout: stdout.write(bytes)
    case .stderr: stderr.write(bytes)
    }
  }

  /// Ends a last line that has no line feed, so that nothing runs into what comes next.
  public func ended(_ stream: OutputStream) {
    switch stream {
    case .stdout: stdout.endLine()
    case .stderr: stderr.endLine()
    }
  }

  /// Tells the person at standard error.
  public func warned(code: String, text: String) {
    stdout.end()
    stderr.end()
    stderr.writer.write(Array(" !     warning: \(text)\n".utf8)[...])
  }

  /// Tells a person at standard error.
  public func waiting(atMost grace: Duration) {
    stdout.endLine()
    stderr.tellPerson(" !     ", grace)
  }
}
