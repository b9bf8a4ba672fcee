import FoundationEssentials
import Testing

extension FuzzTarget: CustomTestStringConvertible {
  var testDescription: String { name }

  /// Where its inputs are, and what is in it by name.
  func corpus() throws -> [(name: String, bytes: [UInt8])] {
    let directory = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Corpus/\(name)")
    return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().map {
      ($0, [UInt8](try Data(contentsOf: directory.appending(path: $0))))
    }
  }
}

/// What fuzzing starts from, and what it has found, once over.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.all)
  func everyInputHolds(target: FuzzTarget) throws {
    let corpus = try target.corpus()
    #expect(corpus.count >= 5)
    for (name, bytes) in corpus {
      do {
        try target.check(bytes)
      } catch {
        Issue.record(error, "\(target.name)/\(name)")
      }
    }
  }
}
