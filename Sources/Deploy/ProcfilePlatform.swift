/// A program that reads Procfiles, and how: the table of `oneoff lint`.
///
/// Each is as of the version that docs/lint.md names, in a UTF-8 locale.
public enum ProcfilePlatform: String, Sendable, Hashable, CaseIterable {
  case foreman, honcho, goreman, overmind
  case nodeForeman = "node-foreman"
  case procfileUtil = "procfile-util"
  /// Heroku's buildpack for Procfiles.
  case heroku
  case herokuish

  /// Its rules, as far as they are not foreman's.
  var dialect: ProcfileDialect {
    var rules = ProcfileDialect()
    switch self {
    case .foreman: break
    case .honcho:
      rules.lineEnd = .unicode
      rules.blanks = .python
      rules.duplicate = .error
    case .goreman:
      rules.lineEnd = .lineFeed
      rules.needsUTF8 = false
      rules.name = .trimmed
      rules.comment = .afterBlanks
      rules.commandTrim = .unicode
      rules.emptyCommand = .entry
      rules.needsEntries = true
    case .overmind:
      rules.needsUTF8 = false
      rules.needsBlank = true
      rules.blanks = .go
      rules.duplicate = .error
      rules.needsEntries = true
    case .nodeForeman:
      rules.lineEnd = .lineFeed
      rules.needsUTF8 = false
      rules.comment = .inFirstColumn
      rules.matchesInside = true
      rules.blanks = .javaScript
      rules.commandTrim = .javaScript
      rules.otherLine = .crash
      rules.emptyCommand = .crash
      rules.duplicate = .last
    case .procfileUtil:
      rules.lineEnd = .anyCarriageReturn
      rules.needsUTF8 = false
      rules.lineTrim = .unicode
      rules.comment = .orSlashes
      rules.blanks = .go
      rules.commandTrim = .unicode
      rules.cutsComments = true
      rules.otherLine = .error
      rules.emptyCommand = .error
      rules.duplicate = .error
      rules.longestName = 63
      rules.longestLine = 65_535
      rules.needsEntries = true
    case .heroku:
      rules.comment = .afterBlanks
      rules.name = .label
      rules.blanks = .spaceAndTab
      rules.otherLine = .error
      rules.emptyCommand = .error
      rules.duplicate = .last
      rules.longestName = 63
    case .herokuish:
      rules.lineEnd = .lineFeed
      rules.needsUTF8 = false
      rules.lineTrim = .spaceAndTab
      rules.comment = .afterBlanks
      rules.name = .anything
      rules.blanks = .none
      rules.emptyCommand = .entry
      rules.duplicate = .first
    }
    return rules
  }
}

/// How a platform reads a Procfile. The values that are given here are foreman's.
struct ProcfileDialect: Sendable {
  enum LineEnd: Sendable {
    /// LF; a CR before it is part of the line.
    case lineFeed
    /// LF, or CR LF.
    case carriageReturnAndLineFeed
    /// The same, and a CR at the end of the file.
    case anyCarriageReturn
    /// Whatever Unicode and ASCII have for it.
    case unicode
  }
  enum Comment: Sendable {
    /// A line with `#` is no entry, as any other that is not matched.
    case unknown
    /// `#` begins one, in the first column.
    case inFirstColumn
    /// Also after blanks.
    case afterBlanks
    /// Also after blanks, and `//` too.
    case orSlashes
  }
  enum Name: Sendable {
    /// `[A-Za-z0-9_-]+`, right before the colon.
    case word
    /// What stands before the first colon, without the blanks around it.
    case trimmed
    /// What stands before the first colon.
    case anything
    /// A DNS label, once capitals, underscores and blanks before it are mended.
    case label
  }
  /// What becomes of a line.
  enum Outcome: Sendable {
    case ignored, entry, error, crash
  }
  enum Duplicate: Sendable {
    case both, first, last, error
  }

  var lineEnd = LineEnd.carriageReturnAndLineFeed
  /// Whether nothing of a file is read that is not UTF-8, be it in a comment.
  var needsUTF8 = true
  /// What is taken off both ends of a line.
  var lineTrim = BlankSet.none
  var comment = Comment.unknown
  var name = Name.word
  /// Whether an entry may begin after a line separator within the line.
  var matchesInside = false
  /// Whether a blank must follow the colon.
  var needsBlank = false
  /// What is skipped after the colon.
  var blanks = BlankSet.ruby
  /// What is taken off both ends of a command.
  var commandTrim = BlankSet.none
  /// Whether ` #` and ` //` end a command.
  var cutsComments = false
  /// What becomes of a line that is neither entry nor comment.
  var otherLine = Outcome.ignored
  /// What becomes of an entry without a command.
  var emptyCommand = Outcome.ignored
  var duplicate = Duplicate.both
  var longestName: Int?
  /// In bytes, without the line feed.
  var longestLine: Int?
  /// Whether a file without entries is an error.
  var needsEntries = false
}

/// What a platform's language takes for blanks.
enum BlankSet: Sendable {
  case none, spaceAndTab, ruby, go, unicode, python, javaScript

  var isUnicode: Bool { self == .unicode || self == .python || self == .javaScript }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    switch self {
    case .none: false
    case .spaceAndTab: scalar == " " || scalar == "\t"
    case .ruby: scalar == " " || (9...13).contains(scalar.value)
    case .go: scalar == " " || (9...13).contains(scalar.value) && scalar.value != 11
    case .unicode: scalar.properties.isWhitespace
    case .python: scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
    case .javaScript:
      scalar.properties.isWhitespace && scalar.value != 0x85 || scalar.value == 0xfeff
    }
  }
}
