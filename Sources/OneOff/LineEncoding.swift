import ContainerSpec
import LinuxSystem

/// How a line of the command's output becomes a record of a sink. Pure: bytes go in, bytes come
/// out.
protocol LineEncoding {
  /// A longer line comes in several records.
  var longestLine: Int { get }

  /// The run has this name; told before the first line.
  mutating func begin(_ id: RunID)

  /// What the lines have in common that were read at once.
  func head(of stream: OutputStream, at time: Duration) -> [UInt8]

  /// Appends a record.
  ///
  /// - Returns: how many of its first bytes are there only because a stream needs them.
  func append(_ line: LoggedLine, _ head: [UInt8], to record: inout [UInt8]) -> Int
}

extension LineEncoding {
  /// Does nothing.
  mutating func begin(_ id: RunID) {}
}

/// A line, or a piece of one.
struct LoggedLine {
  /// Without its line feed.
  var bytes: ArraySlice<UInt8>
  var stream: OutputStream
  /// Whether it ends with a line feed, which neither a piece nor an unfinished last line does.
  var hasLineFeed: Bool
  /// Whether more of the same line follows.
  var isPartial = false

  /// How many bytes the command has written for it.
  var payload: Int { bytes.count + (hasLineFeed ? 1 : 0) }
}

/// Messages of syslog, for streams with the number of their bytes before them. See RFC 5424, and
/// RFC 6587, 3.4.1.
struct SyslogEncoding: LineEncoding {
  /// With every field at its longest, a datagram has at most 2048 bytes, which every receiver
  /// should take (RFC 5424, 6.1).
  static let longestTextOfDatagram = 1536

  let source: SyslogSource
  let longestLine: Int

  func head(of stream: OutputStream, at time: Duration) -> [UInt8] {
    source.messages(of: [], on: stream, at: time).flatMap(\.bytes)
  }

  func append(_ line: LoggedLine, _ head: [UInt8], to record: inout [UInt8]) -> Int {
    let begin = record.count
    let space = UInt8(ascii: " ")
    let length = head.count + (line.bytes.isEmpty ? 0 : 1 + line.bytes.count)
    record += String(length).utf8
    record.append(space)
    let prefix = record.count - begin
    record += head
    if !line.bytes.isEmpty {
      record.append(space)
      record += line.bytes
    }
    return prefix
  }
}

/// Entries of journald in its native protocol: a field a line, `NAME=value`, or for a value that is
/// not a line of text `NAME`, its length and its bytes. See systemd's JOURNAL_NATIVE_PROTOCOL.
struct JournalEncoding: LineEncoding {
  /// The name of the app.
  let application: String
  /// The process, such as `postdeploy.1`.
  let process: String
  private var id: RunID?

  let longestLine = 512 << 10

  init(application: String, process: String) {
    self.application = application
    self.process = process
  }

  mutating func begin(_ id: RunID) { self.id = id }

  func head(of stream: OutputStream, at time: Duration) -> [UInt8] {
    var head: [UInt8] = []
    // Informational, or an error; see syslog(3).
    Self.append("PRIORITY", Array((stream == .stdout ? "6" : "3").utf8)[...], to: &head)
    Self.append("SYSLOG_IDENTIFIER", Array(application.utf8)[...], to: &head)
    Self.append("ONEOFF_PROCESS", Array(process.utf8)[...], to: &head)
    if let id { Self.append("ONEOFF_ID", Array(id.text.utf8)[...], to: &head) }
    Self.append("ONEOFF_STREAM", Array(stream.rawValue.utf8)[...], to: &head)
    return head
  }

  func append(_ line: LoggedLine, _ head: [UInt8], to record: inout [UInt8]) -> Int {
    record += head
    if line.isPartial {
      Self.append("CONTAINER_PARTIAL_MESSAGE", Array("true".utf8)[...], to: &record)
    }
    Self.append("MESSAGE", line.bytes, to: &record)
    return 0
  }

  private static func append(_ name: String, _ value: ArraySlice<UInt8>, to record: inout [UInt8]) {
    record += name.utf8
    if value.allSatisfy({ $0 >= 0x20 || $0 == UInt8(ascii: "\t") }) {
      record.append(UInt8(ascii: "="))
    } else {
      record.append(UInt8(ascii: "\n"))
      let length = UInt64(value.count)
      for shift in stride(from: 0, to: 64, by: 8) {
        record.append(UInt8(truncatingIfNeeded: length >> UInt64(shift)))
      }
    }
    record += value
    record.append(UInt8(ascii: "\n"))
  }
}

/// Lines as Docker's json-file driver writes them: `{"log":"…\n","stream":"stdout","time":"…"}`.
struct DockerLogEncoding: LineEncoding {
  /// As Docker's: longer lines come in pieces without a line feed.
  let longestLine = 16 << 10

  /// The end of the object.
  func head(of stream: OutputStream, at time: Duration) -> [UInt8] {
    Array(#"","stream":"\#(stream.rawValue)","time":""#.utf8) + Timestamp.bytes(time)
      + Array("\"}\n".utf8)
  }

  func append(_ line: LoggedLine, _ head: [UInt8], to record: inout [UInt8]) -> Int {
    record += #"{"log":""#.utf8
    if line.bytes.allSatisfy({ $0 < 0x80 }) || String(validating: line.bytes, as: UTF8.self) != nil
    {
      Self.appendEscaped(line.bytes, to: &record)
    } else {
      // The format has no way for bytes that are no text.
      Self.appendEscaped(Array(String(decoding: line.bytes, as: UTF8.self).utf8)[...], to: &record)
    }
    if line.hasLineFeed { record += #"\n"#.utf8 }
    record += head
    return 0
  }

  private static func appendEscaped(_ bytes: ArraySlice<UInt8>, to record: inout [UInt8]) {
    let isSpecial = { (byte: UInt8) in
      byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7f
    }
    var rest = bytes
    while let index = rest.firstIndex(where: isSpecial) {
      record += rest[..<index]
      switch rest[index] {
      case UInt8(ascii: "\t"): record += #"\t"#.utf8
      case UInt8(ascii: "\r"): record += #"\r"#.utf8
      case let byte where byte < 0x20 || byte == 0x7f:
        JSONText.appendEscape(byte, to: &record)
      case let byte: record += [UInt8(ascii: "\\"), byte]
      }
      rest = rest[(index + 1)...]
    }
    record += rest
  }
}
