@testable import SeccompPolicy

extension FuzzTarget {
  /// A seccomp profile in Docker's JSON format.
  static let seccomp = FuzzTarget(name: "seccomp") { bytes in
    guard let profile = try? SeccompProfile(json: bytes) else { return }
    for architecture in Architecture.allCases {
      for capabilities in [[], ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]] {
        let run = FilterTarget(architecture: architecture, capabilities: Set(capabilities))
        guard let policy = try? SyscallPolicy(profile, for: run) else { continue }
        if isSmall(profile), let program = try? IntervalTree(policy).program() {
          try checkProgram(program, of: policy, profile, run)
        }
        if architecture == .native, let program = try? policy.libseccompProgram() {
          try checkProgram(program, of: policy, profile, run)
        }
      }
    }
  }

  /// Whether every system call has few conditions: with each, a tree of decisions grows manifold,
  /// which is no matter for the one profile that it is made for.
  private static func isSmall(_ profile: SeccompProfile) -> Bool {
    var conditions: [String: Int] = [:]
    for rule in profile.syscalls {
      for name in rule.names { conditions[name, default: 0] += rule.args?.count ?? 0 }
    }
    return conditions.values.allSatisfy { $0 <= 8 }
  }

  /// The program does what the profile says, for every system call that the profile names.
  private static func checkProgram(
    _ program: [BPFInstruction], of policy: SyscallPolicy, _ profile: SeccompProfile,
    _ run: FilterTarget
  ) throws {
    try hold(program.count <= 4096, "the kernel takes the program's length")
    try hold(program.isValid, "the kernel takes the program")
    for (number, rules) in rules(of: profile, for: run) {
      for arguments in argumentLists(of: rules) {
        let call = SystemCall(
          architecture: run.architecture.auditValue, number: number, arguments: arguments)
        let matching = rules.filter { rule in (rule.args ?? []).allSatisfy { $0.holds(arguments) } }
        let verdicts = matching.map { Verdict($0.action, errnoRet: $0.errnoRet).returnValue }
        let expected =
          verdicts.min { Int32(bitPattern: $0) < Int32(bitPattern: $1) }
          ?? policy.defaultVerdict.returnValue
        try hold(
          program.returnValue(for: call) == expected,
          "system call \(number) with \(arguments) is \(expected)")
      }
    }
    guard let newest = policy.newestNumber else { return }
    let (enosys, kill) = (policy.unknownVerdict.returnValue, Verdict.killProcess.returnValue)
    for (number, expected) in [
      (newest + 1, enosys),
      (0x4000_0000, run.architecture == .x86_64 ? kill : enosys),
    ] {
      let call = SystemCall(architecture: run.architecture.auditValue, number: number)
      try hold(program.returnValue(for: call) == expected, "\(number) is no system call")
    }
    let foreign = SystemCall(architecture: 0x4000_0003, number: newest)
    try hold(program.returnValue(for: foreign) == kill, "other architectures are killed")
  }

  /// By number, the rules that count for a kind of run; none for a call that is only named.
  private static func rules(
    of profile: SeccompProfile, for run: FilterTarget
  ) -> [UInt32: [SeccompProfile.Rule]] {
    var rules: [UInt32: [SeccompProfile.Rule]] = [:]
    for rule in profile.syscalls {
      for name in rule.names {
        guard case .number(let number) = run.architecture.lookUp(name) else { continue }
        rules[number, default: []] += run.meets(rule) ? [rule] : []
      }
    }
    return rules
  }

  /// Arguments on both sides of what the rules look at, a few of them.
  private static func argumentLists(of rules: [SeccompProfile.Rule]) -> [[UInt64]] {
    let conditions = rules.flatMap { $0.args ?? [] }.prefix(6)
    var values: [UInt64] = [0, .max]
    for condition in conditions {
      values += [condition.value, condition.value &+ 1, condition.value &- 1]
      values.append(condition.valueTwo ?? 0)
    }
    let uniform = values.map { Array(repeating: $0, count: 6) }
    // Every condition met where the operator is one of equality.
    var met = Array(repeating: UInt64(0), count: 6)
    for condition in conditions {
      met[condition.index] =
        condition.op == .maskedEqual ? condition.valueTwo ?? 0 : condition.value
    }
    return uniform + [met]
  }
}

extension SeccompProfile.Condition {
  fileprivate func holds(_ arguments: [UInt64]) -> Bool {
    let argument = arguments[index]
    return switch op {
    case .notEqual: argument != value
    case .less: argument < value
    case .lessOrEqual: argument <= value
    case .equal: argument == value
    case .greaterOrEqual: argument >= value
    case .greater: argument > value
    case .maskedEqual: argument & value == valueTwo ?? 0
    }
  }
}
