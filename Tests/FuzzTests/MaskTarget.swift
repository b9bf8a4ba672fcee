import ContainerSpec

@testable import OneOff

extension FuzzTarget {
  /// Secrets, one a line, and what a command prints that has them; the first byte says in which
  /// pieces.
  static let mask = FuzzTarget(name: "mask") { bytes in
    guard let first = bytes.first else { return }
    let parts = Array(bytes.dropFirst()).sections(2)
    let secrets = parts[0].lines.prefix(16).enumerated().map { index, line in
      Secret(name: "S\(index)", value: line.dropLast(line.last == UInt8(ascii: "\n") ? 1 : 0))
    }.filter { $0.value.count >= RunSpec.shortestSecret }
    guard let mask = SecretMask(secrets) else { return }
    let size = Int(first % 32) + 1
    let (output, _) = masked(parts[1], mask, inPiecesOf: size)
    try hold(
      output == masked(parts[1], mask, inPiecesOf: .max).output, "the same in every division")
    try checkThatNoneIsShown(output, secrets)
    let isMasked = secrets.contains { parts[1].hasPart($0.value) }
    try hold(!isMasked || output != parts[1], "a secret is masked")
    let (cut, dropped) = masked(parts[1], mask, inPiecesOf: size, isCut: true)
    try hold(cut.count + dropped == output.count, "what is thrown away is counted")
    try hold(cut.isPart(of: output), "nothing else is there where the output is cut")
    // As for somebody who waits at a prompt.
    let (prompt, none) = masked(
      parts[1], mask, inPiecesOf: size, isCut: true, isShownAtOnce: true)
    try hold(none == 0, "what was shown is not thrown away")
    try checkThatNoneIsShown(prompt, secrets)
  }

  private static func checkThatNoneIsShown(_ output: [UInt8], _ secrets: [Secret]) throws {
    // What stands in place of a secret may form one with its neighbours.
    let placeholders = secrets.map { Array("[masked:\($0.name)]".utf8) }
    for piece in output.pieces(between: placeholders) {
      for secret in secrets {
        try hold(!piece.hasPart(secret.value), "no secret is shown")
      }
    }
  }

  private static func masked(
    _ text: [UInt8], _ mask: SecretMask, inPiecesOf size: Int, isCut: Bool = false,
    isShownAtOnce: Bool = false
  ) -> (output: [UInt8], dropped: Int) {
    var stream = MaskedStream(mask)
    var output: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      stream.pass(rest.prefix(size)) { output += $0 }
      if isShownAtOnce { stream.showHeld { output += $0 } }
      rest = rest.dropFirst(size)
    }
    let dropped = stream.end(isCut: isCut) { output += $0 }
    return (output, dropped)
  }
}

extension [UInt8] {
  fileprivate func hasPart(_ part: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: part) }
  }

  /// Whether these bytes are in `all`, in its order.
  fileprivate func isPart(of all: [UInt8]) -> Bool {
    var rest = self[...]
    for byte in all where byte == rest.first { rest.removeFirst() }
    return rest.isEmpty
  }

  /// What is left when these are cut out.
  fileprivate func pieces(between marks: [[UInt8]]) -> [[UInt8]] {
    var pieces: [[UInt8]] = [[]]
    var rest = self[...]
    while let byte = rest.first {
      if let mark = marks.first(where: { rest.starts(with: $0) }) {
        pieces.append([])
        rest = rest.dropFirst(mark.count)
      } else {
        pieces[pieces.count - 1].append(byte)
        rest = rest.dropFirst()
      }
    }
    return pieces
  }
}
