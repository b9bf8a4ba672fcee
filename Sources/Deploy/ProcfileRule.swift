/// What `oneoff lint` looks for in a Procfile; the raw value is its code in the JSON.
public enum ProcfileRule: String, Sendable, Hashable, CaseIterable {
  // Of the whole file.
  case tooLarge = "too-large"
  case empty
  case noEntries = "no-entries"
  case byteOrderMark = "byte-order-mark"
  case carriageReturns = "carriage-returns"

  // Lines that are not text.
  case controlCharacter = "control-character"
  case notUTF8 = "not-utf8"

  // Lines that are no entries.
  case leadingBlank = "leading-blank"
  case noName = "no-name"
  case longName = "long-name"
  case blankBeforeColon = "blank-before-colon"
  case noColon = "no-colon"
  case noCommand = "no-command"
  case continuation
  case duplicate

  // Lines that are entries, comments or blank, and that some platforms read differently.
  case noSpace = "no-space"
  case commentInCommand = "comment-in-command"
  case slashesInCommand = "slashes-in-command"
  case nameIsNoLabel = "name-is-no-label"
  case blankAroundCommand = "blank-around-command"
  case lineSeparator = "line-separator"
  case longLine = "long-line"
  case indentedComment = "indented-comment"
  case commentNotUTF8 = "comment-not-utf8"
  case blanksOnly = "blanks-only"
  case otherReading = "other-reading"

  // Of oneoff itself: names that are nearly a phase's.
  case wrongName = "wrong-name"
  case similarName = "similar-name"

  /// What kind of fault it is.
  var kind: Procfile.Diagnostic.Kind {
    switch self {
    case .tooLarge, .empty, .controlCharacter, .notUTF8: .notText
    case .leadingBlank, .noName, .longName, .blankBeforeColon, .noColon, .noCommand, .continuation:
      .malformed
    case .duplicate: .duplicate
    case .noEntries, .byteOrderMark, .carriageReturns, .noSpace, .commentInCommand,
      .slashesInCommand, .nameIsNoLabel, .blankAroundCommand, .lineSeparator, .longLine,
      .indentedComment, .commentNotUTF8, .blanksOnly, .otherReading, .wrongName, .similarName:
      .portability
    }
  }

  /// Whether oneoff does not take the line, or the file: of a wrong name, when that phase is to
  /// run.
  public var isError: Bool { kind != .portability || self == .wrongName }

  /// Whether it can be the reason why a platform reads a line that is fine differently.
  func explains(_ dialect: ProcfileDialect) -> Bool {
    switch self {
    case .byteOrderMark, .carriageReturns, .otherReading: true
    case .noSpace: dialect.needsBlank
    case .commentInCommand, .slashesInCommand: dialect.cutsComments
    case .nameIsNoLabel: dialect.name == .label
    case .blankAroundCommand: dialect.blanks.isUnicode || dialect.commandTrim.isUnicode
    case .lineSeparator: dialect.lineEnd == .unicode || dialect.matchesInside
    case .longLine: dialect.longestLine != nil
    case .indentedComment, .blanksOnly: dialect.otherLine != .ignored
    case .commentNotUTF8: dialect.needsUTF8
    default: false
    }
  }
}
