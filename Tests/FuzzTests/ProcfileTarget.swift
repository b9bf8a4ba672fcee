import ContainerSpec
import Deploy
import SystemPackage

extension FuzzTarget {
  /// A Procfile, the phase `postdeploy` in it, and what `oneoff lint` says of it.
  static let procfile = FuzzTarget(name: "procfile") { bytes in
    let path: FilePath = "/app/Procfile"
    try checkReport(on: bytes, path: path)
    guard let file = try? Procfile.parse(bytes, path: path) else { return }
    let text = Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...])
    try checkPlaces(file, in: text.lines)
    try checkPrinted(file)
    try checkPhase(in: file, lines: text.lines)
    if !bytes.contains(13) {
      let converted = try Procfile.parse(bytes.withCarriageReturns, path: path)
      try hold(converted.entries == file.entries, "the same entries with CR LF")
    }
  }

  /// Whether every line is taken, and no name is refused for being nearly that of a phase.
  private static func takes(_ file: Procfile) -> Bool {
    guard file.diagnostics.allSatisfy({ $0.kind == .portability }) else { return false }
    do {
      for phase in [Phase.postdeploy, .firstDeploy, .prPredestroy, .release] {
        _ = try file.entry(for: phase)
      }
      return true
    } catch {
      return false
    }
  }

  /// Findings lie in the file, and name whoever reads it differently, and nobody else.
  private static func checkReport(on bytes: [UInt8], path: FilePath) throws {
    let report = ProcfileReport(on: bytes, path: path)
    let file = try? Procfile.parse(bytes, path: path)
    try hold((file != nil) || report.errorCount > 0, "what is no Procfile is an error")
    let isTaken = file.map { takes($0) } ?? false
    try hold(isTaken == (report.errorCount == 0), "what the reader refuses is an error")
    if let file { try hold(report.entries == file.entries, "the same entries") }
    let lines = Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...])
      .lines
    for finding in report.findings {
      let (line, column) = (finding.position.line, finding.position.column)
      try hold((1...max(1, lines.count)).contains(line), "a finding has a line of the file")
      let length = lines.isEmpty ? 0 : lines[line - 1].count
      try hold((1...length + 1).contains(column), "a finding has a column")
      try hold(finding.line.unicodeScalars.allSatisfy(\.isHarmless), "a line is shown harmless")
      try hold(!finding.remedy.isEmpty, "a finding says what to do")
      for phrase in finding.readings.values {
        try hold(phrase.singular.unicodeScalars.allSatisfy(\.isHarmless), "names are harmless")
      }
    }
    guard report.omittedCount == 0 else { return }
    let isRefused = report.findings.contains { $0.rule.isError && $0.rule != .wrongName }
    for platform in ProcfilePlatform.allCases {
      let isNamed = report.findings.contains { $0.readings[platform] != nil }
      let isDifferent = isRefused || differs(platform.reading(of: bytes), from: report)
      try hold(isNamed == isDifferent, "\(platform) is named where it reads something else")
    }
  }

  private static func differs(
    _ reading: ProcfilePlatform.Reading, from report: ProcfileReport
  ) -> Bool {
    let own = report.entries.map { [Array($0.name.utf8), $0.command.bytes] }
    let blanks: [UInt8] = [32, 9]
    return reading.isFailure
      || own
        != reading.entries.map { name, command in
          let start = command.utf8.drop(while: blanks.contains)
          return [Array(name.utf8), start.reversed().drop(while: blanks.contains).reversed()]
        }
  }

  private static func checkPlaces(_ file: Procfile, in lines: [[UInt8]]) throws {
    for entry in file.entries {
      try hold((1...lines.count).contains(entry.position.line), "an entry has a line of the file")
      let start = Array("\(entry.name):".utf8)
      let line = lines[entry.position.line - 1]
      try hold(line.starts(with: start), "an entry's line begins with its name")
      let command = line.dropFirst(start.count).drop { $0 == 32 || $0 == 9 }
      try hold(command.starts(with: entry.command.bytes), "a command stands in its line")
      try hold(!entry.command.bytes.contains { $0 < 32 && $0 != 9 }, "a command is one line")
    }
    for diagnostic in file.diagnostics {
      let (line, column) = (diagnostic.position.line, diagnostic.position.column)
      // A last line without text has no place in `lines`, and nothing to complain of.
      try hold((1...lines.count).contains(line), "a diagnostic has a line of the file")
      try hold((1...lines[line - 1].count + 1).contains(column), "a diagnostic has a column")
      try hold(diagnostic.line.unicodeScalars.allSatisfy(\.isHarmless), "a line is shown harmless")
    }
  }

  /// What was read is read again from entries that are printed plainly.
  private static func checkPrinted(_ file: Procfile) throws {
    guard !file.entries.isEmpty else { return }
    var printed: [UInt8] = []
    for entry in file.entries {
      printed += Array("\(entry.name): ".utf8) + entry.command.bytes + [10]
    }
    for entry in file.entries.prefix(3) {
      let phase = try Phase(parsing: ByteString(entry.name))
      try hold(
        file.nearestName(to: phase)?.lowercased() == entry.name.lowercased(),
        "an entry can be asked for by its name")
    }
    let again = try Procfile.parse(printed, path: file.path)
    try hold(
      again.entries.map(\.name) == file.entries.map(\.name)
        && again.entries.map(\.command) == file.entries.map(\.command), "print and read again")
    try hold(
      !again.diagnostics.contains { $0.kind == .malformed }, "what is printed is well formed")
  }

  /// A line that is meant for the phase is never passed over in silence: one that names it, and one
  /// that is no entry and begins with its name, whatever stands between and after the letters.
  private static func checkPhase(in file: Procfile, lines: [[UInt8]]) throws {
    let entryLines = Set(file.entries.map(\.position.line))
    let meant = lines.enumerated().contains { index, line in
      entryLines.contains(index + 1) ? names(line) : !isComment(line) && begins(line)
    }
    do {
      let entry = try file.entry(for: .postdeploy)
      try hold(!meant || entry != nil, "a line that is meant for the phase is an entry or an error")
      let candidates = file.entries.filter { $0.name == Phase.postdeploy.name }
      try hold(entry.map { [$0] } ?? [] == candidates, "the entry is the only one of its name")
    } catch let error as SpecError {
      try hold(error.remedy != nil, "an error says what to do")
      try hold(error.message.hasPrefix("/app/Procfile:"), "an error says where")
    }
  }

  /// Whether an entry has the phase's name.
  private static func names(_ line: [UInt8]) -> Bool {
    line.starts(with: Array("\(Phase.postdeploy.name):".utf8))
  }

  /// Whether the letters and digits before the colon begin with the phase's name, in either case.
  private static func begins(_ line: [UInt8]) -> Bool {
    let letters = line.prefix { $0 != UInt8(ascii: ":") }.compactMap { byte -> Character? in
      let character = Character(Unicode.Scalar(byte))
      return byte < 0x80 && (character.isLetter || character.isNumber) ? character : nil
    }
    return String(letters).lowercased().hasPrefix(Phase.postdeploy.name)
  }

  private static func isComment(_ line: [UInt8]) -> Bool {
    line.first { $0 != 32 && $0 != 9 } == UInt8(ascii: "#")
  }
}
