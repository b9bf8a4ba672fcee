import ContainerSpec
import FoundationEssentials
import Testing

@testable import OneOff

@Suite struct RunResultTests {
  /// A run that ended by itself.
  static func result() throws -> RunResult {
    RunResult(
      status: 3, reason: .completed, exit: .init(code: 3), signalBy: nil,
      started: "2026-01-02T03:04:05.000000000Z", finished: "2026-01-02T03:04:06.000000000Z",
      durationMilliseconds: 1000,
      usage: .init(cpuUserMicroseconds: 5, cpuSystemMicroseconds: 6),
      log: .init(stdoutBytes: 7, stderrBytes: 8, droppedBytes: 9), error: nil)
  }

  private func json(_ result: RunResult) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(result), as: UTF8.self)
  }

  @Test func whatIsUnknownIsNull() throws {
    #expect(
      try json(Self.result())
        == #"{"blocked_calls":null,"changes":null,"duration_ms":1000,"error":null,"#
        + #""exit":{"code":3},"exports":null,"finished":"2026-01-02T03:04:06.000000000Z","#
        + #""limits":null,"#
        + #""limits_hit":null,"#
        + #""log":{"dropped_bytes":9,"sinks":[],"stderr_bytes":8,"stdout_bytes":7,"#
        + #""unstored_bytes":null},"#
        + #""reason":"completed","scratch_lost":null,"#
        + #""signal_by":null,"#
        + #""started":"2026-01-02T03:04:05.000000000Z","status":3,"usage":{"cpu_system_us":6,"#
        + #""cpu_throttled_us":null,"cpu_user_us":5,"io_read_bytes":null,"io_write_bytes":null,"#
        + #""memory_peak_bytes":null,"oom_kills":null,"processes_peak":null},"warnings":[]}"#)
  }

  @Test func aRunWithoutACommandHasEveryMemberToo() throws {
    var result = try Self.result()
    result.exit = nil
    result.usage = nil
    result.reason = .setupFailed
    result.error = "command not found: x"
    let text = try json(result)
    for member in [
      #""exit":null"#, #""usage":null"#, #""reason":"setup-failed""#,
      #""error":"command not found: x""#,
    ] { #expect(text.contains(member)) }
  }

  @Test func blockedCallsAreListedWithTheirErrno() throws {
    var result = try Self.result()
    result.blockedCalls = .init(
      calls: [
        .init(name: "mount", number: 165, errno: "EPERM", count: 2),
        .init(name: nil, number: 999, errno: "ENOSYS", count: 1),
      ], otherCount: 0, isComplete: true)
    let text = try json(result)
    #expect(
      text.contains(
        #""blocked_calls":{"calls":[{"count":2,"errno":"EPERM","name":"mount","number":165},"#
          + #"{"count":1,"errno":"ENOSYS","name":null,"number":999}],"complete":true,"#
          + #""other_count":0}"#), "\(text)")
    #expect(try JSONDecoder().decode(RunResult.self, from: Data(text.utf8)) == result)
  }

  @Test func aResultOfAnEarlierVersionCanBeRead() throws {
    let text = try json(Self.result()).replacing(#""blocked_calls":null,"#, with: "")
      .replacing(#""dropped_bytes":9,"#, with: "").replacing(#""exports":null,"#, with: "")
      .replacing(#","warnings":[]"#, with: "")
    #expect(!text.contains("warnings"))
    var expected = try Self.result()
    expected.log.droppedBytes = 0
    #expect(try JSONDecoder().decode(RunResult.self, from: Data(text.utf8)) == expected)
  }

  @Test func theSizeOfTheScratchIsALimit() throws {
    var result = try Self.result()
    result.limits = RunResult.LimitsInForce(nil, scratch: .mebibytes(1))
    let text = try json(result)
    #expect(
      text.contains(
        #""limits":{"cpu_weight":null,"cpus":null,"cpuset":null,"io":null,"memory_bytes":null,"#
          + #""memory_swap_bytes":null,"pids":null,"scratch_bytes":1048576},"#), "\(text)")
    #expect(try JSONDecoder().decode(RunResult.self, from: Data(text.utf8)) == result)
    #expect(RunResult.LimitsInForce(nil, scratch: nil) == nil)
  }

  @Test func aSignalIsNamedInsteadOfACode() throws {
    var result = try Self.result()
    result.exit = .init(signal: 9)
    result.signalBy = "oneoff"
    let text = try json(result)
    #expect(text.contains(#""exit":{"signal":9}"#))
    #expect(text.contains(#""signal_by":"oneoff""#))
  }

  @Test func isShortWithoutWhatCanBeLong() throws {
    var result = try Self.result()
    #expect(result.shortened == result)
    result.error = String(repeating: "x", count: 5000)
    result.blockedCalls = .init(calls: [], otherCount: 0, isComplete: true)
    result.warnings = (1...100).map {
      RunWarning(code: "discarded-changes", text: String(repeating: "\($0)", count: 1000))
    }
    let text = try json(result.shortened)
    #expect(text.utf8.count < 2000, "\(text)")
    #expect(result.shortened.warnings.map(\.code) == ["warnings-omitted"])
    #expect(result.shortened.status == 3)
  }

  @Test func readsWhatItHasWritten() throws {
    var result = try Self.result()
    result.usage?.memoryPeakBytes = 1 << 40
    result.limits = RunResult.LimitsInForce(nil, scratch: .mebibytes(1))
    result.limitsHit = ["scratch"]
    result.scratchLost = true
    result.exports = [.init(path: "/x", to: "x", files: 1, bytes: 2)]
    result.signalBy = "oneoff"
    result.error = "no"
    result.warnings = [RunWarning(code: "export-failed", text: "nothing was exported")]
    let data = Data(try json(result).utf8)
    #expect(try JSONDecoder().decode(RunResult.self, from: data) == result)
  }
}
