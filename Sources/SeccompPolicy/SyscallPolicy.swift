// A profile made concrete: for one architecture and one kind of run, the rules by number.

/// What a filter does with a system call.
public enum Verdict: Hashable, Sendable {
  case killProcess
  case killThread
  case trap
  case errno(UInt16)
  case trace(UInt16)
  case log
  case allow

  /// What the program returns to the kernel. See seccomp(2).
  public var returnValue: UInt32 {
    switch self {
    case .killProcess: 0x8000_0000
    case .killThread: 0x0000_0000
    case .trap: 0x0003_0000
    case .errno(let number): 0x0005_0000 | UInt32(number)
    case .trace(let message): 0x7FF0_0000 | UInt32(message)
    case .log: 0x7FFC_0000
    case .allow: 0x7FFF_0000
    }
  }

  init(_ name: SeccompProfile.ActionName, errnoRet: UInt16?) {
    let errno = errnoRet ?? 1  // EPERM
    self =
      switch name {
      case .kill, .killThread: .killThread
      case .killProcess: .killProcess
      case .trap: .trap
      case .errno: .errno(errno)
      case .trace: .trace(errno)
      case .log: .log
      case .allow: .allow
      }
  }
}

/// The kind of run that a program is for.
public struct FilterTarget: Hashable, Sendable {
  /// The only architecture whose system calls are not killed.
  public var architecture: Architecture
  /// The capabilities that the run has, such as `CAP_SYS_CHROOT`.
  public var capabilities: Set<String>
  /// The oldest kernel that the program is loaded on.
  public var kernel: KernelVersion

  /// A run without capabilities on the oldest kernel that oneoff supports.
  public init(
    architecture: Architecture, capabilities: Set<String> = [],
    kernel: KernelVersion = KernelVersion(major: 6, minor: 1)
  ) {
    self.architecture = architecture
    self.capabilities = capabilities
    self.kernel = kernel
  }

  func meets(_ rule: SeccompProfile.Rule) -> Bool {
    if let filter = rule.includes {
      if let arches = filter.arches, !arches.contains(architecture.goName) { return false }
      if let caps = filter.caps, !capabilities.isSuperset(of: caps) { return false }
      if let minKernel = filter.minKernel, kernel < minKernel { return false }
    }
    if let filter = rule.excludes {
      if let arches = filter.arches, arches.contains(architecture.goName) { return false }
      if let caps = filter.caps, !capabilities.isDisjoint(with: caps) { return false }
      if let minKernel = filter.minKernel, kernel >= minKernel { return false }
    }
    return true
  }
}

/// A profile made concrete: what happens to each system call of one architecture.
///
/// When several rules match a call, the most restrictive action wins, as among several filters
/// of one process. See seccomp(2).
public struct SyscallPolicy: Hashable, Sendable {
  /// The conditions under which a system call gets a verdict other than the default.
  struct Rule: Hashable, Sendable {
    /// Its place in the profile.
    var index: Int
    var conditions: [SeccompProfile.Condition]
    var verdict: Verdict
  }

  /// The architecture of the numbers.
  public let architecture: Architecture
  /// What happens to a known system call that no rule matches.
  public let defaultVerdict: Verdict
  /// The highest number that the profile names, whatever the action; nil when it names none. What
  /// is above is newer than the profile.
  public let newestNumber: UInt32?
  /// The names that libseccomp does not know on any architecture, too new for it or misspelt, in
  /// the order of the profile.
  public let unknownNames: [String]
  /// By number, in the order in which the rules are tried.
  let rules: [UInt32: [Rule]]

  /// What happens to a call whose number is newer than the profile: ENOSYS where the profile lets
  /// unnamed calls fail, because C libraries fall back on ENOSYS only.
  public var unknownVerdict: Verdict {
    if case .errno = defaultVerdict { .errno(38) } else { defaultVerdict }
  }

  /// The policy that a profile describes for a kind of run.
  ///
  /// - Throws: `SeccompError` for rules that contradict each other, or that libseccomp and this
  ///   compiler would not understand in the same way.
  public init(_ profile: SeccompProfile, for target: FilterTarget) throws(SeccompError) {
    architecture = target.architecture
    defaultVerdict = Verdict(profile.defaultAction, errnoRet: profile.defaultErrnoRet)
    try Self.checkArchitectures(of: profile, include: architecture)

    var rules: [UInt32: [Rule]] = [:]
    var names: [UInt32: String] = [:]
    var unknownNames: [String] = []
    for (index, rule) in profile.syscalls.enumerated() {
      let applies = target.meets(rule)
      for name in rule.names {
        switch architecture.lookUp(name) {
        case .unknown: if !unknownNames.contains(name) { unknownNames.append(name) }
        case .otherArchitectures: break
        case .number(let number):
          names[number] = name
          guard applies else { continue }
          let conditions = try Self.checkedConditions(of: rule, index, syscall: name)
          let verdict = Verdict(rule.action, errnoRet: rule.errnoRet)
          rules[number, default: []].append(
            Rule(index: index, conditions: conditions, verdict: verdict))
        }
      }
    }
    for number in rules.keys.sorted() {
      rules[number] = try Self.ordered(rules[number] ?? [], syscall: names[number] ?? "\(number)")
    }
    self.rules = rules
    self.newestNumber = names.keys.max()
    self.unknownNames = unknownNames
  }

  private static func checkArchitectures(
    of profile: SeccompProfile, include architecture: Architecture
  ) throws(SeccompError) {
    guard let archMap = profile.archMap else { return }
    guard archMap.contains(where: { $0.architecture == architecture.libseccompName }) else {
      throw .architectureNotInProfile(architecture)
    }
  }

  private static func checkedConditions(
    of rule: SeccompProfile.Rule, _ index: Int, syscall: String
  ) throws(SeccompError) -> [SeccompProfile.Condition] {
    let conditions = rule.args ?? []
    // runc takes such conditions as alternatives, everything else in a rule as a conjunction.
    guard Set(conditions.map(\.index)).count == conditions.count else {
      throw .repeatedArgument(rule: index, syscall: syscall)
    }
    return conditions
  }

  /// The rules of one system call, the most restrictive first.
  private static func ordered(
    _ rules: [Rule], syscall: String
  ) throws(SeccompError) -> [Rule] {
    if let unconditional = rules.first(where: \.conditions.isEmpty) {
      // libseccomp would let the rule without conditions hide the others.
      if let other = rules.first(where: { $0.verdict != unconditional.verdict }) {
        let indices = [unconditional.index, other.index].sorted()
        throw .conflictingRules(rule: indices[1], other: indices[0], syscall: syscall)
      }
      return [unconditional]
    }
    // The kernel compares the actions as signed numbers; the smallest wins.
    let precedence = { (rule: Rule) in Int32(bitPattern: rule.verdict.returnValue) }
    return rules.enumerated()
      .sorted { (precedence($0.element), $0.offset) < (precedence($1.element), $1.offset) }
      .map(\.element)
  }
}
