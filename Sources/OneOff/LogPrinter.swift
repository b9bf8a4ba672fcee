package import LinuxSystem

/// Writes syslog messages one after the other, as TCP streams and log drains take them.
final class SyslogStreamSink: RunSink {
  private let writer: OutputWriter
  private let source: SyslogSource
  private var lines = PerStream(LineSplitter(longest: EventSink.longestLine))
  private var lastTime = Duration.zero

  /// Writes the messages of a source through a writer.
  init(_ writer: OutputWriter, _ source: SyslogSource) {
    self.writer = writer
    self.source = source
  }

  /// The one.
  var writers: [OutputWriter] { [writer] }

  /// Whether the reader of the messages is still there.
  func accepts(_ stream: OutputStream) -> Bool { writer.failure == nil }

  /// Writes a message for every line that is complete.
  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    lastTime = time
    var output: [UInt8] = []
    lines[stream].split(bytes) { line, _ in append(line, on: stream, to: &output) }
    if !output.isEmpty { writer.write(output[...]) }
  }

  /// Writes what there is of a last line.
  func ended(_ stream: OutputStream) {
    var output: [UInt8] = []
    lines[stream].end { line, _ in append(line, on: stream, to: &output) }
    if !output.isEmpty { writer.write(output[...]) }
  }

  /// Syslog has no message for it.
  func warned(_ warning: RunWarning) {}

  private func append(
    _ line: ArraySlice<UInt8>, on stream: OutputStream, to output: inout [UInt8]
  ) {
    for message in source.messages(of: line, on: stream, at: lastTime) { output += message.framed }
  }
}

/// Prints the records of a log.
package final class LogPrinter {
  /// How records are printed.
  package enum Format: Sendable, Hashable {
    /// What the command has written, each stream to its own; to a terminal made harmless.
    case text(withTimes: Bool)
    /// The `log` events of docs/events.md.
    case json
    /// As the log has them.
    case cri
    /// RFC 5424, each message after the number of its bytes.
    case syslog(SyslogSource)
  }

  /// So many bytes of one stream are passed on at once, where there are that many.
  private static let batch = 64 << 10

  private let format: Format
  /// What the records are passed on to; nil where they are printed as they are.
  private let sink: (any RunSink)?
  private let writers: [OutputWriter]
  /// What waits: of one stream, and unless the format has no times, of one time.
  private var pending: [UInt8] = []
  private var stream = OutputStream.stdout
  private var time = Duration.zero
  private var isInLine = PerStream(false)

  /// Prints to standard output, or text by its streams to both.
  package init(_ format: Format, stdout: OutputWriter, stderr: OutputWriter) {
    self.format = format
    self.sink =
      switch format {
      case .text: OutputSink(stdout: stdout, stderr: stderr, style: .plain)
      case .json: EventSink(stdout)
      case .syslog(let source): SyslogStreamSink(stdout, source)
      case .cri: nil
      }
    self.writers = sink?.writers ?? [stdout]
  }

  /// Why nothing more can be printed.
  package var failure: SystemError? { writers.lazy.compactMap(\.failure).first }

  /// Whether nobody reads what is printed.
  package var isReaderGone: Bool { writers.contains { $0.isReaderGone } }

  /// Prints a record, though not at once.
  package func print(_ record: LogRecord) {
    let continues: Bool
    switch format {
    case .text: continues = record.stream == stream
    case .json, .syslog: continues = record.stream == stream && record.time == time
    case .cri: continues = true
    }
    if !continues || pending.count >= Self.batch { passOn() }
    stream = record.stream
    time = record.time
    switch format {
    case .cri: record.appendRecord(to: &pending)
    case .text(withTimes: true):
      if !isInLine[stream] {
        pending += Timestamp.bytes(time)
        pending.append(UInt8(ascii: " "))
      }
      isInLine[stream] = record.isPartial
      record.appendOutput(to: &pending)
    case .text, .json, .syslog: record.appendOutput(to: &pending)
    }
  }

  /// Prints what waits. Waits for the reader.
  package func flush() {
    passOn()
    for writer in writers { writer.flushBlocking() }
  }

  /// Prints what there is of the last lines.
  package func end() {
    flush()
    for stream in OutputStream.allCases { sink?.ended(stream) }
    flush()
  }

  private func passOn() {
    guard !pending.isEmpty else { return }
    if let sink {
      sink.received(pending[...], on: stream, at: time)
    } else {
      writers[0].write(pending[...])
    }
    pending.removeAll(keepingCapacity: true)
    for writer in writers { writer.flushBlocking() }
  }
}
