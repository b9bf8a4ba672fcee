/// Rows of words for people, one column below the other.
struct TextTable {
  /// The rows, the headings first; all of the same length.
  let rows: [[String]]

  /// The table; its lines are cut to so many columns, unless nil.
  func text(columns: Int?) -> String {
    let last = (rows.first?.count ?? 1) - 1
    let widths = (0..<last).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      var line = (cells + [row[last]]).joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      guard let columns, line.count > columns else { return line + "\n" }
      return line.prefix(columns - 1) + "…\n"
    }.joined()
  }
}
