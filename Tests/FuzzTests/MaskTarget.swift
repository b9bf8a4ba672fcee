import ContainerSpec
import OneOff

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
    let output = masked(parts[1], mask, inPiecesOf: Int(first % 32) + 1)
    try hold(output == masked(parts[1], mask, inPiecesOf: .max), "the same in every division")
    // What stands in place of a secret may form one with its neighbours.
    let placeholders = secrets.map { Array("[masked:\($0.name)]".utf8) }
    for piece in output.pieces(between: placeholders) {
      for secret in secrets {
        try hold(!piece.hasPart(secret.value), "no secret is shown")
      }
    }
    let isMasked = secrets.contains { parts[1].hasPart($0.value) }
    try hold(!isMasked || output != parts[1], "a secret is masked")
  }

  private static func masked(_ text: [UInt8], _ mask: SecretMask, inPiecesOf size: Int) -> [UInt8] {
    var stream = MaskedStream(mask)
    var output: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      stream.pass(rest.prefix(size)) { output += $0 }
      rest = rest.dropFirst(size)
    }
    _ = stream.end(isCut: false) { output += $0 }
    return output
  }
}

extension [UInt8] {
  fileprivate func hasPart(_ part: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: part) }
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
