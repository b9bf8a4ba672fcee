import ContainerSpec
import Foundation
import SystemPackage
import Testing

@testable import Deploy

/// What `oneoff lint` finds, where, and whom it names.
@Suite struct LintTests {
  private func report(_ text: String) -> ProcfileReport {
    ProcfileReport(on: Array(text.utf8), path: "Procfile")
  }

  /// `code line:column platform,platform`.
  private func summary(_ finding: ProcfileReport.Finding) -> String {
    let names = ProcfilePlatform.allCases.filter { finding.readings[$0] != nil }.map(\.rawValue)
    let place = "\(finding.position.line):\(finding.position.column)"
    return "\(finding.rule.rawValue) \(place) \(names.joined(separator: ","))"
  }

  @Test(arguments: [
    ("a: x\nweb:run\n", "no-space 2:5 overmind"),
    ("web: a # b\n", "comment-in-command 1:8 procfile-util"),
    ("web: a // b\n", "slashes-in-command 1:8 procfile-util"),
    ("web: a\r\nx: b\r\n", "carriage-returns 1:7 herokuish"),
    ("a: b\n\r\nx: y\r\n", "carriage-returns 2:1 node-foreman,herokuish"),
    (
      "\u{FEFF}web: x\n",
      "byte-order-mark 1:1 "
        + "foreman,honcho,goreman,overmind,node-foreman,procfile-util,heroku,herokuish"
    ),
    ("\u{FEFF}# x\nweb: x\n", "byte-order-mark 1:1 node-foreman,procfile-util,heroku"),
    ("my_app: x\n", "name-is-no-label 1:3 heroku"), ("weB: x\n", "name-is-no-label 1:3 heroku"),
    ("-web: x\n", "name-is-no-label 1:1 heroku"), ("web-: x\n", "name-is-no-label 1:4 heroku"),
    (
      "web: \u{a0}x\n",
      "blank-around-command 1:6 honcho,goreman,node-foreman,procfile-util"
    ),
    ("web: é\u{2028}b\n", "line-separator 1:7 honcho,node-foreman"),
    ("# é\u{2028}b: c\nweb: x\n", "line-separator 1:4 honcho"),
    ("web: x\n # y\n", "indented-comment 2:1 node-foreman"),
    ("web: x\n \t\n", "blanks-only 2:1 node-foreman"),
    ("web: x\n  ", "blanks-only 2:1 node-foreman,heroku"),
    (
      "web: \(String(repeating: "x", count: 65_531))\n",
      "long-line 1:1 procfile-util"
    ),
    ("# nothing\n", "no-entries 1:1 goreman,overmind,procfile-util"),
    ("postdeplyo: x\n", "similar-name 1:1 "),
    ("web: x\nrelaese: x\n", "similar-name 2:1 "),
    ("a: x\nWeb: a\nweb: b\n", "name-is-no-label 2:1 heroku|other-reading 3:1 heroku"),
    ("a:b # c\n", "no-space 1:3 overmind|comment-in-command 1:5 procfile-util"),
  ])
  func warnsOfWhatSomeReadDifferently(text: String, expected: String) {
    let report = report(text)
    #expect(report.findings.map(summary).joined(separator: "|") == expected)
    #expect(report.errorCount == 0)
    #expect(report.warningCount == report.findings.count)
    #expect(report.findings.allSatisfy { !$0.remedy.isEmpty && !$0.rule.isError })
  }

  @Test(arguments: [
    (" web: x\n", "leading-blank 1:1"), ("&&\n", "no-name 1:1"),
    ("web : x\n", "blank-before-colon 1:4"),
    ("web x: y\n", "no-colon 1:4"), ("web:\n", "no-command 1:5"), ("web: # x\n", "no-command 1:5"),
    ("web: x \\\n", "continuation 1:8"), ("web: x\nweb: y\n", "duplicate 2:1"),
    ("\(String(repeating: "n", count: 64)): x\n", "long-name 1:1"),
    ("web: \u{1}\n", "control-character 1:6"), ("# \u{1b}\n", "control-character 1:3"),
    ("", "empty 1:1"), (" \n\r\n", "empty 1:1"),
  ])
  func refusesAndTellsWhatEveryPlatformDoes(text: String, expected: String) {
    let report = report(text)
    let names = ProcfilePlatform.allCases.map(\.rawValue).joined(separator: ",")
    #expect(report.findings.map(summary) == ["\(expected) \(names)"])
    #expect(report.errorCount == 1)
    #expect(report.findings.allSatisfy { !$0.remedy.isEmpty && $0.rule.isError })
  }

  @Test func refusesWhatIsNotUTF8AndWarnsOfComments() {
    let line = ProcfileReport(on: Array("a: b\nweb: ".utf8) + [0xff], path: "Procfile")
    #expect(line.findings.map(\.rule) == [.notUTF8])
    #expect(line.findings.first?.position == TextPosition(line: 2, column: 1))
    let comment = ProcfileReport(on: [0x23, 0xff] + Array("\na: b\n".utf8), path: "Procfile")
    #expect(comment.findings.map(summary) == ["comment-not-utf8 1:1 foreman,honcho,heroku"])
    #expect(comment.findings.first?.line == "#\u{FFFD}")
  }

  @Test func tellsEveryFaultOfAFile() {
    let report = report("web: \u{1}\n x: y\nweb\nq: a\nq: b\n\u{2}\n")
    #expect(
      report.findings.map(\.rule) == [
        .controlCharacter, .leadingBlank, .noColon, .duplicate, .controlCharacter,
      ])
    #expect(report.findings.map(\.position.line) == [1, 2, 3, 5, 6])
    #expect(report.entries.map(\.position.line) == [4, 5])
  }

  /// A row of docs/lint.md: a line, and what each platform does with it.
  @Test(arguments: [
    (
      "web : run\n",
      [
        "foreman": "ignores the line", "honcho": "ignores the line",
        "goreman": "reads an entry 'web' with the command 'run'", "overmind": "ignores the line",
        "node-foreman": "crashes here, and reads nothing of the file",
        "procfile-util": "refuses the file", "heroku": "refuses the file",
        "herokuish": "reads an entry 'web ' with the command 'run'",
      ]
    ),
    (
      "a: b\na: c\n",
      [
        "foreman": "keeps both entries of that name", "honcho": "refuses the file",
        "goreman": "keeps both entries of that name", "overmind": "refuses the file",
        "node-foreman": "takes this in place of the earlier entry of that name",
        "procfile-util": "refuses the file",
        "heroku": "takes this in place of the earlier entry of that name",
        "herokuish": "keeps the earlier entry of that name",
      ]
    ),
    (
      "web:\n",
      [
        "foreman": "ignores the line", "honcho": "ignores the line",
        "goreman": "reads an entry 'web' without a command", "overmind": "ignores the line",
        "node-foreman": "crashes here, and reads nothing of the file",
        "procfile-util": "refuses the file", "heroku": "refuses the file",
        "herokuish": "reads an entry 'web' without a command",
      ]
    ),
    ("web: a 'b # c'\n", ["procfile-util": "reads the command 'a 'b'"]),
    ("Web_1: a\n", ["heroku": "names the entry 'web-1'"]),
    ("web: a\r\n", ["herokuish": "keeps the carriage return as the command's end"]),
    (
      "web: a\u{2028}b: c\n",
      [
        "honcho": "reads 2 entries, of which 'web' is the first",
        "node-foreman": "reads the command 'a'",
      ]
    ),
  ])
  func saysWhatAPlatformDoes(text: String, expected: [String: String]) throws {
    let finding = try #require(report(text).findings.first)
    let phrases = finding.readings.map { ($0.key.rawValue, $0.value.singular) }
    #expect(Dictionary(uniqueKeysWithValues: phrases) == expected)
  }

  @Test func severalPlatformsDoSomethingTogether() throws {
    let readings = try #require(report("web : x").findings.first?.readings)
    #expect(readings[.foreman]?.plural == "ignore the line")
    #expect(readings[.nodeForeman]?.plural == "crash here, and reads nothing of the file")
  }

  @Test func hasNothingToSayAboutACleanFile() {
    let report = report("# x\nweb: a\n\npostdeploy: b \"c\"\nrelease: d\n")
    #expect(report.findings.isEmpty)
    #expect(report.entries.map(\.name) == ["web", "postdeploy", "release"])
    #expect(report.entries.map(\.position.line) == [2, 4, 5])
    #expect(report.hooks.map(\.phase.name) == ["postdeploy", "release"])
    #expect(report.hooks.map(\.entry.position.line) == [4, 5])
  }

  @Test func everyPhaseOfADeploymentIsAHook() {
    let report = report("pr-predestroy: x\nfirst-deploy: y\n")
    #expect(report.hooks.map(\.phase.name) == ["first-deploy", "pr-predestroy"])
    #expect(report.findings.isEmpty)
  }

  /// What a hook would stop at, or not find, is not promised to run.
  @Test(arguments: [
    "Postdeploy: x\n", "postdeploy: x\npostdeploy: y\n", "postdeploy: x\npostdeploy y\n",
    "postdeploy: x\n# \u{1}\n", "web: x\n",
  ])
  func doesNotPromiseAHookThatIsNotRun(text: String) {
    #expect(report(text).hooks.isEmpty)
  }

  @Test(arguments: [
    "predeploy: x\n", "first-deploy: x\n", "pr-predestroy: x\n", "postdeploy: x\npost-deploy: y\n",
    "deploy: x\n", "web: x\n",
  ])
  func doesNotTakeOtherNamesForSlips(text: String) {
    #expect(!report(text).findings.contains { $0.rule == .similarName })
  }

  /// A hook refuses the whole file for it.
  @Test(arguments: [
    "Postdeploy: x\n", "web: x\npost-deploy: y\n", "Release: x\n", "First_Deploy: x\n",
  ])
  func nameThatDiffersFromAPhasesInCaseOnlyIsAnError(text: String) {
    let report = report(text)
    #expect(report.errorCount == 1)
    #expect(report.findings.contains { $0.rule == .wrongName })
    #expect(!report.findings.contains { $0.rule == .similarName })
  }

  @Test func keepsAThousandFindingsAndCountsTheRest() {
    let text = String(repeating: "nada\n", count: 1500) + String(repeating: " # x\n", count: 600)
    let report = report(text)
    #expect(report.findings.count == 1000)
    #expect((report.errorCount, report.warningCount) == (1500, 600))
    #expect(report.omittedCount == 1100)
  }

  @Test func refusesWhatIsTooLarge() {
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: Procfile.maximumSize + 1)
    let report = ProcfileReport(on: bytes, path: "Procfile")
    #expect(report.findings.map(\.rule) == [.tooLarge])
    #expect(ProcfileReport(tooLarge: "Procfile").findings.map(\.rule) == [.tooLarge])
  }

  @Test func thePageListsEveryCode() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/lint.md")
    let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
    for (mark, isError) in [("- errors: ", true), ("- warnings: ", false)] {
      let line = try #require(lines.last { $0.hasPrefix(mark) })
      let listed = line.dropFirst(mark.count).split(separator: ", ").map {
        String($0.dropFirst().dropLast())
      }
      let codes = ProcfileRule.allCases.filter { $0.isError == isError }.map(\.rawValue)
      #expect(listed == codes.sorted())
    }
  }
}
