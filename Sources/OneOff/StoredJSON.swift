import FoundationEssentials

/// JSON as oneoff writes it into files and onto standard output: with sorted members, so that equal
/// values are equal texts.
package enum StoredJSON {
  /// The text of a value of numbers and strings, with a line feed at its end.
  ///
  /// - Parameter isForPeople: whether it is indented; else it is one line.
  package static func text(_ value: some Encodable, isForPeople: Bool = false) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isForPeople { encoder.outputFormatting.insert(.prettyPrinted) }
    guard let data = try? encoder.encode(value) else {
      preconditionFailure("numbers and strings can always be encoded")
    }
    return escaped(Array(data)) + [UInt8(ascii: "\n")]
  }

  /// The same value without characters that control a terminal, or hide what follows them: DEL, the
  /// C1 controls and those of bidirectional text. In JSON they can be in strings alone.
  private static func escaped(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(where: { $0 >= 0x7f }) else { return text }
    var result = ""
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x7f...0x9f, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return Array(result.utf8)
  }

  /// The value of a text; nil where it is not one.
  package static func value<Value: Decodable>(_ type: Value.Type, of text: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(text))
  }
}
