/// A record of a stored log: a line that the command has written, or a piece of one. See
/// ``CRILogWriter`` for the format.
package struct LogRecord: Sendable {
  /// When it was read, as the log has it: RFC 3339.
  package var stamp: ArraySlice<UInt8>
  /// The same, since 1970.
  package var time: Duration
  /// The stream.
  package var stream: OutputStream
  /// Whether it is a piece without line feed, after which the line may go on.
  package var isPartial: Bool
  /// What was written, without a line feed.
  package var message: ArraySlice<UInt8>

  /// Appends what the command has written.
  package func appendOutput(to output: inout [UInt8]) {
    output += message
    if !isPartial { output.append(UInt8(ascii: "\n")) }
  }

  /// Appends the record as it stands in a log.
  package func appendRecord(to output: inout [UInt8]) {
    output += stamp
    output += (stream == .stdout ? " stdout " : " stderr ").utf8
    output += (isPartial ? "P " : "F ").utf8
    output += message
    output.append(UInt8(ascii: "\n"))
  }
}

/// Reads records.
package struct LogRecordParser: Sendable {
  /// Many records have the same time: those of one read.
  private var lastStamp: [UInt8] = []
  private var lastTime = Duration.zero

  /// A parser.
  package init() {}

  /// The record of a line without its line feed; nil when it is none.
  ///
  /// Logs of others are read, too: stamps with an offset and any number of decimals, and tags
  /// after the first one (`F:…`), which say nothing to us.
  package mutating func parse(_ line: ArraySlice<UInt8>) -> LogRecord? {
    let space = UInt8(ascii: " ")
    guard let stampEnd = line.prefix(40).firstIndex(of: space), stampEnd > line.startIndex else {
      return nil
    }
    let stamp = line[..<stampEnd]
    let afterStamp = line[(stampEnd + 1)...]
    guard let streamEnd = afterStamp.prefix(7).firstIndex(of: space) else { return nil }
    let afterStream = afterStamp[(streamEnd + 1)...]
    let isPartial: Bool
    switch afterStream.first {
    case UInt8(ascii: "F"): isPartial = false
    case UInt8(ascii: "P"): isPartial = true
    default: return nil
    }
    let tags = afterStream.dropFirst().prefix { $0 != space }
    guard tags.isEmpty || tags.first == UInt8(ascii: ":"), tags.endIndex < line.endIndex,
      let stream = Self.stream(afterStamp[..<streamEnd]), let time = time(of: stamp)
    else { return nil }
    return LogRecord(
      stamp: stamp, time: time, stream: stream, isPartial: isPartial,
      message: line[(tags.endIndex + 1)...])
  }

  private static func stream(_ name: ArraySlice<UInt8>) -> OutputStream? {
    if name.elementsEqual("stdout".utf8) { return .stdout }
    return name.elementsEqual("stderr".utf8) ? .stderr : nil
  }

  private mutating func time(of stamp: ArraySlice<UInt8>) -> Duration? {
    if stamp.elementsEqual(lastStamp) { return lastTime }
    guard let time = Duration(timestamp: stamp) else { return nil }
    lastStamp = Array(stamp)
    lastTime = time
    return time
  }
}
