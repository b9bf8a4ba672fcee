import ContainerSpec
import LinuxSystem
import SystemPackage

extension RunResult {
  /// What ``limitsHit`` calls a scratch that was full.
  static let scratchLimit = "scratch"

  /// The limits that a run's cgroups have enforced, and the size of its scratch; nil where there
  /// was none.
  public struct LimitsInForce: Sendable, Hashable, Codable {
    /// Memory, in bytes.
    public var memoryBytes: UInt64?
    /// Memory and swap together, in bytes.
    public var memorySwapBytes: UInt64?
    /// Processor time, in processors: 1.5; 0.01 to 1000.
    public var processors: Double?
    /// The share of the processors, 1 to 10,000; 100 is everybody's.
    public var processorWeight: UInt32?
    /// The processors, such as `0-1,4`.
    public var processorSet: String?
    /// Processes and threads, but for PID 1.
    public var processes: UInt32?
    /// Block devices.
    public var devices: [Device]?
    /// What fitted into the scratch, in bytes.
    public var scratchBytes: UInt64?

    /// What may be read and written of a block device in a second.
    public struct Device: Sendable, Hashable, Codable {
      /// The device's path.
      public var device: String
      /// Bytes read per second; nil for no limit.
      public var readBytes: UInt64?
      /// Bytes written per second; nil for no limit.
      public var writeBytes: UInt64?
      /// Operations per second that read; nil for no limit.
      public var readOperations: UInt64?
      /// Operations per second that write; nil for no limit.
      public var writeOperations: UInt64?

      enum CodingKeys: String, CodingKey {
        case device
        case readBytes = "read_bytes_per_second"
        case writeBytes = "write_bytes_per_second"
        case readOperations = "read_operations_per_second"
        case writeOperations = "write_operations_per_second"
      }
    }

    enum CodingKeys: String, CodingKey {
      case memoryBytes = "memory_bytes"
      case memorySwapBytes = "memory_swap_bytes"
      case processors = "cpus"
      case processorWeight = "cpu_weight"
      case processorSet = "cpuset"
      case processes = "pids"
      case devices = "io"
      case scratchBytes = "scratch_bytes"
    }
  }
}

extension RunResult.LimitsInForce {
  /// Says what is limited; nil when nothing is.
  init?(_ limits: Limits?, scratch: ByteCount?) {
    guard limits != nil || scratch != nil else { return nil }
    scratchBytes = scratch?.bytes
    guard let limits else { return }
    memoryBytes = limits.memory?.bytes
    memorySwapBytes = (limits.memorySwap ?? limits.memory)?.bytes
    processors = limits.processors.map { Double($0.thousandths) / 1000 }
    processorWeight = limits.processorWeight
    processorSet = limits.processorSet?.description
    processes = limits.processes
    if !limits.devices.isEmpty { devices = limits.devices.map(Device.init) }
  }

  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(memoryBytes, forKey: .memoryBytes)
    try members.encode(memorySwapBytes, forKey: .memorySwapBytes)
    try members.encode(processors, forKey: .processors)
    try members.encode(processorWeight, forKey: .processorWeight)
    try members.encode(processorSet, forKey: .processorSet)
    try members.encode(processes, forKey: .processes)
    try members.encode(devices, forKey: .devices)
    try members.encode(scratchBytes, forKey: .scratchBytes)
  }
}

extension RunResult.LimitsInForce.Device {
  fileprivate init(_ limit: DeviceLimit) {
    device = limit.device.string
    readBytes = limit.readBytes
    writeBytes = limit.writeBytes
    readOperations = limit.readOperations
    writeOperations = limit.writeOperations
  }

  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(device, forKey: .device)
    try members.encode(readBytes, forKey: .readBytes)
    try members.encode(writeBytes, forKey: .writeBytes)
    try members.encode(readOperations, forKey: .readOperations)
    try members.encode(writeOperations, forKey: .writeOperations)
  }
}

extension RunResult.Usage {
  /// What the container's processes used, as PID 1 and the run's cgroups tell; nil when neither
  /// does. Of processor time the cgroups know also what processes have used that nobody has waited
  /// for, and PID 1 what is less than one of v1's hundredths of a second.
  init?(_ exit: CommandExit?, _ figures: CgroupFigures) {
    guard exit != nil || figures != CgroupFigures() else { return nil }
    self.init(
      cpuUserMicroseconds: Self.longer(figures.userTime, exit?.userTime)?.microseconds,
      cpuSystemMicroseconds: Self.longer(figures.systemTime, exit?.systemTime)?.microseconds,
      cpuThrottledMicroseconds: figures.throttledTime?.microseconds,
      memoryPeakBytes: figures.memoryPeak, oomKills: figures.oomKills,
      processesPeak: figures.processesPeak, ioReadBytes: figures.ioRead,
      ioWriteBytes: figures.ioWritten)
  }
  private static func longer(_ one: Duration?, _ other: Duration?) -> Duration? {
    guard let one, let other else { return one ?? other }
    return max(one, other)
  }
}
