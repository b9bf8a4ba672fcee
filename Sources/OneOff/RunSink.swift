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
  public func finished(id: RunID, result: RunResult) {}
}

/// Passes the command's output on as it is.
public final class PassthroughSink: RunSink {
  private let stdout: OutputWriter
  private let stderr: OutputWriter

  /// Passes standard output and standard error on to these.
  public init(stdout: OutputWriter, stderr: OutputWriter) {
    self.stdout = stdout
    self.stderr = stderr
  }

  /// Both.
  public var writers: [OutputWriter] { [stdout, stderr] }

  /// Whether the stream's own reader is still there.
  public func accepts(_ stream: OutputStream) -> Bool {
    (stream == .stdout ? stdout : stderr).failure == nil
  }

  /// Passes the bytes on.
  public func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    (stream == .stdout ? stdout : stderr).write(bytes)
  }

  /// Tells the person at standard error.
  public func warned(code: String, text: String) {
    stderr.write(Array("oneoff: warning: \(text)\n".utf8)[...])
  }

}

/// Passes the command's output on with every line indented, as deployment logs show it.
public final class IndentingSink: RunSink {
  private let stdout: OutputWriter
  private let stderr: OutputWriter
  private let indent: [UInt8]
  private var isAtLineStart: [OutputStream: Bool] = [.stdout: true, .stderr: true]

  /// Passes standard output and standard error on to these, each line after `indent`.
  public init(stdout: OutputWriter, stderr: OutputWriter, indent: String) {
    self.stdout = stdout
    self.stderr = stderr
    self.indent = Array(indent.utf8)
  }

  /// Both.
  public var writers: [OutputWriter] { [stdout, stderr] }

  /// Whether the stream's own reader is still there.
  public func accepts(_ stream: OutputStream) -> Bool {
    (stream == .stdout ? stdout : stderr).failure == nil
  }

  /// Passes the bytes on.
  public func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    let newline = UInt8(ascii: "\n")
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count + bytes.count / 8)
    var rest = bytes
    while !rest.isEmpty {
      if isAtLineStart[stream] == true { text += indent }
      let end = rest.firstIndex(of: newline).map { $0 + 1 } ?? rest.endIndex
      text += rest[..<end]
      isAtLineStart[stream] = rest[end - 1] == newline
      rest = rest[end...]
    }
    writer(of: stream).write(text[...])
  }

  /// Ends a last line that has no line feed, so that nothing runs into what comes next.
  public func ended(_ stream: OutputStream) {
    if isAtLineStart[stream] == false { writer(of: stream).write([UInt8(ascii: "\n")]) }
    isAtLineStart[stream] = true
  }

  /// Tells the person at standard error.
  public func warned(code: String, text: String) {
    stderr.write(Array(" !     warning: \(text)\n".utf8)[...])
  }

  private func writer(of stream: OutputStream) -> OutputWriter {
    stream == .stdout ? stdout : stderr
  }
}
