/// The candidate that `text` is most likely a slip of, or nil when none is close.
///
/// Close is at most one edit in three characters; an edit inserts, removes or replaces a byte, or
/// swaps two neighbours. Case does not count.
package func nearest(to text: String, in candidates: some Sequence<String>) -> String? {
  let word = text.utf8.map(\.lowercased)
  guard !word.isEmpty, word.count <= 64 else { return nil }
  var best: (candidate: String, distance: Int)?
  for candidate in candidates where candidate.utf8.count <= 64 {
    let other = candidate.utf8.map(\.lowercased)
    let distance = editDistance(word, other)
    let limit = max(1, max(word.count, other.count) / 3)
    if distance <= limit, distance < best?.distance ?? .max {
      best = (candidate, distance)
    }
  }
  return best?.candidate
}

/// The remedy `did you mean 'X'?` when a candidate is close, and otherwise `fallback`.
package func suggestion(
  for text: String, in candidates: some Sequence<String>, otherwise fallback: String
) -> String {
  nearest(to: text, in: candidates).map { "did you mean \(String(quoting: $0))?" } ?? fallback
}

/// The number of edits between two words (optimal string alignment).
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforePrevious = [Int](repeating: 0, count: right.count + 1)
  var previous = Array(0...right.count)
  for row in left.indices {
    var current = [row + 1]
    for column in right.indices {
      let isSame = left[row] == right[column]
      var distance = min(
        previous[column + 1] + 1, current[column] + 1, previous[column] + (isSame ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        distance = min(distance, beforePrevious[column - 1] + 1)
      }
      current.append(distance)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[right.count]
}
