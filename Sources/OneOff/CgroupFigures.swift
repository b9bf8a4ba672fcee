import ContainerSpec
import LinuxSystem

/// What a run's cgroups have measured; nil where no controller or kernel tells.
struct CgroupFigures: Sendable, Hashable {
  /// Processor time of everything that was in the cgroup.
  var userTime: Duration?
  var systemTime: Duration?
  /// How long the run had to wait because its processor time was used up.
  var throttledTime: Duration?
  /// The most memory at once, in bytes.
  var memoryPeak: UInt64?
  /// How many processes the kernel has killed for lack of memory.
  var oomKills: UInt64?
  /// The most processes at once, but for PID 1.
  var processesPeak: UInt64?
  /// Bytes of block devices.
  var ioRead: UInt64?
  var ioWritten: UInt64?
  /// How often an allocation failed at the limit, or ended in a kill.
  private var memoryRefusals: UInt64?
  /// How often a process could not be made.
  private var processRefusals: UInt64?

  /// Nothing is known.
  init() {}

  /// Takes what the files say.
  ///
  /// - Parameter read: the content of a controller's file in the run's cgroup, nil where it has no
  ///   such file or the run is not in such a cgroup.
  init(_ version: CgroupVersion, read: (CgroupController, String) -> String?) {
    switch version {
    case .v1:
      let control = KeyedNumbers(read(.memory, "memory.oom_control"))
      oomKills = control["oom_kill"]
      memoryRefusals = oomKills
      memoryPeak = number(read(.memory, "memory.max_usage_in_bytes"))
      throttledTime = KeyedNumbers(read(.cpu, "cpu.stat"))["throttled_time"].map {
        .nanoseconds(Int64(clamping: $0))
      }
      let ticks = KeyedNumbers(read(.cpuacct, "cpuacct.stat"))
      userTime = ticks["user"].map(Self.time(ofTicks:))
      systemTime = ticks["system"].map(Self.time(ofTicks:))
    case .v2:
      let events = KeyedNumbers(read(.memory, "memory.events"))
      oomKills = events["oom_kill"]
      memoryRefusals = events["oom"].map { $0 + (oomKills ?? 0) }
      memoryPeak = number(read(.memory, "memory.peak"))
      takeProcessorTimes(KeyedNumbers(read(.cpu, "cpu.stat")))
      takeTransfers(read(.io, "io.stat"))
    }
    processRefusals = KeyedNumbers(read(.pids, "pids.events"))["max"]
    processesPeak = number(read(.pids, "pids.peak")).map { $0 > 0 ? $0 - 1 : 0 }
  }

  /// Hundredths of a second: the kernel's USER_HZ on every architecture that oneoff is for.
  private static func time(ofTicks ticks: UInt64) -> Duration {
    .milliseconds(10 * Int64(min(ticks, 1 << 58)))
  }

  private mutating func takeProcessorTimes(_ numbers: KeyedNumbers) {
    func time(_ key: String) -> Duration? {
      numbers[key].map { .microseconds(Int64(clamping: $0)) }
    }
    userTime = time("user_usec")
    systemTime = time("system_usec")
    throttledTime = time("throttled_usec")
  }

  /// A line for each device: `8:0 rbytes=1 wbytes=2 …`.
  private mutating func takeTransfers(_ text: String?) {
    guard let text else { return }
    var sums: (read: UInt64, written: UInt64) = (0, 0)
    for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let value = UInt64(parts[1]) else { continue }
      if parts[0] == "rbytes" { sums.read += value }
      if parts[0] == "wbytes" { sums.written += value }
    }
    (ioRead, ioWritten) = sums
  }

  private func number(_ text: String?) -> UInt64? { text.flatMap(UInt64.init(firstLineOf:)) }

  // MARK: What they mean

  /// The limits that the run has come up against; nil when no cgroup can tell.
  var limitsHit: [String]? {
    guard memoryRefusals != nil || processRefusals != nil else { return nil }
    var hit: [String] = []
    if memoryRefusals ?? 0 > 0 { hit.append("memory") }
    if processRefusals ?? 0 > 0 { hit.append("pids") }
    return hit
  }

  /// Whether lack of memory is why a command ended so, when nobody has ended it: something of the
  /// run was killed for it, and the command did not succeed all the same.
  func explains(_ way: CommandExit.Way) -> Bool { oomKills ?? 0 > 0 && way != .code(0) }
}
