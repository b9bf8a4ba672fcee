import ContainerSpec

/// Makes what a command writes harmless for the terminal of a person, piece by piece.
///
/// - Text, tabs, line feeds and colours (`ESC [ … m`) pass; a colour ends with its line.
/// - What else controls a terminal or turns the direction of text is shown as less(1) shows it:
///   `^[` for ESC, `<9B>` for a byte that is not UTF-8, `<U+202E>` for a character.
/// - A carriage return passes, because progress bars need it, and is followed by the line's indent.
///   So it overwrites nothing but the command's own text. Before a line feed it is left out.
///
/// A sequence that a piece ends within is kept back until the rest of it arrives: another stream
/// could complete it on the same terminal. See console_codes(4) and ECMA-48.
package struct TerminalText: Sendable {
  /// The most bytes of a colour; what is longer is no colour.
  private static let maximumColourLength = 32
  private static let reset: [UInt8] = Array("\u{1b}[0m".utf8)

  private let indent: [UInt8]
  /// The beginning of a colour or character, or a carriage return, whose rest has not arrived.
  private var kept: [UInt8] = []
  private var isColoured = false

  /// Text whose lines begin with an indent, which somebody else writes after line feeds.
  package init(indent: [UInt8] = []) { self.indent = indent }

  /// What to show for the next bytes of the stream.
  package mutating func shown(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let input = kept.isEmpty ? bytes : kept + bytes
    kept = []
    var output: [UInt8] = []
    output.reserveCapacity(input.count + input.count / 8)
    var rest = input
    while let first = rest.first {
      let plain = rest.prefix { (0x20..<0x7f).contains($0) || $0 == UInt8(ascii: "\t") }
      if !plain.isEmpty {
        output += plain
        rest = rest[plain.endIndex...]
        continue
      }
      let length =
        switch first {
        case UInt8(ascii: "\n"): endLine(&output)
        case UInt8(ascii: "\r"): returnCarriage(rest, &output)
        case 0x1b: colour(rest, &output)
        case 0x80...: character(rest, &output)
        default: show(first, &output)
        }
      guard let length else {
        kept = Array(rest)
        break
      }
      rest = rest.dropFirst(length)
    }
    return output
  }

  /// What to show when nothing more comes, or something else is to be shown in between.
  package mutating func end() -> [UInt8] {
    var output: [UInt8] = []
    switch kept.first {
    case UInt8(ascii: "\r")?: returnCarriage(&output)
    case 0x1b?:
      _ = show(0x1b, &output)
      output += kept.dropFirst()
    default: for byte in kept { output += Self.notText(byte) }
    }
    kept = []
    endColour(&output)
    return output
  }

  // Each of these appends what is shown and returns how many bytes that were; nil when it takes
  // more of them to tell.

  private mutating func endLine(_ output: inout [UInt8]) -> Int? {
    endColour(&output)
    output.append(UInt8(ascii: "\n"))
    return 1
  }

  private func returnCarriage(_ rest: ArraySlice<UInt8>, _ output: inout [UInt8]) -> Int? {
    guard let next = rest.dropFirst().first else { return nil }
    if next != UInt8(ascii: "\n"), next != UInt8(ascii: "\r") { returnCarriage(&output) }
    return 1
  }

  private func returnCarriage(_ output: inout [UInt8]) {
    output.append(UInt8(ascii: "\r"))
    output += indent
  }

  private mutating func colour(_ rest: ArraySlice<UInt8>, _ output: inout [UInt8]) -> Int? {
    guard let bracket = rest.dropFirst().first else { return nil }
    guard bracket == UInt8(ascii: "[") else { return show(0x1b, &output) }
    let parameters = rest.dropFirst(2).prefix {
      (UInt8(ascii: "0")...UInt8(ascii: ";")).contains($0)
    }
    let length = parameters.count + 3
    guard length <= Self.maximumColourLength else { return show(0x1b, &output) }
    guard rest.count >= length else { return nil }
    guard rest[parameters.endIndex] == UInt8(ascii: "m") else { return show(0x1b, &output) }
    // A reset that comes after the line feed has been shown before it: with nothing but that on it,
    // the next line would not look empty to whoever indents it.
    let isReset = parameters.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ";") }
    guard isColoured || !isReset else { return length }
    output += rest.prefix(length)
    isColoured = true
    return length
  }

  private func character(_ rest: ArraySlice<UInt8>, _ output: inout [UInt8]) -> Int? {
    let first = rest[rest.startIndex]
    let length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1
    let bytes = rest.prefix(length)
    if bytes.count == length, let text = String(validating: bytes, as: UTF8.self),
      let scalar = text.unicodeScalars.first
    {
      if scalar.isHarmless {
        output += bytes
      } else {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        output += "<U+\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)>".utf8
      }
      return length
    }
    if bytes.count < length, bytes.dropFirst().allSatisfy({ $0 & 0xc0 == 0x80 }) { return nil }
    output += Self.notText(first)
    return 1
  }

  private func show(_ control: UInt8, _ output: inout [UInt8]) -> Int? {
    output += [UInt8(ascii: "^"), control ^ 0x40]
    return 1
  }

  private static func notText(_ byte: UInt8) -> [UInt8] {
    Array("<\(String(byte, radix: 16, uppercase: true))>".utf8)
  }

  private mutating func endColour(_ output: inout [UInt8]) {
    if isColoured { output += Self.reset }
    isColoured = false
  }
}
