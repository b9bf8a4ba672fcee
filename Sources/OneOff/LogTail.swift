/// Finds where the last lines of a log begin; it is shown the records from the last one backwards.
///
/// A line counts where it ends. Of a line whose pieces are apart in the log, since the other stream
/// has written in between, the beginning is found as far as ``lookBack`` bytes.
struct LogTail {
  /// How far the beginning of a line is looked for, in bytes of the log before all lines are found.
  static let lookBack = 1 << 20

  private var wanted: Int
  private var isSeen = PerStream(false)
  /// Where the oldest line of a stream begins; nil as long as it is looked for.
  private var begins = PerStream<Int?>(nil)
  private var foundAt: Int?

  /// Looks for that many lines: of one stream, or of both where it is nil.
  init(_ count: Int, of stream: OutputStream?) {
    self.wanted = count
    for other in OutputStream.allCases where stream != nil && other != stream {
      begins[other] = .max
    }
  }

  /// Whether no earlier record is needed.
  var isComplete: Bool { begins.stdout != nil && begins.stderr != nil }

  /// Takes the record that lies in the log from `start` to `end`.
  mutating func look(at record: LogRecord, from start: Int, to end: Int) {
    let stream = record.stream
    if begins[stream] == nil {
      let endsLine = !record.isPartial || !isSeen[stream]
      isSeen[stream] = true
      if endsLine, wanted > 0 {
        wanted -= 1
      } else if endsLine {
        begins[stream] = end
      }
    }
    guard wanted == 0 else { return }
    let found = foundAt ?? start
    foundAt = found
    for other in OutputStream.allCases where begins[other] == nil {
      // Of a stream that has none of the lines there is nothing to look for.
      if !isSeen[other] || found - start > Self.lookBack { begins[other] = start }
    }
  }

  /// Where the oldest line of each stream begins, when no record before `start` can be found.
  func beginnings(notBefore start: Int) -> PerStream<Int> {
    var result = PerStream(start)
    for stream in OutputStream.allCases { result[stream] = begins[stream] ?? start }
    return result
  }
}
