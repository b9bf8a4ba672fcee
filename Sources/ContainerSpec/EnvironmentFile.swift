/// Files of `NAME=VALUE` lines as dotenv libraries read them.
///
/// - `#` starts a comment at the start of a line and after a blank; `export ` may precede a name.
/// - `'…'` is taken literally; in `"…"` the escapes are `\n \r \t \" \\ \$`; both may span lines.
/// - Everything else is taken as it stands, without the blanks around it. Nothing is expanded and
///   no command is run.
/// - A byte order mark and CRLF line ends are accepted; in values, line ends become LF.
public enum EnvironmentFile {
  /// The most bytes that a file can have: 1 MiB.
  public static let maximumSize = 1 << 20
  /// The most bytes of a value.
  public static let maximumValue = 32_768

  /// Reads the variables of a file, in order and with their duplicates.
  ///
  /// - Throws: ``SpecError`` that begins with `fileName:line:column`, and never shows a value.
  public static func parse(
    _ bytes: [UInt8], fileName: String
  ) throws(SpecError) -> [EnvironmentVariable] {
    guard bytes.count <= maximumSize else {
      throw SpecError(
        "\(fileName) is larger than 1 MiB", remedy: "name a file of NAME=VALUE lines")
    }
    var reader = EnvironmentFileReader(bytes: bytes, fileName: fileName)
    var variables: [EnvironmentVariable] = []
    while let variable = try reader.next() {
      variables.append(variable)
      guard variables.count <= RunSpec.maximumVariables else {
        throw SpecError(
          "\(fileName) has more than \(RunSpec.maximumVariables) variables",
          remedy: "check that it is the right file")
      }
    }
    return variables
  }
}

/// Reads one variable after the other.
private struct EnvironmentFileReader {
  private let bytes: [UInt8]
  private let fileName: String
  private var position: Int

  init(bytes: [UInt8], fileName: String) {
    self.bytes = bytes
    self.fileName = fileName
    position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
  }

  mutating func next() throws(SpecError) -> EnvironmentVariable? {
    skipBlankLinesAndComments()
    guard position < bytes.count else { return nil }
    let name = try readName()
    let start = position
    let value = try readValue(of: name)
    guard value.count <= EnvironmentFile.maximumValue else {
      throw error(
        at: start, "the value of \(name) has \(value.count) bytes",
        remedy: "use at most \(EnvironmentFile.maximumValue), or put it into a file that the "
          + "command reads")
    }
    guard !value.contains(0) else {
      throw error(
        at: start, "the value of \(name) contains a NUL byte",
        remedy: "remove it; the kernel cannot pass it on")
    }
    return try EnvironmentVariable(
      name: name, value: ByteString(bytes: value, subject: "the value of \(name)"))
  }

  private mutating func skipBlankLinesAndComments() {
    while let byte = current {
      if byte == UInt8(ascii: "#") {
        skipLine()
      } else if byte.isBlank || byte.isLineEnd {
        position += 1
      } else {
        return
      }
    }
  }

  private mutating func readName() throws(SpecError) -> String {
    var start = position
    var word = readWord()
    if word.elementsEqual("export".utf8), let byte = current, byte.isBlank {
      skipBlanks()
      start = position
      word = readWord()
    }
    let name = String(decoding: word, as: UTF8.self)
    guard let first = word.first, !first.isDigit else {
      throw error(
        at: start, "a variable's name is missing",
        remedy: "write NAME=VALUE; names are [A-Za-z_][A-Za-z0-9_]*")
    }
    guard word.count <= 64 else {
      throw error(
        at: start, "the name \(String(quoting: word)) has \(word.count) bytes",
        remedy: "use at most 64")
    }
    skipBlanks()
    guard current == UInt8(ascii: "=") else {
      throw error(
        at: position, "expected '=' after \(String(quoting: name))",
        remedy: "write NAME=VALUE, or put # before a comment")
    }
    position += 1
    return name
  }

  private mutating func readValue(of name: String) throws(SpecError) -> [UInt8] {
    let afterEquals = position
    skipBlanks()
    switch current {
    case UInt8(ascii: "'"): return try readQuoted(by: UInt8(ascii: "'"), name: name)
    case UInt8(ascii: "\""): return try readQuoted(by: UInt8(ascii: "\""), name: name)
    default: return readUnquoted(from: afterEquals)
    }
  }

  private mutating func readUnquoted(from start: Int) -> [UInt8] {
    var end = start
    position = start
    while let byte = current, byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "#"), position > start, bytes[position - 1].isBlank { break }
      position += 1
      if !byte.isBlank, !byte.isLineEnd { end = position }
    }
    skipLine()
    return Array(bytes[start..<end].drop(while: \.isBlank))
  }

  private mutating func readQuoted(by quote: UInt8, name: String) throws(SpecError) -> [UInt8] {
    let start = position
    var value: [UInt8] = []
    position += 1
    while let byte = current {
      position += 1
      if byte == quote {
        try expectLineEnd(after: name)
        return value
      } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""),
        let meaning = current?.escapeMeaning
      {
        position += 1
        value.append(meaning)
      } else if byte != UInt8(ascii: "\r") || current != UInt8(ascii: "\n") {
        value.append(byte)
      }
    }
    throw error(
      at: start, "the quote that begins the value of \(name) is never closed",
      remedy: "close it, or put a backslash before a \" that is part of the value")
  }

  private mutating func expectLineEnd(after name: String) throws(SpecError) {
    let afterQuote = position
    skipBlanks()
    let isComment = current == UInt8(ascii: "#") && position > afterQuote
    guard isComment || current?.isLineEnd ?? true else {
      throw error(
        at: position, "unexpected text after the quoted value of \(name)",
        remedy: "put the whole value into one pair of quotes")
    }
    skipLine()
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func readWord() -> ArraySlice<UInt8> {
    let start = position
    while let byte = current, byte.isAlphanumeric || byte == UInt8(ascii: "_") {
      position += 1
    }
    return bytes[start..<position]
  }

  private mutating func skipBlanks() {
    while let byte = current, byte.isBlank {
      position += 1
    }
  }

  private mutating func skipLine() {
    while let byte = current {
      position += 1
      if byte == UInt8(ascii: "\n") { return }
    }
  }

  private func error(at offset: Int, _ message: String, remedy: String) -> SpecError {
    let place = TextPosition(of: offset, in: bytes)
    return SpecError("\(fileName):\(place.line):\(place.column): \(message)", remedy: remedy)
  }
}

extension UInt8 {
  fileprivate var isLineEnd: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }

  /// What the byte means after a backslash in double quotes.
  fileprivate var escapeMeaning: UInt8? {
    switch self {
    case UInt8(ascii: "n"): UInt8(ascii: "\n")
    case UInt8(ascii: "r"): UInt8(ascii: "\r")
    case UInt8(ascii: "t"): UInt8(ascii: "\t")
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "$"): self
    default: nil
    }
  }
}
