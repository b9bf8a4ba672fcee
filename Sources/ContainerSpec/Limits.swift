public import SystemPackage

/// What a run may take of the host at most, as far as cgroups enforce it; see docs/limits.md.
///
/// What is nil has no limit of its own: then the defaults hold that the host gives for free.
public struct Limits: Sendable, Hashable, Codable {
  /// Memory: of processes, and of files in memory (scratch, tmpfs, page cache) that they have made.
  /// At least 4 MiB, at most 1024 TiB.
  public var memory: ByteCount?
  /// Memory and swap together, as Docker counts; the same as ``memory`` (no swap) when nil. At
  /// least as much as ``memory``, without which there is none.
  public var memorySwap: ByteCount?
  /// Processor time, in processors.
  public var processors: ProcessorShare?
  /// The share of the processors where runs compete for them, 1 to 10,000; 100 is everybody's.
  public var processorWeight: UInt32?
  /// Processes and threads, the command included, 1 to 4,194,303. See pid_max of proc(5).
  public var processes: UInt32?
  /// Bytes and operations of block devices; each device once.
  public var devices: [DeviceLimit]
  /// The processors that the run may use.
  public var processorSet: ProcessorSet?

  /// Limits nothing.
  public init() { self.devices = [] }
}

/// So much processor time as so many processors have, in thousandths of one.
public struct ProcessorShare: Sendable, Hashable, Codable {
  /// Thousandths of a processor, 10 to 1,000,000.
  public var thousandths: UInt32

  /// Makes a share from thousandths of a processor.
  public init(thousandths: UInt32) { self.thousandths = thousandths }
}

/// A list of processors, as cpuset(7) writes them: `0-3,8`.
public struct ProcessorSet: Sendable, Hashable, Codable {
  /// Processors that follow one another.
  public struct Range: Sendable, Hashable, Codable {
    /// The number of the first, 0 to 65,535.
    public var first: UInt32
    /// The number of the last, not below the first.
    public var last: UInt32

    /// Names the first and the last.
    public init(first: UInt32, last: UInt32) {
      self.first = first
      self.last = last
    }
  }

  /// In the order in which they were given.
  public var ranges: [Range]

  /// Makes a set of ranges.
  public init(ranges: [Range]) { self.ranges = ranges }
}

/// What a run may read and write of a block device, per second.
public struct DeviceLimit: Sendable, Hashable, Codable {
  /// The absolute path of the device, such as `/dev/sda`.
  public var device: FilePath
  /// Bytes read per second, above 0; nil for no limit.
  public var readBytes: UInt64?
  /// Bytes written per second, above 0; nil for no limit.
  public var writeBytes: UInt64?
  /// Operations per second that read, above 0; nil for no limit.
  public var readOperations: UInt64?
  /// Operations per second that write, above 0; nil for no limit.
  public var writeOperations: UInt64?

  /// Names a device, and limits nothing.
  public init(device: FilePath) { self.device = device }
}

/// A named set of limits.
public enum RunSize: String, Sendable, Hashable, CaseIterable {
  case small = "S"
  case medium = "M"
  case large = "L"
  case extraLarge = "XL"
  case doubleExtraLarge = "2XL"

  /// Memory, and in proportion to it the share of the processors and the processes. M is what
  /// one-off containers of a platform have.
  public var limits: Limits {
    var limits = Limits()
    switch self {
    case .small: limits.set(memory: .mebibytes(256), weight: 50, processes: 256)
    case .medium: limits.set(memory: .mebibytes(512), weight: 100, processes: 512)
    case .large: limits.set(memory: .mebibytes(1024), weight: 200, processes: 1024)
    case .extraLarge: limits.set(memory: .mebibytes(2048), weight: 400, processes: 2048)
    case .doubleExtraLarge: limits.set(memory: .mebibytes(4096), weight: 800, processes: 4096)
    }
    return limits
  }
}

extension Limits {
  fileprivate mutating func set(memory: ByteCount, weight: UInt32, processes: UInt32) {
    self.memory = memory
    self.processorWeight = weight
    self.processes = processes
  }

  /// These limits, with those of `others` where they say something.
  public func overridden(by others: Limits) -> Limits {
    var limits = self
    limits.memory = others.memory ?? memory
    limits.memorySwap = others.memorySwap ?? memorySwap
    limits.processors = others.processors ?? processors
    limits.processorWeight = others.processorWeight ?? processorWeight
    limits.processes = others.processes ?? processes
    if !others.devices.isEmpty { limits.devices = others.devices }
    limits.processorSet = others.processorSet ?? processorSet
    return limits
  }
}
