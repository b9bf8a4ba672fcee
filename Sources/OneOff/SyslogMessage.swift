package import ContainerSpec
import LinuxSystem

/// Who the messages of a run's output come from, as syslog names it.
package struct SyslogSource: Sendable, Hashable {
  /// The most bytes of a line in a message. With every field at its longest a message then has less
  /// than 8 KiB, where rsyslogd cuts unless told otherwise.
  package static let longestText = 7680

  /// HOSTNAME: at most 255 bytes.
  private let hostname: [UInt8]
  /// APP-NAME: at most 48 bytes.
  private let application: [UInt8]
  /// PROCID: at most 128 bytes.
  private let process: [UInt8]

  /// Names a source. What the standard does not allow in a name becomes `-`, and what is too long
  /// is cut.
  package init(hostname: String, application: String, process: String) {
    self.hostname = Self.field(hostname, atMost: 255)
    self.application = Self.field(application, atMost: 48)
    self.process = Self.field(process, atMost: 128)
  }

  /// The source of a run's output: of a hook its app (APP) and its process (`postdeploy.1`, from
  /// CONTAINER_TYPE), as the environment names them; else `oneoff` and the run's id.
  package init(of spec: RunSpec?, id: RunID, hostname: String) {
    func variable(_ name: String) -> String? {
      let value = spec?.environment.last { $0.name == name }?.value
      return value.flatMap { $0.bytes.isEmpty ? nil : $0.description }
    }
    self.init(
      hostname: hostname, application: variable("APP") ?? "oneoff",
      process: variable("CONTAINER_TYPE").map { "\($0).1" } ?? id.text)
  }

  /// The messages of one line, without its line feed: one, or for a line of more than
  /// ``longestText`` bytes several, of which none begins within a character of UTF-8.
  ///
  /// - Parameter time: when it was read, since 1970; messages have the microseconds of it.
  package func messages(
    of line: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration
  ) -> [SyslogMessage] {
    // Facility local0 (16), severity informational (6) or error (3).
    var header = Array((stream == .stdout ? "<134>1 " : "<131>1 ").utf8)
    // The standard allows six digits of a second.
    header += Timestamp.bytes(time).dropLast(4)
    header += "Z ".utf8
    header += hostname + [UInt8(ascii: " ")] + application + [UInt8(ascii: " ")] + process
    // Neither MSGID nor structured data.
    header += " - -".utf8
    var messages: [SyslogMessage] = []
    var rest = line
    repeat {
      let piece = Self.piece(of: rest)
      messages.append(
        SyslogMessage(bytes: piece.isEmpty ? header : header + [UInt8(ascii: " ")] + piece))
      rest = rest[piece.endIndex...]
    } while !rest.isEmpty
    return messages
  }

  private static func piece(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard line.count > longestText else { return line }
    let end = line.startIndex + longestText
    // A character has at most four bytes; where there are more in a row, it is no UTF-8.
    let start = (end - 3...end).last { line[$0] & 0xc0 != 0x80 }
    return line[..<(start ?? end)]
  }

  /// A name of PRINTUSASCII; `-` is none.
  private static func field(_ text: String, atMost length: Int) -> [UInt8] {
    let bytes = text.utf8.prefix(length).map { (33...126).contains($0) ? $0 : UInt8(ascii: "-") }
    return bytes.isEmpty ? [UInt8(ascii: "-")] : bytes
  }
}

/// A message of syslog. See RFC 5424.
package struct SyslogMessage: Sendable, Hashable {
  /// The message; a datagram holds just this.
  package let bytes: [UInt8]

  /// The message as a stream has it: after the number of its bytes. See RFC 6587, 3.4.1.
  package var framed: [UInt8] { Array("\(bytes.count) ".utf8) + bytes }
}
