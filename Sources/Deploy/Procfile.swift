public import ContainerSpec
public import SystemPackage

/// An app's Procfile: lines of `name: command`, and what is wrong with other lines.
///
/// Readers of this format differ, and most skip a line that they do not understand; so can a slip
/// switch a migration off in silence. This one takes what is unambiguous, keeps a ``Diagnostic`` of
/// everything else, and refuses to look a phase up that one of them concerns.
public struct Procfile: Sendable, Hashable {
  /// A line that names a command.
  public struct Entry: Sendable, Hashable {
    /// The name before the colon: 1 to 63 of `[A-Za-z0-9_-]`.
    public let name: String
    /// The command for the shell, unexpanded, without the blanks around it.
    public let command: ByteString
    /// Where it stands.
    public let position: TextPosition
  }

  /// Something in a line that is wrong, or that some platform reads differently.
  public struct Diagnostic: Sendable, Hashable {
    /// What kind of fault it is.
    public enum Kind: Sendable, Hashable {
      /// The line is no entry.
      case malformed
      /// The line names what an earlier one named.
      case duplicate
      /// The line is taken as it stands, but some platforms read it differently.
      case portability
      /// The line is not text, so that the file is not a Procfile.
      case notText
    }

    /// Which rule of `oneoff lint` it is.
    public let rule: ProcfileRule
    /// Where it is.
    public let position: TextPosition
    /// What it is.
    public let message: String
    /// What to do about it.
    public let remedy: String
    /// The line as text, its blanks and control characters as single spaces.
    public let line: String
    /// The words of the line that may be meant as an entry's name.
    let words: [[UInt8]]

    /// What kind of fault it is.
    public var kind: Kind { rule.kind }
  }

  /// The most bytes that a Procfile can have: 1 MiB.
  public static let maximumSize = 1 << 20
  /// The most bytes of an entry's name: the length of a DNS label, as other platforms have it.
  public static let maximumNameLength = 63

  /// Where the file was read.
  public let path: FilePath
  /// The lines that name a command, in order; of duplicates, all.
  public let entries: [Entry]
  /// What is wrong, in order.
  public let diagnostics: [Diagnostic]

  /// Reads a Procfile; `path` is where its bytes are from.
  ///
  /// - Throws: ``SpecError`` when it is blank, larger than 1 MiB, or not text: a control character
  ///   anywhere, or invalid UTF-8 outside of comments.
  public static func parse(
    _ bytes: [UInt8], path: FilePath
  ) throws(SpecError) -> Procfile {
    let shown = String(quoting: path.string)
    guard bytes.count <= maximumSize else {
      throw SpecError(
        "the Procfile \(shown) is larger than 1 MiB", remedy: "check that it is a Procfile")
    }
    guard !isBlank(bytes) else {
      throw SpecError("the Procfile \(shown) is empty", remedy: emptyRemedy)
    }
    var reader = ProcfileReader()
    reader.read(bytes)
    let file = Procfile(path: path, reader)
    if let fault = file.diagnostics.first(where: { $0.kind == .notText }) {
      throw SpecError("\(file.place(fault.position)): \(fault.message)", remedy: fault.remedy)
    }
    return file
  }

  /// What a reader has found in the file at `path`.
  init(path: FilePath, _ reader: ProcfileReader) {
    self.path = path
    (entries, diagnostics) = (reader.entries, reader.diagnostics)
  }

  /// Whether there is nothing but blanks in it.
  static func isBlank(_ bytes: [UInt8]) -> Bool {
    let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(3) : bytes[...]
    return text.allSatisfy { $0.isBlank || $0.isLineEnd }
  }

  static let emptyRemedy =
    "write lines of 'name: command', such as 'postdeploy: bundle exec rake db:migrate'"

  /// The entry of a phase, or nil when the file plainly has none.
  ///
  /// - Throws: ``SpecError`` with line, caret and remedy when a malformed or duplicate line, or one
  ///   whose name differs in case or punctuation only, seems to be meant for the phase.
  public func entry(for phase: Phase) throws(SpecError) -> Entry? {
    let fault = diagnostics.first { diagnostic in
      diagnostic.kind != .portability && diagnostic.words.contains(where: phase.resembles)
        || diagnostic.kind == .malformed && phase.begins(diagnostic.line)
    }
    if let fault {
      throw error(fault.message, at: fault.position, line: fault.line, remedy: fault.remedy)
    }
    if let entry = entries.first(where: { $0.name == phase.name }) { return entry }
    if let other = entries.first(where: { phase.resembles($0.name.utf8) }) {
      throw error(
        "the entry is named '\(other.name)', not '\(phase.name)'", at: other.position,
        line: "\(other.name): \(other.command)", remedy: "rename it to '\(phase.name)'")
    }
    return nil
  }

  /// The name of an entry that may be a slip of the phase's name.
  public func nearestName(to phase: Phase) -> String? {
    nearest(to: phase.name, in: entries.lazy.map(\.name))
  }

  private func error(
    _ message: String, at position: TextPosition, line: String, remedy: String
  ) -> SpecError {
    let text = line.prefix(100)
    let caret = String(repeating: " ", count: min(position.column - 1, text.count)) + "^"
    return SpecError(
      "\(place(position)): \(message)\n    \(text)\n    \(caret)", remedy: remedy)
  }

  /// `path:line:column`.
  private func place(_ position: TextPosition) -> String {
    "\(path.string.onOneLine):\(position.line):\(position.column)"
  }

  static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
}

extension UInt8 {
  /// Whether it ends a line: LF, or CR before it.
  var isLineEnd: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }
}
