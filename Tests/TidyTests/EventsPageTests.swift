import FoundationEssentials
import Testing

/// docs/events.md lists the codes of warnings: programs rely on it.
@Suite struct EventsPageTests {
  /// The codes that have a row.
  private let listed: [String]
  /// The codes that the sources give to warnings.
  private let given: Set<String>

  init() throws {
    let page = SourceTree.package.appending(path: "docs/events.md")
    let lines = String(decoding: try Data(contentsOf: page), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    listed = lines.drop { !$0.hasPrefix("| `code` |") }.dropFirst(2).prefix { $0.hasPrefix("| `") }
      .compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
    given = Set(
      try SourceTree.files(in: ["Sources"]).filter(\.isSwift).flatMap { file in
        file.lines.flatMap(Self.codes)
      })
  }

  /// What follows `code: "` or `code = "`: nothing but warnings has a code that is a text.
  private static func codes(in line: String) -> [String] {
    ["code: \"", "code = \""].flatMap { mark in
      line.split(separator: mark, omittingEmptySubsequences: false).dropFirst().compactMap {
        $0.split(separator: "\"").first.map(String.init)
      }
    }
  }

  @Test func everyCodeHasARow() {
    #expect(given.count > 15)
    #expect(given.subtracting(listed) == [])
  }

  @Test func everyRowIsOfACode() {
    #expect(Set(listed).subtracting(given) == [])
    #expect(Set(listed).count == listed.count)
  }
}
