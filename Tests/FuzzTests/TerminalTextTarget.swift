import ContainerSpec
import OneOff

extension FuzzTarget {
  /// What a command writes to a person's terminal; the first byte says in which pieces.
  static let terminalText = FuzzTarget(name: "terminal-text") { bytes in
    guard let first = bytes.first else { return }
    let (size, output) = (Int(first % 8) + 1, Array(bytes.dropFirst()))
    let shown = shown(output, inPiecesOf: size)
    try hold(shown == Self.shown(output, inPiecesOf: .max), "the same in every division")
    guard let text = String(validating: shown, as: UTF8.self) else {
      throw Violation(description: "what is shown is UTF-8")
    }
    var isColoured = false
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\n": try hold(!isColoured, "a colour ends with its line")
      case "\r": try hold(rest.starts(with: "> ".unicodeScalars), "an indent follows a return")
      case "\u{1b}":
        let colour = rest.prefix { $0 != "m" }
        try hold(
          colour.first == "["
            && colour.dropFirst().allSatisfy { ("0"..."9").contains($0) || $0 == ";" || $0 == ":" },
          "an escape sequence is a colour")
        isColoured = !colour.elementsEqual("[0".unicodeScalars)
      case "\t": break
      default: try hold(scalar.isHarmless, "a terminal shows it")
      }
    }
    try hold(!isColoured, "a colour ends with the text")
    let isPlain = output.allSatisfy { (0x20..<0x7f).contains($0) || $0 == 9 || $0 == 10 }
    try hold(!isPlain || shown == output, "plain text stays as it is")
  }

  private static func shown(_ bytes: [UInt8], inPiecesOf size: Int) -> [UInt8] {
    var text = TerminalText(indent: Array("> ".utf8))
    var shown: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      shown += text.shown(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    return shown + text.end()
  }
}
