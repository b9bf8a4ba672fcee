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
    return Array(data) + [UInt8(ascii: "\n")]
  }

  /// The value of a text; nil where it is not one.
  package static func value<Value: Decodable>(_ type: Value.Type, of text: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(text))
  }
}
