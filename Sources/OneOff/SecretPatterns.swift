import ContainerSpec

/// The forms in which a secret may be printed: as it is, line by line, and as programs encode it.
///
/// A text above ``longest`` is cut into pieces, which are patterns of their own: what has to
/// be held back stays short, and a long secret that is printed in part is masked in part.
struct SecretPatterns {
  /// The most bytes of a pattern that is made of a secret.
  static let longest = 128
  /// The bytes of a piece; the last one may have up to twice as many.
  private static let pieceLength = 64
  /// How PEM (RFC 7468) wraps base64, and base64(1) and MIME (RFC 2045).
  private static let wrapLengths = [64, 76]
  /// As much of a value is looked for in encoded forms.
  private static let longestEncoded = 4096
  private static let shortest = RunSpec.shortestSecret

  /// The patterns; some may be there twice.
  private(set) var patterns: [[UInt8]] = []

  /// The patterns of a value that is long enough.
  init(of value: [UInt8]) {
    add(value)
    let lines = Self.lines(of: value)
    if lines.count > 1 {
      add(value.replacing([0x0a], with: [0x0d, 0x0a]))
      for line in lines where line.hasSubstance && !line.isFrame { add(Array(line)) }
    }
    // Without blanks and line feeds around it, which whoever encodes it may have cut off.
    let core = Array(value.trimmingSpace.prefix(Self.longestEncoded))
    add(core)
    addBase64(core)
    if core.contains(where: { !$0.isAlphanumeric }) {
      addPercentEncoded(core)
      addEscaped(core)
    }
  }

  // MARK: Pieces

  private mutating func add(_ text: [UInt8]) {
    guard text.count > Self.longest else {
      if text.count >= Self.shortest { patterns.append(text) }
      return
    }
    // What is left at the end goes with the last piece.
    let end = text.count / Self.pieceLength * Self.pieceLength - Self.pieceLength
    addPieces(of: text[..<end], length: Self.pieceLength)
    addPieces(of: text[end...], length: Self.longest)
  }

  private mutating func addPieces(of text: ArraySlice<UInt8>, length: Int) {
    var rest = text
    while rest.count >= Self.shortest {
      let piece = rest.prefix(length)
      rest = rest[piece.endIndex...]
      if piece.hasSubstance { patterns.append(Array(piece)) }
    }
  }

  /// The lines of a value, without blanks around them. `\n` in two characters separates them, too:
  /// so keys stand in files that have one line for each variable.
  private static func lines(of value: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    var index = 0
    while index < value.count {
      let isEscape = value[index...].starts(with: #"\n"#.utf8)
      guard isEscape || value[index] == 0x0a else {
        index += 1
        continue
      }
      lines.append(value[start..<index].trimmingSpace)
      index += isEscape ? 2 : 1
      start = index
    }
    return lines + [value[start...].trimmingSpace]
  }

  // MARK: Base64

  private static let standardAlphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlAlphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The characters that the value alone decides, wherever in a longer text it stands: in the three
  /// alignments of bytes in groups of three. See RFC 4648.
  private mutating func addBase64(_ value: [UInt8]) {
    for before in 0..<3 {
      let standard = Self.base64(value, after: before, Self.standardAlphabet)
      add(standard)
      let url = Self.base64(value, after: before, Self.urlAlphabet)
      if url != standard { add(url) }
      if before == 0 {
        for length in Self.wrapLengths { addPieces(of: standard[...], length: length) }
      }
    }
  }

  private static func base64(_ value: [UInt8], after before: Int, _ alphabet: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var bits: UInt32 = 0
    // The bits of the bytes before belong to characters that are left out, or begun by them.
    var count = 0
    var skipped = before == 0 ? 0 : 6 - before * 8 % 6
    for byte in value {
      bits = bits << 8 | UInt32(byte)
      count += 8
      if skipped > 0 {
        count -= skipped
        skipped = 0
      }
      while count >= 6 {
        count -= 6
        text.append(alphabet[Int(bits >> UInt32(count) & 63)])
      }
    }
    return text
  }

  // MARK: Percent-encoding

  /// What encoders leave as it is besides letters and digits.
  private static let unreserved = [
    "-._~",  // RFC 3986
    "-_.!~*'()",  // encodeURIComponent of ECMAScript
    "*-._",  // forms, as the URL standard has them
    "-._~/",  // quote of Python
    "-_.!~*'();/?:@&=+$,#",  // encodeURI of ECMAScript
  ]

  private mutating func addPercentEncoded(_ value: [UInt8]) {
    for unreserved in Self.unreserved {
      for digits in ["0123456789ABCDEF", "0123456789abcdef"] {
        let encoded = Self.percentEncoded(value, but: unreserved, Array(digits.utf8))
        add(encoded)
        if value.contains(UInt8(ascii: " ")) {
          // In forms a space is a plus; a plus of the value's own is %2B there.
          add(encoded.replacing(Array("%20".utf8), with: [UInt8(ascii: "+")]))
        }
      }
    }
  }

  private static func percentEncoded(
    _ value: [UInt8], but unreserved: String, _ digits: [UInt8]
  ) -> [UInt8] {
    var text: [UInt8] = []
    for byte in value {
      if byte.isAlphanumeric || unreserved.utf8.contains(byte) {
        text.append(byte)
      } else {
        text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return text
  }

  // MARK: Escapes

  /// As JSON has it, with what encoders escape besides; and as a shell quotes a quote.
  private mutating func addEscaped(_ value: [UInt8]) {
    add(Self.escaped(value))
    add(Self.escaped(value, asNumbers: "<>&"))  // Go, Rails
    add(Self.escaped(value, withBackslash: "\"\\/"))  // PHP
    add(Self.escaped(value, withBackslash: "\\'"))  // $'…' of a shell, Python
    if let text = String(validating: value, as: UTF8.self), !value.allSatisfy({ $0 < 0x80 }) {
      let units = text.utf16.flatMap { unit in
        unit < 0x80 ? Self.escaped([UInt8(unit)]) : Self.numbered(unit)
      }
      add(units)  // Python, Ruby where it is told so
    }
    add(value.replacing([UInt8(ascii: "'")], with: Array(#"'\''"#.utf8)))
  }

  private static func escaped(
    _ value: [UInt8], withBackslash escaped: String = "\"\\", asNumbers numbered: String = ""
  ) -> [UInt8] {
    value.flatMap { byte -> [UInt8] in
      let backslash = UInt8(ascii: "\\")
      return switch byte {
      case 0x0a: [backslash, UInt8(ascii: "n")]
      case 0x0d: [backslash, UInt8(ascii: "r")]
      case 0x09: [backslash, UInt8(ascii: "t")]
      case 0..<0x20: Self.numbered(UInt16(byte))
      case _ where escaped.utf8.contains(byte): [backslash, byte]
      case _ where numbered.utf8.contains(byte): Self.numbered(UInt16(byte))
      default: [byte]
      }
    }
  }

  private static func numbered(_ unit: UInt16) -> [UInt8] {
    let digits = String(unit, radix: 16)
    return Array("\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8)
  }
}

extension ArraySlice<UInt8> {
  /// Whether there is more than punctuation in it, which may be a line in many a log.
  fileprivate var hasSubstance: Bool { contains { $0.isAlphanumeric || $0 >= 0x80 } }

  /// Whether it is a line like `-----BEGIN CERTIFICATE-----`, which hides nothing.
  fileprivate var isFrame: Bool { starts(with: "-----".utf8) }

  /// The bytes without blanks and line ends around them.
  fileprivate var trimmingSpace: ArraySlice<UInt8> {
    var rest = self
    while let first = rest.first, first.isSpace { rest.removeFirst() }
    while let last = rest.last, last.isSpace { rest.removeLast() }
    return rest
  }
}

extension [UInt8] {
  fileprivate var trimmingSpace: ArraySlice<UInt8> { self[...].trimmingSpace }

  /// The bytes with every occurrence of a part replaced.
  fileprivate func replacing(_ part: [UInt8], with other: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var rest = self[...]
    while let first = rest.first {
      if rest.starts(with: part) {
        text += other
        rest = rest.dropFirst(part.count)
      } else {
        text.append(first)
        rest = rest.dropFirst()
      }
    }
    return text
  }
}

extension UInt8 {
  fileprivate var isSpace: Bool { isBlank || self == 0x0a || self == 0x0d }
}
