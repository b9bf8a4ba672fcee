import ContainerSpec
import Testing

@testable import OneOff

@Suite struct SentenceTests {
  private func sentence(_ change: (inout RunResult) -> Void) throws -> String? {
    var result = try RunResultTests.result()
    change(&result)
    let spec = Sample.spec { spec in
      spec.timeout = .seconds(1200)
      spec.silenceTimeout = .seconds(300)
    }
    return result.sentence(of: "run", under: spec)
  }

  @Test func anOrdinaryEndNeedsNone() throws {
    #expect(try sentence { $0.exit = .init(code: 7) } == nil)
  }

  @Test func exportsThatFailedAreSaidTo() throws {
    func end(_ code: Int32) throws -> String? {
      try sentence { result in
        result.exit = .init(code: code)
        result.status = 125
      }
    }
    #expect(try end(0) == "run succeeded, but the export failed (--export)")
    #expect(try end(125) == nil)
  }

  @Test func theErrorOfARunThatWasNotSetUpSaysItAll() throws {
    let sentence = try sentence { result in
      result.reason = .setupFailed
      result.exit = nil
    }
    #expect(sentence == nil)
  }

  @Test func whatWasKilledForItsTimeIsSaidToBe() throws {
    let sentence = try sentence { result in
      result.reason = .timeout
      result.exit = .init(signal: 9)
      result.signalBy = "oneoff"
      result.durationMilliseconds = 1_230_000
    }
    #expect(sentence == "run was killed after 20 m 30 s: it took longer than 20m (--timeout)")
  }

  @Test func silenceIsSaidToBeSilence() throws {
    let sentence = try sentence { result in
      result.reason = .silence
      result.exit = .init(signal: 15)
      result.signalBy = "oneoff"
      result.durationMilliseconds = 304_200
    }
    #expect(sentence == "run was killed after 5 m 4 s: no output for 5m (--silence-timeout)")
  }

  @Test func lackOfMemoryIsSaidWithLimitAndPeak() throws {
    func sentence(_ exit: RunResult.Exit, _ limit: UInt64?) throws -> String? {
      try self.sentence { result in
        result.reason = .outOfMemory
        result.exit = exit
        result.durationMilliseconds = 4200
        guard let limit else { return result.usage = nil }
        var limits = Limits()
        limits.memory = ByteCount(bytes: limit)
        result.limits = RunResult.LimitsInForce(limits, scratch: nil)
        result.usage?.memoryPeakBytes = limit - 4096
      }
    }
    #expect(
      try sentence(.init(signal: 9), 512 << 20)
        == "run was killed after 4.2 s: out of memory (limit 512 MB, peak 512 MB); --memory or "
        + "--size gives more")
    // The host's own memory ran out: no limit of the run's would have helped.
    #expect(
      try sentence(.init(code: 1), nil) == "run failed after 4.2 s, with status 1: out of memory")
  }

  @Test func aFullScratchIsNamedWhereTheCommandFailed() throws {
    func sentence(_ size: UInt64, _ change: (inout RunResult) -> Void) throws -> String? {
      try self.sentence { result in
        result.limits = RunResult.LimitsInForce(nil, scratch: ByteCount(bytes: size))
        result.limitsHit = ["scratch"]
        result.status = 1
        result.exit = .init(code: 1)
        result.durationMilliseconds = 4200
        change(&result)
      }
    }
    #expect(
      try sentence(256 << 20) { _ in }
        == "run failed after 4.2 s, with status 1; its scratch of 256 MB was full (--scratch)")
    let killed = try sentence(64 << 10) { result in
      result.reason = .signaled
      result.status = 134
      result.exit = .init(signal: 6)
    }
    #expect(
      killed
        == "the command was killed by signal 6 (SIGABRT); its scratch of 64 KB was full (--scratch)"
    )
    let succeeded = try sentence(256 << 20) { result in
      result.status = 0
      result.exit = .init(code: 0)
    }
    #expect(succeeded == nil)
    let other = try sentence(256 << 20) { $0.limitsHit = ["pids"] }
    #expect(other == nil)
  }

  @Test func aFullScratchIsALimitOnlyWhereTheCommandFailed() throws {
    var result = try RunResultTests.result()
    result.limitsHit = ["scratch"]
    #expect(result.wasLimited)
    result.status = 0
    #expect(!result.wasLimited)
    result.status = 3
    result.limitsHit = nil
    #expect(!result.wasLimited)
  }

  @Test func aCommandThatEndsWhenItIsToldToHasAStatus() throws {
    let sentence = try sentence { result in
      result.reason = .timeout
      result.exit = .init(code: 0)
      result.durationMilliseconds = 4250
    }
    #expect(
      sentence == "run was ended after 4.2 s, with status 0: it took longer than 20m (--timeout)")
  }

  @Test func aCommandThatWasNeverExecutedIsSaidToBeNot() throws {
    let sentence = try sentence { result in
      result.reason = .timeout
      result.exit = nil
    }
    #expect(
      sentence?.hasPrefix("run was ended after 1 s, before the command was executed:") == true)
  }

  @Test func aLimitOfTheCommandsOwnIsNamedBesideItsSignal() throws {
    func sentence(_ signal: Int32, _ resources: ResourceLimit.Resource...) throws -> String? {
      var result = try RunResultTests.result()
      result.reason = .signaled
      result.exit = .init(signal: signal)
      let spec = Sample.spec { spec in
        spec.resourceLimits = resources.map { ResourceLimit($0, soft: 1, hard: 1) }
      }
      return result.sentence(of: "run", under: spec)
    }
    #expect(
      try sentence(11, .stackSize, .openFiles, .addressSpace)
        == "the command was killed by signal 11 (SIGSEGV), maybe because of --ulimit stack, as")
    #expect(
      try sentence(25, .fileSize)?.hasSuffix("(SIGXFSZ), maybe because of --ulimit fsize") == true)
    #expect(try sentence(9, .processorTime)?.hasSuffix("because of --ulimit cpu") == true)
    for sentence in [try sentence(11), try sentence(11, .openFiles), try sentence(6, .dataSize)] {
      #expect(sentence?.contains("--ulimit") == false)
    }
  }

  @Test func aSignalIsNamed() throws {
    let killed = try sentence { result in
      result.reason = .signaled
      result.exit = .init(signal: 9)
    }
    #expect(killed == "the command was killed by signal 9 (SIGKILL)")
    let cancelled = try sentence { result in
      result.reason = .cancelled
      result.exit = .init(signal: 15)
      result.signalBy = "oneoff"
    }
    #expect(cancelled == "the command was killed by signal 15 (SIGTERM), which oneoff sent")
  }
}
