/// What a platform makes of a line.
struct LineReading: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    var name: String
    var command: String
  }
  enum Failure: Sendable, Hashable {
    case error, crash
  }
  enum Repetition: Sendable, Hashable {
    case both, first, last
  }

  /// What it reads in the line; one entry as a rule.
  var entries: [Entry] = []
  /// How it gives the file up here.
  var failure: Failure?
  /// Which entry counts, where an earlier line has the name.
  var repetition: Repetition?
}

/// Reads lines as a platform does. After a failure it goes on: each line is judged on its own.
struct PlatformReader {
  typealias Line = ArraySlice<Unicode.Scalar>

  let dialect: ProcfileDialect
  private var names: Set<String> = []

  init(_ dialect: ProcfileDialect) { self.dialect = dialect }

  /// Reads a line, which has no line feed.
  mutating func read(_ line: ProcfileLine) -> LineReading {
    var result = LineReading()
    if dialect.needsUTF8, !line.isUTF8 {
      result.failure = .error
      return result
    }
    if let longest = dialect.longestLine, line.byteCount > longest {
      result.failure = .error
      return result
    }
    for piece in pieces(of: line) {
      switch readPiece(piece, isComplete: line.hasLineFeed) {
      case .nothing: break
      case .failure(let failure): result.failure = failure
      case .entry(let entry): add(entry, to: &result)
      }
      if result.failure != nil { break }
    }
    return result
  }

  private mutating func add(_ entry: LineReading.Entry, to result: inout LineReading) {
    guard !names.insert(entry.name).inserted else {
      result.entries.append(entry)
      return
    }
    switch dialect.duplicate {
    case .both:
      result.entries.append(entry)
      result.repetition = .both
    case .last:
      result.entries.append(entry)
      result.repetition = .last
    case .first: result.repetition = .first
    case .error: result.failure = .error
    }
  }

  private enum Piece {
    case nothing
    case entry(LineReading.Entry)
    case failure(LineReading.Failure)

    init(_ outcome: ProcfileDialect.Outcome) {
      switch outcome {
      case .error: self = .failure(.error)
      case .crash: self = .failure(.crash)
      case .ignored, .entry: self = .nothing
      }
    }
  }

  /// The lines that the platform sees in one of ours.
  private func pieces(of line: ProcfileLine) -> [Line] {
    let scalars = line.scalars[...]
    switch dialect.lineEnd {
    case .lineFeed: return [scalars]
    case .unicode:
      return scalars.split(omittingEmptySubsequences: false) { $0.endsLineInPython }
    case .carriageReturnAndLineFeed, .anyCarriageReturn:
      let isEnd = line.hasLineFeed || dialect.lineEnd == .anyCarriageReturn
      return [isEnd && scalars.last == "\r" ? scalars.dropLast() : scalars]
    }
  }

  private func readPiece(_ piece: Line, isComplete: Bool) -> Piece {
    let line = piece.trimmed(dialect.lineTrim)
    if line.isEmpty || isComment(line) { return .nothing }
    switch dialect.name {
    case .word:
      guard dialect.matchesInside else { return readWord(line) }
      for start in line.indices
      where start == line.startIndex || line[start - 1].endsLineInJavaScript {
        if let colon = line[start...].wordEnd, colon < line.endIndex {
          return readCommand(line[(colon + 1)...], name: line[start..<colon])
        }
      }
      return Piece(dialect.otherLine)
    case .trimmed, .anything:
      guard let colon = line.firstIndex(of: ":") else { return Piece(dialect.otherLine) }
      let name = dialect.name == .trimmed ? line[..<colon].trimmed(.unicode) : line[..<colon]
      if dialect.name == .trimmed, name.isEmpty || name.first == "#" { return .nothing }
      return readCommand(line[(colon + 1)...], name: name)
    case .label: return readLabel(line, isComplete: isComplete)
    }
  }

  private func isComment(_ line: Line) -> Bool {
    switch dialect.comment {
    case .unknown: false
    case .inFirstColumn: line.first == "#"
    case .afterBlanks:
      line.first { !BlankSet.spaceAndTab.contains($0) } == "#"
        // A carriage return must be the line's end, in comments too.
        && !(dialect.name == .label && line.contains("\r"))
    case .orSlashes: line.first == "#" || line.starts(with: "//".unicodeScalars)
    }
  }

  private func readWord(_ line: Line) -> Piece {
    guard let colon = line.wordEnd else { return Piece(dialect.otherLine) }
    return readCommand(line[(colon + 1)...], name: line[..<colon])
  }

  private func readLabel(_ line: Line, isComplete: Bool) -> Piece {
    let text = line.drop(while: BlankSet.spaceAndTab.contains)
    if text.isEmpty, isComplete { return .nothing }
    guard let colon = text.firstIndex(of: ":"), !text.contains("\r") else {
      return Piece(dialect.otherLine)
    }
    let name = text[..<colon].map { $0 == "_" ? "-" : $0.lowercasedASCII }
    guard name.isLabel else { return Piece(dialect.otherLine) }
    return readCommand(text[(colon + 1)...], name: name[...])
  }

  private func readCommand(_ rest: Line, name: Line) -> Piece {
    let blanks = rest.prefix(while: dialect.blanks.contains)
    var command = rest[blanks.endIndex...]
    if dialect.needsBlank, blanks.isEmpty { return Piece(dialect.otherLine) }
    if dialect.matchesInside {
      command = command.prefix { !$0.endsLineInJavaScript }
    } else if command.isEmpty, dialect.emptyCommand == .ignored {
      // What matches blanks gives the last one back to what matches the command.
      guard blanks.count > (dialect.needsBlank ? 1 : 0) else { return Piece(dialect.otherLine) }
      command = blanks.suffix(1)
    }
    if let longest = dialect.longestName, name.count > longest { return Piece(dialect.otherLine) }
    if dialect.cutsComments {
      command = command.beforeLast("#") ?? command.beforeLast("//") ?? command
    }
    command = command.trimmed(dialect.commandTrim)
    if command.isEmpty || dialect.cutsComments && isComment(command),
      dialect.emptyCommand != .entry
    {
      return Piece(dialect.emptyCommand)
    }
    return .entry(.init(name: name.text, command: command.text))
  }
}

/// A line of a Procfile, as it stands in the file.
struct ProcfileLine {
  let scalars: [Unicode.Scalar]
  let byteCount: Int
  let isUTF8: Bool
  /// Whether a line feed ends it, and not the file.
  let hasLineFeed: Bool

  init(_ bytes: ArraySlice<UInt8>, hasLineFeed: Bool) {
    scalars = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
    byteCount = bytes.count
    isUTF8 = String(validating: bytes, as: UTF8.self) != nil
    self.hasLineFeed = hasLineFeed
  }
}

extension Unicode.Scalar {
  /// Whether Python's `splitlines` ends a line here.
  var endsLineInPython: Bool {
    switch value {
    case 10...13, 0x1c...0x1e, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// Whether JavaScript's multi-line expressions end a line here.
  fileprivate var endsLineInJavaScript: Bool {
    self == "\n" || self == "\r" || value == 0x2028 || value == 0x2029
  }

  fileprivate var lowercasedASCII: Unicode.Scalar {
    ("A"..."Z").contains(self) ? Unicode.Scalar(UInt8(value) | 0x20) : self
  }

  fileprivate var isProcfileName: Bool { isASCII && UInt8(value).isProcfileNameByte }

  /// Whether it can be in a DNS label, but for its ends where `-` cannot.
  var isLabelScalar: Bool {
    ("a"..."z").contains(self) || ("0"..."9").contains(self) || self == "-"
  }
}

extension Sequence<Unicode.Scalar> {
  var text: String { String(String.UnicodeScalarView(self)) }
}

extension Collection<Unicode.Scalar> {
  /// Whether it is a DNS label, of whatever length.
  fileprivate var isLabel: Bool {
    allSatisfy(\.isLabelScalar) && !isEmpty && first != "-" && dropFirst(count - 1).first != "-"
  }
}

extension ArraySlice<Unicode.Scalar> {
  func trimmed(_ blanks: BlankSet) -> Self {
    let start = drop(while: blanks.contains)
    return start.dropLast(start.reversed().prefix(while: blanks.contains).count)
  }

  /// Where the colon is that follows a word at the beginning.
  fileprivate var wordEnd: Int? {
    let word = prefix(while: \.isProcfileName)
    return !word.isEmpty && word.endIndex < endIndex && self[word.endIndex] == ":"
      ? word.endIndex : nil
  }

  /// What comes before the last blank that `mark` and a character follow.
  fileprivate func beforeLast(_ mark: String) -> Self? {
    let length = mark.unicodeScalars.count
    let index = indices.last {
      BlankSet.go.contains(self[$0]) && $0 + 1 + length < endIndex
        && self[($0 + 1)...].starts(with: mark.unicodeScalars)
    }
    return index.map { self[..<$0] }
  }
}
