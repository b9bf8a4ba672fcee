// JSON by RFC 8259, read more strictly than JSONDecoder does, which takes trailing commas and the
// first of two equal keys, and names no place for what is wrong (docs/decisions/014).

/// A JSON value.
enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// A number; nil when it is not a whole one from 0 to 2^64 - 1, which all of a profile's are.
  case number(UInt64?)
  case string(String)
  case array([JSONValue])
  /// The members in their order; every key is there once.
  case object([Member])

  struct Member: Hashable, Sendable {
    var key: String
    var value: JSONValue
  }
}

/// Reads one JSON value from bytes.
struct JSONParser {
  /// The most arrays and objects in each other; a profile has 5.
  private static let deepest = 32

  private let bytes: [UInt8]
  private var position = 0

  /// The value that is all of the text but blanks.
  ///
  /// - Throws: ``ProfileError`` with line and column.
  static func parse(_ bytes: [UInt8]) throws(ProfileError) -> JSONValue {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 0)
    parser.skipBlanks()
    guard parser.next == nil else { throw parser.error("something follows after the end") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func error(_ problem: String) -> ProfileError {
    let before = bytes[..<position]
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    // Bytes that go on with a character do not count.
    let column = bytes[start..<position].count { $0 & 0xC0 != 0x80 } + 1
    return ProfileError(
      path: "", problem: "is not JSON: line \(line), column \(column): \(problem)")
  }

  private mutating func skipBlanks() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let text = Array("\(word)".utf8)
    guard bytes[position...].starts(with: text) else { return false }
    position += text.count
    return true
  }

  private mutating func value(depth: Int) throws(ProfileError) -> JSONValue {
    skipBlanks()
    guard depth <= Self.deepest else { throw error("nested too deeply") }
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
    case nil: throw error("the text ends too early")
    default:
      if take("true") { return .bool(true) }
      if take("false") { return .bool(false) }
      if take("null") { return .null }
      throw error("a value was expected")
    }
  }

  private mutating func members(depth: Int) throws(ProfileError) -> [JSONValue.Member] {
    position += 1
    var members: [JSONValue.Member] = []
    var keys: Set<String> = []
    if take(UInt8(ascii: "}")) { return [] }
    repeat {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else { throw error("a key in double quotes was expected") }
      let key = try string()
      guard keys.insert(key).inserted else { throw error("the key \"\(key)\" is there twice") }
      guard take(UInt8(ascii: ":")) else { throw error("a colon was expected") }
      members.append(.init(key: key, value: try value(depth: depth + 1)))
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw error("a comma or } was expected") }
    return members
  }

  private mutating func elements(depth: Int) throws(ProfileError) -> [JSONValue] {
    position += 1
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return [] }
    repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw error("a comma or ] was expected") }
    return elements
  }

  // MARK: Numbers

  private mutating func digits() throws(ProfileError) -> ArraySlice<UInt8> {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw error("a digit was expected") }
    return bytes[start..<position]
  }

  private mutating func number() throws(ProfileError) -> JSONValue {
    var isWhole = !take(UInt8(ascii: "-"))
    let whole = try digits()
    guard whole.count == 1 || whole.first != UInt8(ascii: "0") else {
      throw error("a number begins with 0")
    }
    if next == UInt8(ascii: ".") {
      position += 1
      _ = try digits()
      isWhole = false
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      _ = try digits()
      isWhole = false
    }
    return .number(isWhole ? UInt64(String(decoding: whole, as: UTF8.self)) : nil)
  }

  // MARK: Strings

  private mutating func string() throws(ProfileError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        guard let valid = String(validating: text, as: UTF8.self) else {
          throw error("the string before is not UTF-8")
        }
        position += 1
        return valid
      case UInt8(ascii: "\\"):
        position += 1
        text += Array(String(try escape()).utf8)
      case 0..<0x20: throw error("a control character in a string; write it as \\u00XX")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw error("a string without an end")
  }

  private mutating func escape() throws(ProfileError) -> Character {
    guard let byte = next else { throw error("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return Character(Unicode.Scalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var unit = try hexadecimal()
      if (0xD800..<0xDC00).contains(unit), take("\\u") {
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair") }
        unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(unit) else { throw error("half a surrogate pair") }
      return Character(scalar)
    default: throw error("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(ProfileError) -> UInt32 {
    let end = position + 4
    guard end <= bytes.count,
      bytes[position..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let unit = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
    else { throw error("four hexadecimal digits were expected") }
    position = end
    return unit
  }
}
