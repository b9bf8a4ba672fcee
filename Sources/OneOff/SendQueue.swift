/// What waits to be sent to somebody, in pieces that are sent whole or not at all.
struct SendQueue: Sendable, Hashable {
  /// So many bytes may wait, 4 MiB. Who does not take them is too slow.
  static let limit = 4 << 20

  private var pieces: [[UInt8]] = []
  /// The piece that is being sent, and how many of its bytes were.
  private var first = 0
  private var sentOfFirst = 0
  /// How many bytes wait.
  private(set) var count = 0

  /// Whether nothing waits.
  var isEmpty: Bool { count == 0 }

  /// Whether a piece would be too much.
  func isFull(for piece: [UInt8]) -> Bool { count + piece.count > Self.limit }

  /// Adds a piece.
  mutating func append(_ piece: [UInt8]) {
    guard !piece.isEmpty else { return }
    pieces.append(piece)
    count += piece.count
  }

  /// What is to be sent next; empty when nothing waits.
  var next: ArraySlice<UInt8> { isEmpty ? [] : pieces[first][sentOfFirst...] }

  /// Notes that so many bytes of ``next`` were sent.
  mutating func noteSent(_ bytes: Int) {
    guard !isEmpty else { return }
    sentOfFirst += bytes
    count -= bytes
    guard sentOfFirst == pieces[first].count else { return }
    pieces[first] = []
    first += 1
    sentOfFirst = 0
    // Not each time: moving all the others up would take longer than sending one.
    if first == pieces.count || first >= 256 {
      pieces.removeFirst(first)
      first = 0
    }
  }

  /// Forgets every piece that was not begun.
  mutating func giveUp() {
    guard !isEmpty else { return }
    let begun = sentOfFirst > 0 ? [pieces[first]] : []
    pieces = begun
    first = 0
    if begun.isEmpty { sentOfFirst = 0 }
    count = begun.isEmpty ? 0 : pieces[0].count - sentOfFirst
  }
}
