import FoundationEssentials
import Testing

@testable import OneOff

/// The plans of some runs, word for word. With ONEOFF_UPDATE_GOLDENS=1 the files are written anew,
/// and the tests fail, so that it cannot be left on.
@Suite struct PlanGoldenTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Goldens")

  @Test(arguments: try PlanCase.all()) func isWhatWasReviewed(_ plan: PlanCase) throws {
    let file = Self.directory.appending(path: "\(plan.name).txt")
    let text = LaunchSequence(plan.subject).description
    if ProcessInfo.processInfo.environment["ONEOFF_UPDATE_GOLDENS"] != nil {
      try Data(text.utf8).write(to: file)
      Issue.record("\(plan.name).txt was written; read the difference and unset the variable")
      return
    }
    let reviewed = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    let difference = zip(
      text.split(separator: "\n") + ["(end)"], reviewed.split(separator: "\n") + ["(end)"]
    ).first { $0 != $1 }
    #expect(
      text == reviewed,
      "the first difference: \(difference.map { "'\($0)' instead of '\($1)'" } ?? "")")
  }

  @Test func aPlanNeverShowsTheValueOfAVariable() throws {
    for plan in try PlanCase.all() {
      #expect(!LaunchSequence(plan.subject).description.contains("not to be printed"))
    }
  }

  @Test func everyGoldenBelongsToAPlan() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(try Set(files) == Set(PlanCase.all().map { "\($0.name).txt" }))
  }
}
