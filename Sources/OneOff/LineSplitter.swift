/// Puts the lines of a stream together, which comes in pieces; a long line comes in several.
package struct LineSplitter: Sendable {
  private let longest: Int
  private var unfinished: [UInt8] = []

  /// Lines of at most this many bytes; longer ones are cut there.
  package init(longest: Int) { self.longest = longest }

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
      if let end = room.firstIndex(of: UInt8(ascii: "\n")) {
        finish(with: rest[..<end], isPartial: false, body)
        rest = rest[(end + 1)...]
      } else if room.count == longest - unfinished.count {
        finish(with: room, isPartial: true, body)
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
