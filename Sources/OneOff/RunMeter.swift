import LinuxSystem

/// What a run's cgroups tell at a moment, from files that are opened once; nil where no controller
/// tells.
struct CgroupMeter {
  private let version: CgroupVersion
  private let memoryFile: KernelFile?
  private let processesFile: KernelFile?
  private let processorFile: KernelFile?

  /// Opens the files.
  ///
  /// - Parameter open: opens a controller's file in the run's cgroup; nil where it has no such file
  ///   or the run is not in such a cgroup.
  init(_ version: CgroupVersion, open: (CgroupController, String) -> KernelFile?) {
    self.version = version
    self.memoryFile = open(.memory, version == .v1 ? "memory.usage_in_bytes" : "memory.current")
    self.processesFile = open(.pids, "pids.current")
    self.processorFile =
      version == .v1 ? open(.cpuacct, "cpuacct.usage") : open(.cpu, "cpu.stat")
  }

  /// Memory in bytes, page cache included.
  func memory() -> UInt64? { memoryFile?.read().flatMap(UInt64.init(firstLineOf:)) }

  /// Processes and threads, but for PID 1.
  func processes() -> UInt64? {
    processesFile?.read().flatMap(UInt64.init(firstLineOf:)).map { $0 > 0 ? $0 - 1 : 0 }
  }

  /// Processor time in user mode and in the kernel.
  func processorTime() -> Duration? {
    guard let text = processorFile?.read() else { return nil }
    switch version {
    case .v1: return UInt64(firstLineOf: text).map { .nanoseconds(Int64(clamping: $0)) }
    case .v2:
      return KeyedNumbers(text)["usage_usec"].map { .microseconds(Int64(clamping: $0)) }
    }
  }
}

/// Takes samples of a run.
struct RunMeter {
  private let cgroups: CgroupMeter?
  private let memoryLimit: UInt64?
  private let started: Duration
  private var lastTime: Duration
  private var lastProcessorTime = Duration.zero

  /// Begins to measure.
  ///
  /// - Parameters:
  ///   - memoryLimit: in bytes.
  ///   - started: when the container was started, by the monotonic clock.
  init(_ cgroups: CgroupMeter?, memoryLimit: UInt64?, started: Duration) {
    self.cgroups = cgroups
    self.memoryLimit = memoryLimit
    self.started = started
    self.lastTime = started
  }

  /// How the run is doing now.
  mutating func sample(at now: Duration) -> RunSample {
    var sample = RunSample(elapsed: now - started)
    sample.memory = cgroups?.memory()
    sample.memoryLimit = memoryLimit
    sample.processes = cgroups?.processes()
    if let time = cgroups?.processorTime() {
      let passed = (now - lastTime).microseconds
      let used = (time - lastProcessorTime).microseconds
      if passed > 0 { sample.processorPercent = Int(max(0, used) * 100 / passed) }
      (lastTime, lastProcessorTime) = (now, time)
    }
    return sample
  }
}
