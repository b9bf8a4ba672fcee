import LinuxSystem

/// Puts the lines of a stream together, which comes in pieces; a long line comes in several.
package struct LineSplitter: Sendable {
  private let longest: Int
  private let keepsCharacters: Bool
  private var unfinished: [UInt8] = []

  /// Lines of at most this many bytes; longer ones are cut there.
  ///
  /// - Parameter keepsCharacters: whether they are cut up to three bytes earlier where that would
  ///   be inside of a character of UTF-8.
  package init(longest: Int, keepsCharacters: Bool = false) {
    self.longest = longest
    self.keepsCharacters = keepsCharacters
  }

  /// Whether what came last has not ended its line.
  package var isInLine: Bool { !unfinished.isEmpty }

  /// Hands on every line that the bytes complete, without its line feed, and whether more of the
  /// same line follows.
  package mutating func split(
    _ bytes: ArraySlice<UInt8>, _ body: (_ line: ArraySlice<UInt8>, _ isPartial: Bool) -> Void
  ) {
    var rest = bytes
    while !rest.isEmpty {
      let room = rest.prefix(longest - unfinished.count)
      if let end = room.firstLineFeed {
        finish(with: rest[..<end], isPartial: false, body)
        rest = rest[(end + 1)...]
      } else if room.count == longest - unfinished.count {
        unfinished += room
        let begun = keepsCharacters ? unfinished[...].begunCharacter : 0
        body(unfinished.dropLast(begun), true)
        unfinished = Array(unfinished.suffix(begun))
        rest = rest[room.endIndex...]
      } else {
        unfinished += rest
        rest = []
      }
    }
  }

  /// Hands on what there is of a last line that has no line feed.
  package mutating func end(_ body: (_ line: ArraySlice<UInt8>, _ isPartial: Bool) -> Void) {
    if isInLine { finish(with: [], isPartial: false, body) }
  }

  private mutating func finish(
    with end: ArraySlice<UInt8>, isPartial: Bool, _ body: (ArraySlice<UInt8>, Bool) -> Void
  ) {
    guard isInLine else { return body(end, isPartial) }
    unfinished += end
    body(unfinished[...], isPartial)
    unfinished = []
  }
}

extension ArraySlice<UInt8> {
  /// How many bytes at the end are a character of UTF-8 that is not whole: 0 to 3.
  fileprivate var begunCharacter: Int {
    for (following, byte) in suffix(3).reversed().enumerated() where byte & 0xc0 != 0x80 {
      let length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
      return length > following + 1 ? following + 1 : 0
    }
    return 0
  }
}

/// Something that both streams have.
struct PerStream<Value> {
  var stdout: Value
  var stderr: Value

  /// Both the same.
  init(_ value: Value) {
    stdout = value
    stderr = value
  }

  subscript(stream: OutputStream) -> Value {
    get { stream == .stdout ? stdout : stderr }
    set { if stream == .stdout { stdout = newValue } else { stderr = newValue } }
  }
}

extension PerStream: Sendable where Value: Sendable {}
