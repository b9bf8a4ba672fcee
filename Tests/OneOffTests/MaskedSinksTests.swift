import ContainerSpec
import LinuxSystem
import Testing

@testable import OneOff

/// A sink that remembers what it was told.
private final class Listener: RunSink {
  private(set) var warnings: [RunWarning] = []
  private(set) var result: RunResult?
  /// What goes wrong with the result.
  var failure: RunWarning?

  var writers: [OutputWriter] { [] }
  func accepts(_ stream: OutputStream) -> Bool { true }
  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {}
  func warned(_ warning: RunWarning) { warnings.append(warning) }
  func takeWarning() -> RunWarning? { result == nil ? nil : failure.take() }
  func finished(id: RunID, result: RunResult) { self.result = result }
}

@Suite struct MaskedSinksTests {
  private let listener = Listener()

  private func finish(_ sinks: MaskedSinks) throws -> [RunWarning] {
    try sinks.finish(id: RunID("a"), result: RunResultTests.result()).warnings
  }

  @Test func resultHasWhatWasWarnedOf() throws {
    let sinks = MaskedSinks([listener])
    #expect(try finish(sinks) == [])
    let warnings = ["b", "a"].map { RunWarning(code: $0, text: "see \($0)") }
    for warning in warnings { sinks.warn(warning) }
    #expect(try finish(sinks) == warnings)
    #expect(listener.result?.warnings == warnings)
    #expect(listener.warnings == warnings)
  }

  @Test func whatIsInTheResultIsMasked() throws {
    let sinks = MaskedSinks([listener])
    sinks.hideSecrets(
      of: try Sample.spec {
        $0.environment = [try EnvironmentVariable(name: "API_TOKEN", value: "hunter2-hunter2")]
        $0.masking = .auto
      })
    sinks.warn(RunWarning(code: "export-failed", text: "no hunter2-hunter2 there"))
    #expect(try finish(sinks).map(\.text) == ["no [masked:API_TOKEN] there"])
  }

  @Test(arguments: [(100, nil), (101, "1 more warning is"), (250, "150 more warnings are")])
  func afterAHundredTheRestIsCounted(count: Int, words: String?) throws {
    let sinks = MaskedSinks([listener])
    for number in 0..<count { sinks.warn(RunWarning(code: "x", text: "\(number)")) }
    let listed = try finish(sinks)
    #expect(listed.prefix(100).map(\.text) == (0..<100).map { "\($0)" })
    let last = listed.dropFirst(100)
    #expect(last.map(\.code) == (words == nil ? [] : ["warnings-omitted"]))
    #expect(last.first?.text.hasPrefix(words ?? "") != false)
    // Who listens gets all of them.
    #expect(listener.warnings.count == count)
  }

  @Test func othersAreToldWhatGoesWrongWithAResult() throws {
    let failing = Listener()
    failing.failure = RunWarning(code: "result-lost", text: "no disk")
    let listed = try finish(MaskedSinks([failing, listener]))
    #expect(listed.map(\.code) == ["result-lost"])
    #expect(failing.result?.warnings == [])
    #expect(listener.result?.warnings == listed)
    #expect(listener.warnings == listed)
  }
}
