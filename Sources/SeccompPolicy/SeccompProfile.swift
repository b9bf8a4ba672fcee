// A seccomp profile in Docker's JSON format, as values.

/// A seccomp profile in Docker's JSON format: what a run may ask of the kernel.
///
/// Reading is strict: a key that is not known is an error, because a misspelt `args` would turn a
/// rule with conditions into one without.
/// See seccomp.json in the documentation of Docker, and seccomp(2).
public struct SeccompProfile: Hashable, Sendable {
  /// What happens to a system call that no rule names.
  public var defaultAction: ActionName
  /// The errno of `defaultAction` when that is `SCMP_ACT_ERRNO`, or the message of
  /// `SCMP_ACT_TRACE`; EPERM when absent.
  public var defaultErrnoRet: UInt16?
  /// The architectures that the profile is written for, `archMap` or `architectures` in JSON; any
  /// when absent.
  public var archMap: [ArchitectureMapping]?
  /// The rules. Several rules for one system call are alternatives.
  public var syscalls: [Rule]

  /// A profile with the given rules.
  public init(
    defaultAction: ActionName, defaultErrnoRet: UInt16? = nil,
    archMap: [ArchitectureMapping]? = nil, syscalls: [Rule]
  ) {
    self.defaultAction = defaultAction
    self.defaultErrnoRet = defaultErrnoRet
    self.archMap = archMap
    self.syscalls = syscalls
  }

  /// An architecture, and those that its kernel also runs.
  public struct ArchitectureMapping: Hashable, Sendable {
    /// libseccomp's name, such as `SCMP_ARCH_X86_64`.
    public var architecture: String
    /// libseccomp's names of the architectures that programs could switch to. Without effect: a
    /// command has its own architecture only.
    public var subArchitectures: [String]?

    init(architecture: String) { self.architecture = architecture }
  }

  /// One rule: an action for some system calls, under conditions on arguments and on the run.
  public struct Rule: Hashable, Sendable {
    /// The system calls that the rule is about.
    public var names: [String]
    /// What happens to a call that meets every condition.
    public var action: ActionName
    /// The errno of `SCMP_ACT_ERRNO`, or the message of `SCMP_ACT_TRACE`; EPERM when absent.
    public var errnoRet: UInt16?
    /// Conditions on arguments, all of which must be met.
    public var args: [Condition]?
    /// The rule counts only for runs like this.
    public var includes: Filter?
    /// The rule does not count for runs like this.
    public var excludes: Filter?
    /// For the reader.
    public var comment: String?

    /// A rule without conditions on the run.
    public init(
      names: [String], action: ActionName, errnoRet: UInt16? = nil, args: [Condition]? = nil
    ) {
      self.names = names
      self.action = action
      self.errnoRet = errnoRet
      self.args = args
    }
  }

  /// A condition on one argument, which is always compared as 64 bits.
  public struct Condition: Hashable, Sendable {
    /// Which argument, 0…5.
    public var index: Int
    /// What the argument is compared with; the mask of `SCMP_CMP_MASKED_EQ`.
    public var value: UInt64
    /// What the masked argument must equal; 0 when absent, and only for `SCMP_CMP_MASKED_EQ`.
    public var valueTwo: UInt64?
    /// How they are compared.
    public var op: Comparison

    /// A condition on the argument `index`.
    public init(index: Int, value: UInt64, valueTwo: UInt64? = nil, op: Comparison) {
      self.index = index
      self.value = value
      self.valueTwo = valueTwo
      self.op = op
    }
  }

  /// Which runs a rule counts for.
  public struct Filter: Hashable, Sendable {
    /// Capabilities, such as `CAP_SYS_CHROOT`.
    public var caps: [String]?
    /// Architectures by Go's names, such as `amd64`.
    public var arches: [String]?
    /// The lowest kernel version, such as `4.8`.
    public var minKernel: KernelVersion?
  }

  /// An action by libseccomp's name.
  public enum ActionName: String, CaseIterable, Hashable, Sendable {
    case kill = "SCMP_ACT_KILL"
    case killThread = "SCMP_ACT_KILL_THREAD"
    case killProcess = "SCMP_ACT_KILL_PROCESS"
    case trap = "SCMP_ACT_TRAP"
    case errno = "SCMP_ACT_ERRNO"
    case trace = "SCMP_ACT_TRACE"
    case log = "SCMP_ACT_LOG"
    case allow = "SCMP_ACT_ALLOW"
  }

  /// A comparison by libseccomp's name.
  public enum Comparison: String, CaseIterable, Hashable, Sendable {
    case notEqual = "SCMP_CMP_NE"
    case less = "SCMP_CMP_LT"
    case lessOrEqual = "SCMP_CMP_LE"
    case equal = "SCMP_CMP_EQ"
    case greaterOrEqual = "SCMP_CMP_GE"
    case greater = "SCMP_CMP_GT"
    case maskedEqual = "SCMP_CMP_MASKED_EQ"
  }
}

/// A kernel's version, as far as profiles compare it.
public struct KernelVersion: Hashable, Comparable, Sendable {
  /// The first number of `6.1`.
  public var major: Int
  /// The second number of `6.1`.
  public var minor: Int

  /// The version `major.minor`.
  public init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads `major.minor`; nil when the text is anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { 48...57 ~= $0 } }),
      let major = Int(parts[0]), let minor = Int(parts[1])
    else { return nil }
    self.init(major: major, minor: minor)
  }

  /// Whether `left` is the older kernel.
  public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}
