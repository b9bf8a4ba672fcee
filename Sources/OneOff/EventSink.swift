package import ContainerSpec
import FoundationEssentials
package import LinuxSystem

/// Writes the events of a run as JSON, one object a line; the format is in docs/events.md.
package final class EventSink: RunSink {
  /// A longer line comes in pieces.
  static let longestLine = 64 << 10

  private let writer: OutputWriter
  private var sequence: UInt64 = 0
  private var lines = PerStream(LineSplitter(longest: longestLine))
  private var lastTime = Duration.zero

  /// Writes events through a writer.
  package init(_ writer: OutputWriter) { self.writer = writer }

  /// The one.
  package var writers: [OutputWriter] { [writer] }

  /// Whether the reader of the events is still there.
  package func accepts(_ stream: OutputStream) -> Bool { writer.failure == nil }

  /// Writes a `started` event.
  package func started(id: RunID, time: Duration, pid: Int32) {
    write(StartedEvent(id: id, time: Timestamp.text(time), pid: pid))
  }

  /// Writes a `log` event for every line that is complete, and for 64 KiB of one that is not.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    lastTime = time
    let timestamp = Timestamp.bytes(time)
    var output: [UInt8] = []
    lines[stream].split(bytes) { line, isPartial in
      sequence += 1
      Self.append(line, sequence, on: stream, timestamp, isPartial: isPartial, to: &output)
    }
    if !output.isEmpty { writer.write(output[...]) }
  }

  /// Writes what is left of the last line.
  package func ended(_ stream: OutputStream) {
    let timestamp = Timestamp.bytes(lastTime)
    lines[stream].end { line, isPartial in
      sequence += 1
      var output: [UInt8] = []
      Self.append(line, sequence, on: stream, timestamp, isPartial: isPartial, to: &output)
      writer.write(output[...])
    }
  }

  /// Writes a `warning` event.
  package func warned(_ warning: RunWarning) {
    write(WarningEvent(code: warning.code, text: warning.text))
  }

  /// Writes the `finished` event.
  package func finished(id: RunID, result: RunResult) {
    write(FinishedEvent(id: id, result: result))
  }

  /// Appends the event of a line.
  private static func append(
    _ line: ArraySlice<UInt8>, _ sequence: UInt64, on stream: OutputStream, _ timestamp: [UInt8],
    isPartial: Bool, to output: inout [UInt8]
  ) {
    output += Array(#"{"v":1,"event":"log","seq":\#(sequence),"time":""#.utf8)
    output += timestamp
    output += Array(#"","stream":"\#(stream.rawValue)","#.utf8)
    JSONText.append(line, to: &output)
    output += Array((isPartial ? #","partial":true}"# : #","partial":false}"#).utf8)
    output.append(UInt8(ascii: "\n"))
  }

  private func write(_ event: some Encodable) {
    writer.write(StoredJSON.text(event)[...])
  }
}

// The events as they stand in a line; `v` is the version of the format.

struct StartedEvent: Codable {
  var v = 1
  var event = "started"
  var id: RunID
  var time: String
  var pid: Int32
}

struct WarningEvent: Codable {
  var v = 1
  var event = "warning"
  var code: String
  var text: String
}

struct FinishedEvent: Codable {
  var v = 1
  var event = "finished"
  var id: RunID
  var result: RunResult
}

/// Bytes of a log line as a member of a JSON object: the fast path of the event stream.
enum JSONText {
  /// Appends `"text":"…"`, or `"base64":"…"` where the bytes are not UTF-8.
  static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
    append(bytes, as: "text", orBase64As: "base64", to: &output)
  }

  /// Appends the bytes as a member of that name, or of the other where they are not UTF-8.
  static func append(
    _ bytes: ArraySlice<UInt8>, as name: String, orBase64As encodedName: String,
    to output: inout [UInt8]
  ) {
    guard isUTF8(bytes) else {
      output += Array(#""\#(encodedName)":""#.utf8)
      output += Array(Data(bytes).base64EncodedString().utf8)
      output.append(UInt8(ascii: "\""))
      return
    }
    output += Array(#""\#(name)":""#.utf8)
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        output.append(UInt8(ascii: "\\"))
        output.append(byte)
      case 0..<0x20, 0x7f: appendEscape(byte, to: &output)
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
  }

  static func appendEscape(_ byte: UInt8, to output: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    output += Array(#"\u00"#.utf8)
    output.append(digits[Int(byte >> 4)])
    output.append(digits[Int(byte & 15)])
  }
}
