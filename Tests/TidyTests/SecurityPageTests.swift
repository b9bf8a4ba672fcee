import FoundationEssentials
import Testing

/// docs/security.md names a test for every attack: the page must not promise what nobody checks.
@Suite struct SecurityPageTests {
  /// A row of the table of attacks.
  private struct Row {
    var number: Int
    var files: [String]
    var tests: [String]
    var testsWithoutDefence: [String]
    /// Why there is none in the last column.
    var excuse: String
  }

  private let rows: [Row]
  /// Every `Suite.test` of the source tree.
  private let tests: Set<String>

  init() throws {
    let page = SourceTree.package.appending(path: "docs/security.md")
    rows = String(decoding: try Data(contentsOf: page), as: UTF8.self)
      .split(separator: "\n").compactMap { Self.row(String($0)) }
    tests = try Self.tests(in: SourceTree.files(in: ["Tests"]))
  }

  private static func row(_ line: String) -> Row? {
    guard line.hasPrefix("| ") else { return nil }
    let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().map {
      String($0.drop { $0 == " " })
    }
    guard cells.count == 7, let number = Int(cells[0].prefix { $0.isNumber }) else { return nil }
    return Row(
      number: number, files: quoted(cells[3]), tests: quoted(cells[4]).filter(isTest),
      testsWithoutDefence: quoted(cells[5]).filter(isTest), excuse: cells[5])
  }

  /// What stands between backquotes.
  private static func quoted(_ text: String) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  private static func isTest(_ name: String) -> Bool { name.contains("Tests.") }

  /// The functions after `@Test`, each with the suite that it stands in.
  private static func tests(in files: [SourceFile]) -> Set<String> {
    var found: Set<String> = []
    for file in files where file.isSwift {
      var suite = ""
      var isTest = false
      for line in file.code {
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "@" }
          .map(String.init)
        if words.contains("@Test") { isTest = true }
        if let index = words.firstIndex(of: "struct"), index + 1 < words.count,
          words[index + 1].hasSuffix("Tests")
        {
          suite = words[index + 1]
        }
        guard isTest, let index = words.firstIndex(of: "func"), index + 1 < words.count
        else { continue }
        found.insert("\(suite).\(words[index + 1])")
        isTest = false
      }
    }
    return found
  }

  @Test func everyAttackHasARow() {
    #expect(rows.map(\.number) == Array(1...26))
  }

  @Test func everyRowHasATestAndOneWithoutTheDefence() {
    // The root helper, which is a later step.
    for row in rows where row.number != 18 {
      #expect(!row.files.isEmpty, "\(row.number)")
      #expect(!row.tests.isEmpty, "\(row.number)")
      #expect(
        !row.testsWithoutDefence.isEmpty || row.excuse.hasPrefix("none: "), "\(row.number)")
    }
  }

  @Test func everyTestThatIsNamedExists() {
    #expect(tests.count > 250)
    for row in rows {
      for test in row.tests + row.testsWithoutDefence {
        #expect(tests.contains(test), "row \(row.number) names \(test)")
      }
    }
  }

  @Test func everyFileThatIsNamedExists() {
    for row in rows {
      for file in row.files {
        let path = SourceTree.package.appending(path: file).path
        #expect(FileManager.default.fileExists(atPath: path), "row \(row.number) names \(file)")
      }
    }
  }
}
