/// Output that comes in pieces, as lines.
struct PendingLines {
  /// A longer line is shown in pieces.
  private static let longest = 64 << 10
  private var pending: [UInt8] = []

  /// The lines that are complete now.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [String] {
    pending += bytes
    var lines: [String] = []
    var rest = pending[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: rest[..<end], as: UTF8.self))
      rest = rest[(end + 1)...]
    }
    pending = Array(rest)
    if pending.count > Self.longest { lines.append(contentsOf: end().map { [$0] } ?? []) }
    return lines
  }

  /// What is left.
  mutating func end() -> String? {
    defer { pending = [] }
    return pending.isEmpty ? nil : String(decoding: pending, as: UTF8.self)
  }
}
