import ContainerSpec
import LinuxSystem

/// Passes the lines of the command's output on as records, to somebody who may be slow or not
/// there.
final class ForwardingSink<Encoding: LineEncoding>: RunSink {
  private var encoding: Encoding
  private let records: RecordChannel
  private var lines: PerStream<LineSplitter>
  private var lastTime = Duration.zero
  /// After so many bytes the peer may take what waits: what one read brings can be more than the
  /// channel holds.
  private static var piece: Int { 256 << 10 }

  init(_ encoding: Encoding, to channel: RecordChannel) {
    self.encoding = encoding
    self.records = channel
    self.lines = PerStream(
      LineSplitter(longest: encoding.longestLine, keepsCharacters: true))
  }

  /// None: nobody has to wait for it, but as the channel says.
  var writers: [OutputWriter] { [] }

  var channel: RecordChannel? { records }

  /// As long as there is hope that it gets somewhere.
  func accepts(_ stream: OutputStream) -> Bool { records.isOpen }

  func started(id: RunID, time: Duration, pid: Int32) { encoding.begin(id) }

  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    lastTime = time
    let head = encoding.head(of: stream, at: time)
    var rest = bytes
    while !rest.isEmpty {
      lines[stream].split(rest.prefix(Self.piece)) { line, isPartial in
        append(
          LoggedLine(bytes: line, stream: stream, hasLineFeed: !isPartial, isPartial: isPartial),
          head)
      }
      records.advance()
      rest = rest.dropFirst(Self.piece)
    }
  }

  func ended(_ stream: OutputStream) {
    let head = encoding.head(of: stream, at: lastTime)
    lines[stream].end { line, _ in
      append(LoggedLine(bytes: line, stream: stream, hasLineFeed: false), head)
    }
    records.advance()
  }

  func warned(_ warning: RunWarning) {}

  private func append(_ line: LoggedLine, _ head: [UInt8]) {
    records.append(payload: line.payload, atLeast: head.count + line.bytes.count) {
      encoding.append(line, head, to: &$0)
    }
  }
}
