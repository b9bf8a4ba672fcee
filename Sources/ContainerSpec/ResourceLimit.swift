/// How much of a resource each process of a run may have. See setrlimit(2).
public struct ResourceLimit: Sendable, Hashable, Codable {
  /// A resource, by the name that prlimit(1) and Docker have for it.
  public enum Resource: String, Sendable, Hashable, Codable, CaseIterable {
    /// Address space, in bytes.
    case addressSpace = "as"
    /// The size of a core dump, in bytes.
    case coreSize = "core"
    /// Processor time, in seconds.
    case processorTime = "cpu"
    /// Memory for data, in bytes.
    case dataSize = "data"
    /// The size of a file that is written, in bytes.
    case fileSize = "fsize"
    /// Locks of files; Linux has ignored it since 2.4.25.
    case fileLocks = "locks"
    /// Memory that is never swapped out, in bytes.
    case lockedMemory = "memlock"
    /// POSIX message queues of the user, in bytes.
    case messageQueues = "msgqueue"
    /// 20 minus the lowest niceness that may be asked for.
    case niceness = "nice"
    /// The highest descriptor plus 1.
    case openFiles = "nofile"
    /// Processes and threads of the user.
    case processes = "nproc"
    /// Memory in use, in bytes; Linux has ignored it since 2.6.
    case residentSize = "rss"
    /// The highest real-time priority that may be asked for.
    case realTimePriority = "rtprio"
    /// Processor time of a real-time process without a rest, in microseconds.
    case realTime = "rttime"
    /// Signals that are queued for the user.
    case pendingSignals = "sigpending"
    /// The size of the stack, in bytes.
    case stackSize = "stack"
  }

  /// Stands for no limit: RLIM_INFINITY.
  public static let unlimited = UInt64.max

  /// The resource.
  public var resource: Resource
  /// What counts; a process may raise its own as far as the hard limit.
  public var soft: UInt64
  /// What no process of the run can get beyond.
  public var hard: UInt64

  /// Limits a resource.
  public init(_ resource: Resource, soft: UInt64, hard: UInt64) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }
}

extension ResourceLimit {
  /// Reads `NAME=SOFT[:HARD]`; a value is a number, a size where the resource has one, or
  /// `unlimited`.
  ///
  /// - Throws: ``SpecError`` for a name or value that is none, or a soft limit above the hard one.
  public init(parsing text: ByteString) throws(SpecError) {
    let parts = text.bytes.split(
      separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw SpecError(
        "the limit \(String(quoting: text.bytes)) has no value",
        remedy: "write it as NAME=SOFT or NAME=SOFT:HARD, such as nofile=4096")
    }
    let name = String(decoding: parts[0], as: UTF8.self)
    guard let resource = Resource(rawValue: name) else {
      throw SpecError(
        "there is no limit \(String(quoting: parts[0]))",
        remedy: "use one of " + Resource.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let values = parts[1].split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let soft = try resource.value(parsing: values[0])
    let hard = values.count == 2 ? try resource.value(parsing: values[1]) : soft
    self.init(resource, soft: soft, hard: hard)
    try validate()
  }

  func validate() throws(SpecError) {
    guard soft <= hard else {
      throw SpecError(
        "the soft limit of \(resource.rawValue) is above the hard one",
        remedy: "give the smaller one first, as in \(resource.rawValue)=SOFT:HARD")
    }
  }
}

extension ResourceLimit.Resource {
  private var isSize: Bool {
    switch self {
    case .addressSpace, .coreSize, .dataSize, .fileSize, .lockedMemory, .messageQueues,
      .residentSize, .stackSize:
      true
    case .processorTime, .fileLocks, .niceness, .openFiles, .processes, .realTimePriority,
      .realTime, .pendingSignals:
      false
    }
  }

  fileprivate func value(parsing bytes: ArraySlice<UInt8>) throws(SpecError) -> UInt64 {
    if bytes.elementsEqual("unlimited".utf8) { return ResourceLimit.unlimited }
    let number = DecimalPrefix(bytes)
    if number.length > 0, number.length == bytes.count, let value = number.value,
      value < ResourceLimit.unlimited
    {
      return value
    }
    if isSize, let text = try? ByteString(bytes: Array(bytes), subject: "a size"),
      let size = try? ByteCount(parsing: text), size.bytes < ResourceLimit.unlimited
    {
      return size.bytes
    }
    throw SpecError(
      "\(String(quoting: bytes)) is no value of the limit \(rawValue)",
      remedy: "give a whole number\(isSize ? ", a size such as 64M," : "") or unlimited")
  }
}

extension [ResourceLimit] {
  /// Adds a limit; one of the same resource is replaced.
  public mutating func set(_ limit: ResourceLimit) {
    removeAll { $0.resource == limit.resource }
    append(limit)
  }
}
