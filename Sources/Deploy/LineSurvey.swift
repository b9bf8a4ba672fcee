import ContainerSpec

/// Compares line by line what platforms read with what we read.
///
/// Whether a platform reads a line differently is found by reading it as that platform does. The
/// rules only say why: each difference is told by the first rule that can explain it.
struct LineSurvey {
  typealias Finding = ProcfileReport.Finding

  private(set) var findings: [Finding] = []
  private(set) var omittedErrors = 0
  private(set) var omittedWarnings = 0
  private let entries: [Procfile.Entry]
  private let diagnostics: [Procfile.Diagnostic]
  private var nextEntry = 0
  private var nextDiagnostic = 0
  private var readers = ProcfilePlatform.allCases.map { ($0, PlatformReader($0.dialect)) }
  /// Where the finding about carriage returns is, once a platform minds them.
  private var returnsIndex: Int?

  init(_ reader: ProcfileReader) { (entries, diagnostics) = (reader.entries, reader.diagnostics) }

  mutating func survey(_ bytes: [UInt8]) {
    let hasMark = bytes.starts(with: Procfile.byteOrderMark)
    for (index, line) in ProcfileLines(bytes).enumerated() {
      survey(line, number: index + 1, hasMark: hasMark && index == 0)
    }
  }

  private mutating func survey(_ line: ProcfileLine, number: Int, hasMark: Bool) {
    var faults: [Procfile.Diagnostic] = []
    while nextDiagnostic < diagnostics.count,
      diagnostics[nextDiagnostic].position.line == number
    {
      faults.append(diagnostics[nextDiagnostic])
      nextDiagnostic += 1
    }
    var entry: Procfile.Entry?
    if nextEntry < entries.count, entries[nextEntry].position.line == number {
      entry = entries[nextEntry]
      nextEntry += 1
    }
    let error = faults.first { $0.rule.isError }
    let readings = readers.indices.map { (readers[$0].0, readers[$0].1.read(line)) }
    // Of a line that we refuse, whatever a platform does is told.
    let different = readings.filter { error != nil || !$0.1.agrees(with: entry) }
    guard error != nil || !different.isEmpty else { return }
    let known = error?.kind == .malformed || error?.kind == .notText ? nil : entry
    // What is only counted needs no words.
    let isKept = findings.count < ProcfileReport.maximumFindings || line.endsWithReturn
    let phrases = different.map {
      ($0.0, isKept ? PlatformPhrase($0.1, besides: known) : .noEntry)
    }
    let shown = line.shown(withoutMark: hasMark)
    if let error { add(Finding(error, line: shown), phrases) }
    // A refused line need not be told of twice, but what is left once it is mended is.
    var causes = faults.filter { $0.rule != .carriageReturns && !$0.rule.isError }.map {
      Finding($0, line: shown)
    }
    if error == nil { causes += line.causes(entry: entry, number: number, hasMark: hasMark) }
    explain(
      phrases, by: causes, hasReturn: line.endsWithReturn, shown: shown, number: number,
      isRefused: error != nil)
  }

  /// Files each phrase under the first cause that explains it.
  private mutating func explain(
    _ phrases: [(ProcfilePlatform, PlatformPhrase)], by causes: [Finding], hasReturn: Bool,
    shown: String, number: Int, isRefused: Bool
  ) {
    var causes = causes.sorted { Self.rank($0.rule) < Self.rank($1.rule) }
    let other = Finding(
      rule: .otherReading, position: TextPosition(line: number, column: 1),
      message: "some platforms read this line differently",
      remedy: "write entries as 'name: command', each name once", line: shown)
    if !isRefused { causes.append(other) }
    for (platform, phrase) in phrases {
      let index = causes.firstIndex {
        $0.rule != .otherReading && $0.rule.explains(platform.dialect)
      }
      if let index {
        causes[index].readings[platform] = phrase
      } else if hasReturn {
        addReturn(platform, phrase, shown: shown, isRefused: isRefused)
      } else if let last = causes.indices.last, !isRefused {
        causes[last].readings[platform] = phrase
      }
    }
    for cause in causes where !cause.readings.isEmpty {
      add(cause, cause.readings.map { ($0.key, $0.value) })
    }
  }

  /// Tells of carriage returns once for the file, at the first line that has one.
  private mutating func addReturn(
    _ platform: ProcfilePlatform, _ phrase: PlatformPhrase, shown: String, isRefused: Bool
  ) {
    guard !isRefused else { return }
    if let returnsIndex {
      findings[returnsIndex].readings[platform] =
        findings[returnsIndex].readings[platform] ?? phrase
    } else if let fault = diagnostics.first(where: { $0.rule == .carriageReturns }) {
      returnsIndex = findings.count
      findings.append(Finding(fault, line: fault.line))
      findings[findings.count - 1].readings[platform] = phrase
    }
  }

  private mutating func add(_ finding: Finding, _ phrases: [(ProcfilePlatform, PlatformPhrase)]) {
    guard findings.count < ProcfileReport.maximumFindings else {
      if finding.rule.isError { omittedErrors += 1 } else { omittedWarnings += 1 }
      return
    }
    findings.append(finding)
    for (platform, phrase) in phrases { findings[findings.count - 1].readings[platform] = phrase }
  }

  /// What concerns the whole line explains more than what concerns a part of it.
  private static func rank(_ rule: ProcfileRule) -> Int {
    switch rule {
    case .byteOrderMark: 0
    case .longLine, .commentNotUTF8: 1
    case .lineSeparator: 2
    default: 3
    }
  }
}

extension ProcfileReport.Finding {
  init(_ fault: Procfile.Diagnostic, line: String) {
    self.init(
      rule: fault.rule, position: fault.position, message: fault.message, remedy: fault.remedy,
      line: line)
  }
}

extension ProcfileLine {
  fileprivate var endsWithReturn: Bool { scalars.last == "\r" }

  /// The line as text, one column a character.
  func shown(withoutMark hasMark: Bool) -> String {
    let text = scalars.dropFirst(hasMark ? 1 : 0)
    return ArraySlice((text.last == "\r" ? text.dropLast() : text).text.utf8).shown
  }

  /// What there is in a line that we take and platforms may read differently, besides what the
  /// reader says.
  fileprivate func causes(
    entry: Procfile.Entry?, number: Int, hasMark: Bool
  ) -> [ProcfileReport.Finding] {
    let text = scalars.dropFirst(hasMark ? 1 : 0)
    let shown = shown(withoutMark: hasMark)
    var found: [ProcfileReport.Finding] = []
    func note(
      _ rule: ProcfileRule, at index: Int? = nil, _ message: String, remedy: String
    ) {
      found.append(
        .init(
          rule: rule,
          position: TextPosition(
            line: number, column: 1 + (index.map { $0 - text.startIndex } ?? 0)),
          message: message, remedy: remedy, line: shown))
    }
    if byteCount > 65_535 {
      note(.longLine, "the line has \(byteCount) bytes", remedy: "put the command into a script")
    }
    if let index = text.firstIndex(where: { $0.endsLineInPython && $0 != "\r" }) {
      note(
        .lineSeparator, at: index, "the line contains the line separator \(text[index].codePoint)",
        remedy: "replace it by a space or a line feed")
    }
    guard let entry else {
      let isBlank = text.allSatisfy { $0 == " " || $0 == "\t" || $0 == "\r" }
      if !isUTF8 {
        note(.commentNotUTF8, "the comment is not UTF-8", remedy: "save the file as UTF-8")
      } else if isBlank, text.contains(where: { $0 != "\r" }) {
        note(.blanksOnly, "the line consists of blanks", remedy: "remove the blanks")
      } else if !isBlank, text.first != "#" {
        note(.indentedComment, "blanks stand before the comment", remedy: "remove the blanks")
      }
      return found
    }
    let name = text.prefix(entry.name.utf8.count)
    if let index = name.firstNoLabel {
      note(
        .nameIsNoLabel, at: index, "the name '\(entry.name)' is no DNS label",
        remedy: "use a-z 0-9 and, between them, -")
    }
    let command = text[(name.endIndex + 1)...].trimmed(.spaceAndTab)
    if let index = command.indices.first(where: {
      text[$0] == "/" && $0 + 1 < command.endIndex && text[$0 + 1] == "/"
        && (BlankSet.spaceAndTab.contains(text[$0 - 1]) || $0 == command.startIndex)
    }) {
      note(
        .slashesInCommand, at: index,
        "'//' after a blank is part of the command here, but begins a comment on some platforms",
        remedy: "put comments on lines of their own, and such a command into a script")
    }
    if let index = command.firstIndex(where: { BlankSet.javaScript.contains($0) && !$0.isASCII }) {
      note(
        .blankAroundCommand, at: index, "the command contains the blank \(text[index].codePoint)",
        remedy: "replace it by a space")
    }
    return found
  }
}

extension ArraySlice<Unicode.Scalar> {
  /// The first place that keeps a name from being a DNS label.
  fileprivate var firstNoLabel: Int? {
    if let index = firstIndex(where: { !$0.isLabelScalar }) { return index }
    return first == "-" ? startIndex : last == "-" ? endIndex - 1 : nil
  }
}

extension Unicode.Scalar {
  /// `U+00A0`.
  fileprivate var codePoint: String {
    let digits = String(value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
