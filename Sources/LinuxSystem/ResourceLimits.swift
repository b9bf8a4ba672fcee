internal import CLaunch
import SystemPackage

extension LaunchPlan {
  /// A resource of setrlimit(2), by its number.
  public enum ResourceLimit: UInt32, Sendable, Hashable, CaseIterable {
    case processorTime = 0
    case fileSize = 1
    case dataSize = 2
    case stackSize = 3
    case coreSize = 4
    case residentSize = 5
    case processes = 6
    case openFiles = 7
    case lockedMemory = 8
    case addressSpace = 9
    case fileLocks = 10
    case pendingSignals = 11
    case messageQueues = 12
    case niceness = 13
    case realTimePriority = 14
    case realTime = 15

    /// The name as prlimit(1) and limits.conf(5) write it.
    public var name: String {
      switch self {
      case .processorTime: "cpu"
      case .fileSize: "fsize"
      case .dataSize: "data"
      case .stackSize: "stack"
      case .coreSize: "core"
      case .residentSize: "rss"
      case .processes: "nproc"
      case .openFiles: "nofile"
      case .lockedMemory: "memlock"
      case .addressSpace: "as"
      case .fileLocks: "locks"
      case .pendingSignals: "sigpending"
      case .messageQueues: "msgqueue"
      case .niceness: "nice"
      case .realTimePriority: "rtprio"
      case .realTime: "rttime"
      }
    }

    /// A value as people write it.
    public static func text(_ value: UInt64) -> String {
      value == .max ? "unlimited" : "\(value)"
    }
  }
}

/// Raises the hard limit of this process where it is lower, so that a process that it starts can
/// have as much. The soft limit, which is what counts, stays.
///
/// - Throws: EPERM without CAP_SYS_RESOURCE in the host's user namespace, and for more open files
///   than `fs.nr_open`. See setrlimit(2).
public func raiseHardLimit(
  _ limit: LaunchPlan.ResourceLimit, to value: UInt64
) throws(SystemError) {
  let (soft, hard) = try resourceLimit(limit)
  guard hard < value else { return }
  let names =
    "to raise the limit \(limit.name) from \(LaunchPlan.ResourceLimit.text(hard)) to "
    + LaunchPlan.ResourceLimit.text(value)
  _ = try checkNegated(ol_set_limit(limit.rawValue, soft, value), "setrlimit(2)", names)
}

/// Whether this process may raise its hard limits, which takes CAP_SYS_RESOURCE in the host's user
/// namespace. Found out with the limit on locks of files, which Linux ignores, and which may be
/// lower afterwards. See setrlimit(2).
public func mayRaiseHardLimits() throws(SystemError) -> Bool {
  let limit = LaunchPlan.ResourceLimit.fileLocks
  let (_, hard) = try resourceLimit(limit)
  if hard == .max {
    let low: UInt64 = 1000
    _ = try checkNegated(ol_set_limit(limit.rawValue, low, low), "setrlimit(2)")
  }
  do throws(SystemError) {
    try raiseHardLimit(limit, to: .max)
    return true
  } catch let error where error.errno == .notPermitted {
    return false
  }
}

/// The soft and the hard limit of this process. See getrlimit(2).
public func resourceLimit(
  _ limit: LaunchPlan.ResourceLimit
) throws(SystemError) -> (soft: UInt64, hard: UInt64) {
  var soft: UInt64 = 0
  var hard: UInt64 = 0
  // Safe: the call fills two numbers.
  _ = try checkNegated(
    unsafe ol_get_limit(limit.rawValue, &soft, &hard), "getrlimit(2)", "of \(limit.name)")
  return (soft, hard)
}

/// The niceness of this process, -20 to 19. See getpriority(2).
public func niceness() -> Int32 { ol_niceness() }
