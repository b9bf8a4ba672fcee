import LinuxSystem
import Testing

@testable import OneOff

/// What is read from the files of a run's cgroups.
@Suite struct CgroupFiguresTests {
  private static let unified = [
    "memory.peak": "536870912\n", "pids.peak": "12\n", "pids.events": "max 3\n",
    "memory.events": "low 0\nhigh 0\nmax 41\noom 2\noom_kill 1\noom_group_kill 0\n",
    "cpu.stat": """
    usage_usec 3000
    user_usec 2000
    system_usec 1000
    nr_periods 10
    nr_throttled 9
    throttled_usec 850000

    """,
    "io.stat": """
    8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0
    8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021

    """,
  ]

  private static let legacy = [
    "memory.max_usage_in_bytes": "67108864\n", "pids.events": "max 0\n", "pids.peak": "2\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "cpu.stat": "nr_periods 10\nnr_throttled 9\nthrottled_time 850000000\n",
    "cpuacct.stat": "user 123\nsystem 4\n",
  ]

  private func figures(_ version: CgroupVersion, _ files: [String: String]) -> CgroupFigures {
    CgroupFigures(version) { controller, file in
      file.hasPrefix("\(controller.rawValue).") ? files[file] : nil
    }
  }

  @Test func readsThoseOfV2() {
    let figures = figures(.v2, Self.unified)
    #expect(figures.memoryPeak == 536_870_912)
    #expect(figures.oomKills == 1)
    #expect(figures.processesPeak == 11)
    #expect(figures.userTime == .milliseconds(2))
    #expect(figures.systemTime == .milliseconds(1))
    #expect(figures.throttledTime == .milliseconds(850))
    #expect(figures.ioRead == 1_459_200 + 90_430_464)
    #expect(figures.ioWritten == 314_773_504 + 299_008_000)
    #expect(figures.limitsHit == ["memory", "pids"])
  }

  @Test func readsThoseOfV1() {
    let figures = figures(.v1, Self.legacy)
    #expect(figures.memoryPeak == 67_108_864)
    #expect(figures.oomKills == 2)
    #expect(figures.processesPeak == 1)
    #expect(figures.throttledTime == .milliseconds(850))
    #expect(figures.userTime == .milliseconds(1230))
    #expect(figures.systemTime == .milliseconds(40))
    #expect(figures.ioRead == nil)
    #expect(figures.limitsHit == ["memory"])
  }

  /// PID 1 does not know of processes that it has not waited for, nor v1 of milliseconds.
  @Test func processorTimeIsWhatBothKnowOf() throws {
    let figures = figures(.v1, Self.legacy)
    let exit = CommandExit(
      .code(0), wasExecuted: true, userTime: .milliseconds(1234), systemTime: .milliseconds(7))
    let usage = try #require(RunResult.Usage(exit, figures))
    #expect(usage.cpuUserMicroseconds == 1_234_000)
    #expect(usage.cpuSystemMicroseconds == 40_000)
    let lost = try #require(RunResult.Usage(nil, figures))
    #expect(lost.cpuUserMicroseconds == 1_230_000)
    let unmeasured = try #require(RunResult.Usage(exit, CgroupFigures()))
    #expect(unmeasured.cpuSystemMicroseconds == 7000)
  }

  @Test func whatNoFileSaysIsNotGuessed() {
    for version in [CgroupVersion.v1, .v2] {
      let figures = figures(version, [:])
      #expect(figures == CgroupFigures())
      #expect(figures.limitsHit == nil)
      #expect(!figures.explains(.signal(9)))
    }
  }

  @Test func reachingTheLimitWithoutHarmIsNotAHit() {
    var files = Self.unified
    // Page cache that was given back.
    files["memory.events"] = "max 41\noom 0\noom_kill 0\n"
    files["pids.events"] = "max 0\n"
    #expect(figures(.v2, files).limitsHit == [])
    // An allocation that failed, without a kill.
    files["memory.events"] = "max 41\noom 1\noom_kill 0\n"
    #expect(figures(.v2, files).limitsHit == ["memory"])
    #expect(!figures(.v2, files).explains(.code(1)))
  }

  @Test func devicesThatWereNotUsedAreZero() {
    let figures = figures(.v2, ["io.stat": ""])
    #expect(figures.ioRead == 0)
    #expect(figures.ioWritten == 0)
  }

  @Test func aKillExplainsEveryEndButSuccess() {
    let figures = figures(.v1, Self.legacy)
    #expect(figures.explains(.signal(9)))
    #expect(figures.explains(.code(1)))
    #expect(figures.explains(.signal(6)))
    #expect(!figures.explains(.code(0)))
  }
}
