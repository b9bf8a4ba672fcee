import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// `oneoff lint`: what is wrong with a Procfile, and which platforms read it differently.
enum LintVerb {
  static let verb = Verb(
    name: "lint",
    summary: "Say what is wrong with a Procfile, and which platforms would read it differently",
    operands: "[DIR|FILE|-]",
    details: [
      "It lists the entries with their lines, and then each line that oneoff does not take "
        + "(error), or that foreman, honcho, goreman, overmind, node-foreman, procfile-util, "
        + "Heroku's buildpack or herokuish read differently from oneoff (warning), with what they "
        + "do and what to do about it. DIR means DIR/Procfile, which is the default for the "
        + "working directory; - is standard input."
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          CommandOption(name: "json", help: "print one JSON object") { options, _ in
            options.wantsJSON = true
          }
        ])
    ],
    examples: [
      .init(command: "oneoff lint", purpose: "look at ./Procfile"),
      .init(
        command: "git show HEAD:Procfile | oneoff lint -",
        purpose: "at one that is not there as a file"),
      .init(
        command: "oneoff lint --json /srv/app/v42 | jq -r '.findings[].message'",
        purpose: "at a release's, for programs"),
    ],
    exitStatuses: [
      ExitStatus(status: "0", meaning: "every platform reads it as oneoff does"),
      ExitStatus(status: "1", meaning: "there are warnings, and no errors"),
      ExitStatus(
        status: "2", meaning: "there are errors: oneoff does not take a line, or the file"),
      .failure,
    ]
  ) { invocation in
    guard invocation.operands.count <= 1 else {
      throw SpecError(
        "oneoff lint takes one file, but got \(invocation.operands.count)",
        remedy: "call it once for each")
    }
    let report = try report(on: invocation.operands.first)
    if invocation.options.wantsJSON {
      let text = StoredJSON.text(LintDocument(report))
      try Printer.print(String(decoding: text, as: UTF8.self))
    } else {
      try Printer.print(LintText(report).text.inHarmlessLines)
    }
    return report.errorCount > 0 ? 2 : report.warningCount > 0 ? 1 : 0
  }

  private static func report(on operand: ByteString?) throws(SpecError) -> ProcfileReport {
    if let operand, operand.bytes == [UInt8(ascii: "-")] {
      return try report(on: "-") { () throws(SystemError) in
        try OwnedDescriptor(owning: 0).readAll(
          limit: Procfile.maximumSize, subject: "of standard input")
      }
    }
    let path = try operand.map { operand throws(SpecError) in try FilePath(option: operand) } ?? "."
    guard (try? fileStatus(following: path))?.kind == .directory else {
      return try report(on: path) { () throws(SystemError) in
        try readFile(path, limit: Procfile.maximumSize)
      }
    }
    // As the hook reads it: no link leads out of a release.
    let file: FilePath = path == "." ? "Procfile" : path.appending("Procfile")
    return try report(on: file, isConfined: true) { () throws(SystemError) in
      try readFile("Procfile", below: path, limit: Procfile.maximumSize)
    }
  }

  private static func report(
    on path: FilePath, isConfined: Bool = false, _ read: () throws(SystemError) -> [UInt8]
  ) throws(SpecError) -> ProcfileReport {
    try explainingErrors(
      of: path, limit: Procfile.maximumSize, kind: "Procfile", isConfined: isConfined
    ) { () throws(SystemError) in
      do throws(SystemError) {
        return ProcfileReport(on: try read(), path: path)
      } catch let error where error.errno == .fileTooLarge {
        return ProcfileReport(tooLarge: path)
      }
    }
  }
}

/// A report as `lint --json` prints it.
private struct LintDocument: Encodable {
  struct Entry: Encodable {
    var name: String
    var line: Int
    var column: Int
    var command: String
    var phase: String?

    private enum CodingKeys: String, CodingKey { case name, line, column, command, phase }

    /// Writes every member, as `null` where there is no phase.
    func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: CodingKeys.self)
      try members.encode(name, forKey: .name)
      try members.encode(line, forKey: .line)
      try members.encode(column, forKey: .column)
      try members.encode(command, forKey: .command)
      try members.encode(phase, forKey: .phase)
    }
  }
  struct Finding: Encodable {
    var severity: String
    var code: String
    var line: Int
    var column: Int
    var message: String
    var remedy: String
    var platforms: [String: String]
  }
  private enum CodingKeys: String, CodingKey {
    case version = "v"
    case path, entries, findings, errors, warnings, omitted
  }

  private let version = 1
  private let path: String
  private let entries: [Entry]
  private let findings: [Finding]
  private let errors: Int
  private let warnings: Int
  private let omitted: Int

  init(_ report: ProcfileReport) {
    path = report.path.string
    entries = report.entries.map { entry in
      Entry(
        name: entry.name, line: entry.position.line, column: entry.position.column,
        command: entry.command.description,
        phase: report.hooks.first { $0.entry == entry }?.phase.name)
    }
    findings = report.findings.map { finding in
      Finding(
        severity: finding.rule.isError ? "error" : "warning", code: finding.rule.rawValue,
        line: finding.position.line, column: finding.position.column, message: finding.message,
        remedy: finding.remedy,
        platforms: Dictionary(
          uniqueKeysWithValues: finding.readings.map { ($0.key.rawValue, $0.value.singular) }))
    }
    errors = report.errorCount
    warnings = report.warningCount
    omitted = report.omittedCount
  }
}
