import ContainerSpec

/// Reads a Procfile line by line, to its end whatever it finds.
struct ProcfileReader {
  private(set) var entries: [Procfile.Entry] = []
  private(set) var diagnostics: [Procfile.Diagnostic] = []
  private var lineNumber = 0
  /// The line that named something first.
  private var firstLines: [String: Int] = [:]

  mutating func read(_ bytes: [UInt8]) {
    var text = bytes[...]
    if bytes.starts(with: Procfile.byteOrderMark) {
      text = text.dropFirst(Procfile.byteOrderMark.count)
      lineNumber = 1
      report(
        .byteOrderMark, at: 0, in: [], "the file starts with a byte order mark",
        remedy: "save it as UTF-8 without one; some platforms lose the first entry")
    }
    lineNumber = 0
    var hasSeenCarriageReturn = false
    for var line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      lineNumber += 1
      if line.last == UInt8(ascii: "\r") {
        line.removeLast()
        if !hasSeenCarriageReturn {
          report(
            .carriageReturns, at: line.count, in: line, "the lines end with CR LF",
            remedy: "save it with LF; some platforms keep the CR in the command")
        }
        hasSeenCarriageReturn = true
      }
      readLine(line)
    }
  }

  private mutating func readLine(_ line: ArraySlice<UInt8>) {
    if let index = line.firstIndex(where: \.isControl) {
      report(
        .controlCharacter, at: index - line.startIndex, in: line,
        "the Procfile contains the control character \(line[index])", remedy: Self.textRemedy)
      return
    }
    guard let first = line.first(where: { !$0.isBlank }), first != UInt8(ascii: "#") else { return }
    guard String(validating: line, as: UTF8.self) != nil else {
      report(.notUTF8, at: 0, in: line, "the Procfile is not UTF-8", remedy: Self.textRemedy)
      return
    }
    guard let (name, bytes) = readEntry(line),
      let command = try? ByteString(bytes: Array(bytes), subject: "a command")
    else { return }
    add(name: name, command: command, at: bytes.startIndex..<bytes.endIndex, line: line)
  }

  private static let nameRemedy =
    "write 'name: command' from the first column on; names are of A-Z a-z 0-9 _ -"
  private static let textRemedy = "save it as plain UTF-8 text"

  /// Splits a line into name and command, or reports why it is no entry.
  private mutating func readEntry(
    _ line: ArraySlice<UInt8>
  ) -> (name: ArraySlice<UInt8>, command: ArraySlice<UInt8>)? {
    let name = line.prefix(while: \.isProcfileNameByte)
    let rest = line.dropFirst(name.count)
    guard !name.isEmpty else {
      let isIndented = line.first?.isBlank ?? false
      report(
        isIndented ? .leadingBlank : .noName, at: 0, in: line,
        isIndented ? "a blank stands before the name" : "a line cannot start with this character",
        remedy: Self.nameRemedy)
      return nil
    }
    guard rest.first == UInt8(ascii: ":") else {
      let isBlankBefore = rest.first { !$0.isBlank } == UInt8(ascii: ":")
      if let next = rest.first, !next.isBlank, rest.contains(UInt8(ascii: ":")) {
        report(
          .noColon, at: name.count, in: line, "a name cannot have this character",
          remedy: Self.nameRemedy)
        return nil
      }
      report(
        isBlankBefore ? .blankBeforeColon : .noColon, at: name.count, in: line,
        "expected ':' right after \(String(quoting: name))",
        remedy: "write '\(String(decoding: name, as: UTF8.self)): command'")
      return nil
    }
    guard name.count <= Procfile.maximumNameLength else {
      report(
        .longName, at: 0, in: line, "the name has \(name.count) characters",
        remedy: "use at most \(Procfile.maximumNameLength)")
      return nil
    }
    let command = rest.dropFirst().trimmed
    guard let first = command.first, first != UInt8(ascii: "#") else {
      report(
        .noCommand, at: name.count + 1, in: line,
        "there is no command after '\(String(decoding: name, as: UTF8.self)):'",
        remedy: "write the command on the same line, or remove the line")
      return nil
    }
    let backslashes = command.reversed().prefix { $0 == UInt8(ascii: "\\") }.count
    guard backslashes.isMultiple(of: 2) else {
      report(
        .continuation, at: command.endIndex - line.startIndex - 1, in: line,
        "a command cannot go on in the next line",
        remedy: "write it on one line, or put it into a script")
      return nil
    }
    return (name, command)
  }

  private mutating func add(
    name: ArraySlice<UInt8>, command: ByteString, at range: Range<Int>, line: ArraySlice<UInt8>
  ) {
    let entry = Procfile.Entry(
      name: String(decoding: name, as: UTF8.self), command: command,
      position: TextPosition(line: lineNumber, column: 1))
    if let earlier = firstLines[entry.name] {
      report(
        .duplicate, at: 0, in: line, "line \(earlier) names '\(entry.name)' already",
        remedy: "keep one of the two; platforms disagree on which one counts")
    } else {
      firstLines[entry.name] = lineNumber
    }
    if range.lowerBound == name.endIndex + 1 {
      report(
        .noSpace, at: name.count + 1, in: line, "no space follows the colon",
        remedy: "add one; overmind ignores the line without it")
    }
    if let index = range.first(where: {
      line[$0] == UInt8(ascii: "#") && line[$0 - 1].isBlank
    }) {
      report(
        .commentInCommand, at: index - line.startIndex, in: line,
        "' #' is part of the command here, but ends it on some platforms",
        remedy: "put comments on lines of their own")
    }
    entries.append(entry)
  }

  private mutating func report(
    _ rule: ProcfileRule, at offset: Int, in line: ArraySlice<UInt8>,
    _ message: String, remedy: String
  ) {
    let beforeColon = line.prefix { $0 != UInt8(ascii: ":") }
    let words = beforeColon.split { $0.isBlank || $0 == UInt8(ascii: "=") }.prefix(2)
    diagnostics.append(
      Procfile.Diagnostic(
        rule: rule, position: position(of: offset, in: line), message: message, remedy: remedy,
        line: line.shown, words: words.map(Array.init)))
  }

  private func position(of offset: Int, in line: ArraySlice<UInt8>) -> TextPosition {
    let characters = line.prefix(offset).count { $0 & 0xc0 != 0x80 }
    return TextPosition(line: lineNumber, column: characters + 1)
  }
}

extension UInt8 {
  /// Whether it is an ASCII control character that text lines do not have.
  fileprivate var isControl: Bool { (self < 0x20 && self != UInt8(ascii: "\t")) || self == 0x7f }
}

extension ArraySlice<UInt8> {
  /// Without the blanks at both ends.
  fileprivate var trimmed: ArraySlice<UInt8> {
    let start = drop(while: \.isBlank)
    return start.dropLast(start.reversed().prefix(while: \.isBlank).count)
  }

  /// As text for a message, one column a character.
  var shown: String {
    var text = ""
    for scalar in String(decoding: self, as: UTF8.self).unicodeScalars {
      text.unicodeScalars.append(scalar == "\t" ? " " : scalar.isHarmless ? scalar : "\u{FFFD}")
    }
    return text
  }
}
