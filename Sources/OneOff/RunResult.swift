public import ContainerSpec

/// How a run ended; also the content of `result.json`.
///
/// What the kernel cannot tell is nil (`null` in JSON), never guessed.
public struct RunResult: Sendable, Hashable, Codable {
  /// Why a run ended.
  public enum Reason: String, Sendable, Hashable, Codable {
    /// The command ended by itself.
    case completed
    /// A signal that oneoff did not send ended the command.
    case signaled
    /// The kernel killed the command, or something that it has started and without which it failed,
    /// for lack of memory.
    case outOfMemory = "out-of-memory"
    /// oneoff was told to end the run.
    case cancelled
    /// oneoff ended the run because it took too long.
    case timeout
    /// oneoff ended the run because it wrote nothing for too long.
    case silence
    /// The command was never executed.
    case setupFailed = "setup-failed"
    /// The supervisor was killed, and the container with it: nobody knows more.
    case supervisorLost = "supervisor-lost"
  }

  /// The command's exit status, or the signal that ended it: exactly one of the two.
  public struct Exit: Sendable, Hashable, Codable {
    /// What the command gave to exit(2), 0 to 255.
    public var code: Int32?
    /// The number of the signal, as signal(7) lists it.
    public var signal: Int32?
  }

  /// What the run used.
  public struct Usage: Sendable, Hashable, Codable {
    /// Processor time in user mode, of all processes that were waited for, in microseconds; nil
    /// when PID 1 could not report it, and no cgroup measured it.
    public var cpuUserMicroseconds: Int64?
    /// Processor time in the kernel, likewise.
    public var cpuSystemMicroseconds: Int64?
    /// How long the run had to wait because it had used its processor time up, in microseconds.
    public var cpuThrottledMicroseconds: Int64?
    /// The most memory that the run had at once.
    public var memoryPeakBytes: UInt64?
    /// How many of its processes the kernel has killed for lack of memory.
    public var oomKills: UInt64?
    /// The most processes that the run had at once.
    public var processesPeak: UInt64?
    /// What the run read from block devices.
    public var ioReadBytes: UInt64?
    /// What the run wrote to block devices.
    public var ioWriteBytes: UInt64?

    enum CodingKeys: String, CodingKey {
      case cpuUserMicroseconds = "cpu_user_us"
      case cpuSystemMicroseconds = "cpu_system_us"
      case cpuThrottledMicroseconds = "cpu_throttled_us"
      case memoryPeakBytes = "memory_peak_bytes"
      case oomKills = "oom_kills"
      case processesPeak = "processes_peak"
      case ioReadBytes = "io_read_bytes"
      case ioWriteBytes = "io_write_bytes"
    }
  }

  /// What the run wrote to its output.
  public struct Log: Sendable, Hashable, Codable {
    /// Bytes on standard output.
    public var stdoutBytes: UInt64 = 0
    /// Bytes on standard error.
    public var stderrBytes: UInt64 = 0
    /// Of both, the bytes that were not passed on: those after ``RunSpec/logMaximum``.
    public var droppedBytes: UInt64 = 0
    /// Of what was passed on, the bytes that the record of the run lacks, for want of space on its
    /// disk; nil when the run was not recorded.
    public var unstoredBytes: UInt64?
    /// The sinks that may lose output, and what they have lost.
    public var sinks: [Sink] = []

    enum CodingKeys: String, CodingKey {
      case stdoutBytes = "stdout_bytes"
      case stderrBytes = "stderr_bytes"
      case droppedBytes = "dropped_bytes"
      case unstoredBytes = "unstored_bytes"
      case sinks
    }
  }

  /// Which system calls of the command the seccomp policy has blocked.
  public struct BlockedCalls: Sendable, Hashable, Codable {
    /// A system call that failed, and how often.
    public struct Call: Sendable, Hashable, Codable {
      /// The name; nil for a number that is newer than oneoff.
      public var name: String?
      /// The number on this architecture.
      public var number: UInt32
      /// The errno with which it failed, such as `EPERM`.
      public var errno: String
      /// How often it was tried.
      public var count: UInt64
    }

    /// The calls, the most frequent first; at most 1024.
    public var calls: [Call]
    /// How often others were tried, when there were more kinds than that.
    public var otherCount: UInt64
    /// Whether every blocked call was counted.
    public var isComplete: Bool

    enum CodingKeys: String, CodingKey {
      case calls
      case otherCount = "other_count"
      case isComplete = "complete"
    }
  }

  /// The status of a run that took too long, however the command then ended.
  static let timeoutStatus: Int32 = 124
  /// The status of a run that has succeeded, and whose exports could not be made.
  static let exportFailedStatus: Int32 = 125

  /// The exit status of the command line: the command's own, 128 + N for signal N; 124 when it took
  /// too long; 125, 126 or 127 when it was never executed; 125 also when it has succeeded and its
  /// exports could not be made.
  public var status: Int32
  /// Why the run ended.
  public var reason: Reason
  /// How the command ended; nil when it was never executed.
  public var exit: Exit?
  /// `oneoff` when oneoff sent the signal that ended the command; nil when nobody can know.
  public var signalBy: String?
  /// When the run began, as RFC 3339 with nanoseconds, UTC.
  public var started: String
  /// When it ended; when its last output was read of a run whose supervisor was killed, nil when
  /// there was none.
  public var finished: String?
  /// How long it took, in milliseconds; nil when its supervisor was killed.
  public var durationMilliseconds: Int64?
  /// What it used; nil when the command was never executed.
  public var usage: Usage?
  /// What limited it: cgroups, where it had some, and the size of its scratch. nil when neither
  /// did.
  public var limits: LimitsInForce?
  /// The names of the limits that it came up against; nil when no cgroup could tell, and the
  /// scratch was not full.
  public var limitsHit: [String]?
  /// True when something that it wrote to its scratch on disk was lost, because the host's disk was
  /// full; nil when that is not known.
  public var scratchLost: Bool?
  /// What it changed in the layers that are thrown away; nil when the command was never executed.
  public var changes: Changes?
  /// What was exported, in the order of the specification; nil when that was nothing.
  public var exports: [Export]?
  /// What it wrote.
  public var log: Log
  /// The blocked system calls; nil when nobody has asked for them.
  public var blockedCalls: BlockedCalls?
  /// What was warned of, in the order in which it was: the first 100, after which one says how many
  /// there were besides.
  public var warnings: [RunWarning] = []
  /// Why the command was not executed, in words.
  public var error: String?

  enum CodingKeys: String, CodingKey {
    case status, reason, exit
    case signalBy = "signal_by"
    case started, finished
    case durationMilliseconds = "duration_ms"
    case usage, limits
    case limitsHit = "limits_hit"
    case scratchLost = "scratch_lost"
    case changes, exports, log
    case blockedCalls = "blocked_calls"
    case warnings, error
  }
}

// Written out, because what the compiler makes leaves nil members out: a reader of the JSON could
// not tell what is unknown from what this version does not have.

extension RunResult {
  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(status, forKey: .status)
    try members.encode(reason, forKey: .reason)
    try members.encode(exit, forKey: .exit)
    try members.encode(signalBy, forKey: .signalBy)
    try members.encode(started, forKey: .started)
    try members.encode(finished, forKey: .finished)
    try members.encode(durationMilliseconds, forKey: .durationMilliseconds)
    try members.encode(usage, forKey: .usage)
    try members.encode(limits, forKey: .limits)
    try members.encode(limitsHit, forKey: .limitsHit)
    try members.encode(scratchLost, forKey: .scratchLost)
    try members.encode(changes, forKey: .changes)
    try members.encode(exports, forKey: .exports)
    try members.encode(log, forKey: .log)
    try members.encode(blockedCalls, forKey: .blockedCalls)
    try members.encode(warnings, forKey: .warnings)
    try members.encode(error, forKey: .error)
  }

  /// Reads what this version writes, and what one has written that kept no warnings.
  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    status = try members.decode(Int32.self, forKey: .status)
    reason = try members.decode(Reason.self, forKey: .reason)
    exit = try members.decodeIfPresent(Exit.self, forKey: .exit)
    signalBy = try members.decodeIfPresent(String.self, forKey: .signalBy)
    started = try members.decode(String.self, forKey: .started)
    finished = try members.decodeIfPresent(String.self, forKey: .finished)
    durationMilliseconds = try members.decodeIfPresent(Int64.self, forKey: .durationMilliseconds)
    usage = try members.decodeIfPresent(Usage.self, forKey: .usage)
    limits = try members.decodeIfPresent(LimitsInForce.self, forKey: .limits)
    limitsHit = try members.decodeIfPresent([String].self, forKey: .limitsHit)
    scratchLost = try members.decodeIfPresent(Bool.self, forKey: .scratchLost)
    changes = try members.decodeIfPresent(Changes.self, forKey: .changes)
    exports = try members.decodeIfPresent([Export].self, forKey: .exports)
    log = try members.decode(Log.self, forKey: .log)
    blockedCalls = try members.decodeIfPresent(BlockedCalls.self, forKey: .blockedCalls)
    warnings = try members.decodeIfPresent([RunWarning].self, forKey: .warnings) ?? []
    error = try members.decodeIfPresent(String.self, forKey: .error)
  }
}

extension RunResult.Usage {
  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(cpuUserMicroseconds, forKey: .cpuUserMicroseconds)
    try members.encode(cpuSystemMicroseconds, forKey: .cpuSystemMicroseconds)
    try members.encode(cpuThrottledMicroseconds, forKey: .cpuThrottledMicroseconds)
    try members.encode(memoryPeakBytes, forKey: .memoryPeakBytes)
    try members.encode(oomKills, forKey: .oomKills)
    try members.encode(processesPeak, forKey: .processesPeak)
    try members.encode(ioReadBytes, forKey: .ioReadBytes)
    try members.encode(ioWriteBytes, forKey: .ioWriteBytes)
  }
}

extension RunResult.BlockedCalls.Call {
  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(name, forKey: .name)
    try members.encode(number, forKey: .number)
    try members.encode(errno, forKey: .errno)
    try members.encode(count, forKey: .count)
  }
}

/// Something that happened in a run.
public enum RunEvent: Sendable, Hashable {
  /// The command was executed.
  case started(id: RunID, time: String, pid: Int32)
  /// A line of output, or a piece of one.
  case log(LogLine)
  /// Something that the caller should know.
  case warning(RunWarning)
  /// The run is over; the last event.
  case finished(id: RunID, RunResult)
}

/// One of the command's two output streams.
public enum OutputStream: String, Sendable, Hashable, Codable, CaseIterable {
  case stdout
  case stderr
}

/// A line that the command wrote, without its line feed.
public struct LogLine: Sendable, Hashable {
  /// The number of the line in the run, across both streams, from 1.
  public var sequence: UInt64
  /// When it was read, as RFC 3339 with nanoseconds, UTC.
  public var time: String
  /// The stream.
  public var stream: OutputStream
  /// The bytes; not necessarily UTF-8.
  public var bytes: [UInt8]
  /// Whether more of the same line follows: lines are cut at 64 KiB.
  public var isPartial: Bool
}
