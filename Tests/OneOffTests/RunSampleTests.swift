import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// The line that tells how a run is doing.
@Suite struct RunSampleTests {
  private static func sample(
    _ seconds: Int64, cpu: Int? = 98, memory: UInt64? = 51 << 20, of limit: UInt64? = 512 << 20,
    processes: UInt64? = 4
  ) -> RunSample {
    var sample = RunSample(elapsed: .seconds(seconds))
    sample.processorPercent = cpu
    sample.memory = memory
    sample.memoryLimit = limit
    sample.processes = processes
    return sample
  }

  private func line(_ sample: RunSample, columns: Int = 200) -> String {
    sample.line(prefix: "oneoff:", columns: columns)
  }

  @Test func hasEverythingWhereThereIsRoom() {
    #expect(
      line(Self.sample(65))
        == "oneoff: 1:05, cpu 98 %, memory 51 MB of 512 MB, 4 processes")
  }

  @Test(arguments: [
    (0, "0:00"), (9, "0:09"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"),
    (37_230, "10:20:30"), (360_000, "100:00:00"), (-1, "0:00"),
  ])
  func timeIsThatOfAClock(seconds: Int64, text: String) {
    #expect(line(RunSample(elapsed: .seconds(seconds))) == "oneoff: \(text)")
  }

  @Test func whatIsNotKnownIsNotThere() {
    #expect(line(Self.sample(1, cpu: nil)) == "oneoff: 0:01, memory 51 MB of 512 MB, 4 processes")
    #expect(line(Self.sample(1, memory: nil)) == "oneoff: 0:01, cpu 98 %, 4 processes")
    #expect(
      line(Self.sample(1, of: nil)) == "oneoff: 0:01, cpu 98 %, memory 51 MB, 4 processes")
    #expect(
      line(Self.sample(1, processes: nil))
        == "oneoff: 0:01, cpu 98 %, memory 51 MB of 512 MB")
    #expect(line(Self.sample(1, cpu: nil, memory: nil, processes: 1)) == "oneoff: 0:01, 1 process")
  }

  @Test func anyAmountCanBeTold() {
    let sample = Self.sample(
      .max, cpu: .max, memory: .max, of: .max, processes: .max)
    for columns in 0...200 { #expect(line(sample, columns: columns).utf8.count <= columns) }
  }

  /// What does not fit goes, the last first; whose line it is goes before all of it.
  @Test func fitsIntoEveryWidth() {
    let sample = Self.sample(3723, cpu: 1234)
    for columns in 20...200 {
      let line = line(sample, columns: columns)
      #expect(line.utf8.count <= columns)
      #expect(line.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
      #expect(line.contains("1:02:03"))
    }
    #expect(line(sample, columns: 64).hasPrefix("oneoff: 1:02:03, "))
    #expect(line(sample, columns: 63).hasPrefix("1:02:03, "))
    #expect(
      line(sample, columns: 60) == "1:02:03, cpu 1234 %, memory 51 MB of 512 MB, 4 processes")
    #expect(line(sample, columns: 50) == "1:02:03, cpu 1234 %, memory 51 MB of 512 MB")
    #expect(line(sample, columns: 30) == "1:02:03, cpu 1234 %")
    #expect(line(sample, columns: 10) == "1:02:03")
    #expect(line(sample, columns: 3) == "1:0")
  }
}

/// What a run's cgroups tell from second to second.
@Suite struct RunMeterTests {
  /// A file as the kernel would have it, which says something else later.
  private struct Changing: ~Copyable {
    let memory: OwnedDescriptor

    init(_ text: String) throws { memory = try OwnedDescriptor(inMemory: Array(text.utf8)) }

    func open() -> KernelFile? { KernelFile(FilePath("/proc/self/fd/\(memory.number)")) }

    func say(_ text: String) throws { try memory.write(Array(text.utf8)) }
  }

  @Test func readsTheFilesOfV2() throws {
    let memory = try Changing("53477376\n")
    let processes = try Changing("5\n")
    let processor = try Changing("usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n")
    let cgroups = CgroupMeter(.v2) { controller, file in
      switch (controller, file) {
      case (.memory, "memory.current"): memory.open()
      case (.pids, "pids.current"): processes.open()
      case (.cpu, "cpu.stat"): processor.open()
      default: nil
      }
    }
    var meter = RunMeter(cgroups, memoryLimit: 64 << 20, started: .seconds(100))
    let sample = meter.sample(at: .seconds(103))
    #expect(sample.elapsed == .seconds(3))
    #expect(sample.processorPercent == 50)
    #expect(sample.memory == 53_477_376)
    #expect(sample.memoryLimit == 64 << 20)
    // PID 1 is oneoff's own.
    #expect(sample.processes == 4)
  }

  @Test func readsTheFilesOfV1AgainAndAgain() throws {
    let memory = try Changing("1048576\n")
    let processes = try Changing("2\n")
    let processor = try Changing("1000000000\n")
    let cgroups = CgroupMeter(.v1) { controller, file in
      switch (controller, file) {
      case (.memory, "memory.usage_in_bytes"): memory.open()
      case (.pids, "pids.current"): processes.open()
      case (.cpuacct, "cpuacct.usage"): processor.open()
      default: nil
      }
    }
    var meter = RunMeter(cgroups, memoryLimit: nil, started: .zero)
    let first = meter.sample(at: .seconds(1))
    #expect(first.processorPercent == 100)
    #expect(first.memory == 1 << 20)
    #expect(first.processes == 1)
    try memory.say("2097152\n")
    try processes.say("9\n")
    try processor.say("2600000000\n")
    // Of the last second alone: two processors were at work.
    let second = meter.sample(at: .seconds(2))
    #expect(second.processorPercent == 160)
    #expect(second.memory == 2 << 20)
    #expect(second.processes == 8)
  }

  @Test func withoutCgroupsThereIsTheTime() {
    var meter = RunMeter(nil, memoryLimit: nil, started: .seconds(1))
    let alone = meter.sample(at: .seconds(8))
    #expect(alone == RunSample(elapsed: .seconds(7)))
    var empty = RunMeter(CgroupMeter(.v1) { _, _ in nil }, memoryLimit: nil, started: .seconds(1))
    let nothing = empty.sample(at: .seconds(8))
    #expect(nothing == alone)
  }
}

/// What a run has used, as one line at its end.
@Suite struct UsageTextTests {
  private func text(_ change: (inout RunResult) -> Void) throws -> String? {
    var result = try RunResultTests.result()
    result.durationMilliseconds = 65_300
    result.usage = RunResult.Usage(
      cpuUserMicroseconds: 12_340_000, cpuSystemMicroseconds: 560_000,
      cpuThrottledMicroseconds: nil, memoryPeakBytes: 187 << 20, oomKills: 0, processesPeak: 7,
      ioReadBytes: nil, ioWriteBytes: nil)
    var limits = Limits()
    limits.memory = .mebibytes(512)
    result.limits = .init(limits, scratch: nil)
    change(&result)
    return result.usageText
  }

  @Test func tellsWhatIsKnown() throws {
    #expect(
      try text { _ in }
        == "1 m 5 s, cpu 12.3 s user and 0.5 s system, memory peak 187 MB of 512 MB, "
        + "processes peak 7")
    #expect(
      try text { result in
        result.limits = nil
        result.usage?.processesPeak = nil
      } == "1 m 5 s, cpu 12.3 s user and 0.5 s system, memory peak 187 MB")
    #expect(
      try text { result in
        result.usage?.cpuUserMicroseconds = nil
        result.usage?.memoryPeakBytes = nil
      } == "1 m 5 s, processes peak 7")
  }

  @Test func aRunThatWasNeverExecutedHasUsedNothing() throws {
    #expect(try text { $0.usage = nil } == nil)
  }
}
