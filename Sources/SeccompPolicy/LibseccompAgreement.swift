// Whether a program does what a policy says. libseccomp joins the conditions of several rules for
// one call in a tree, and for some rules that overlap the tree decides wrongly.

extension SyscallPolicy {
  /// Compares a program with the rules, on both sides of every condition.
  ///
  /// - Throws: `SeccompError.libseccompDiffers` for the first call about which they differ.
  func checkAgreement(of program: [BPFInstruction]) throws(SeccompError) {
    for number in rules.keys.sorted() {
      let rules = rules[number] ?? []
      guard rules.contains(where: { !$0.conditions.isEmpty }) else { continue }
      for arguments in Self.borders(of: rules) {
        let call = SystemCall(
          architecture: architecture.auditValue, number: number, arguments: arguments)
        guard program.returnValue(for: call) == verdict(of: rules, on: arguments).returnValue
        else {
          throw .libseccompDiffers(
            syscall: architecture.syscallName(number) ?? "\(number)", arguments: arguments)
        }
      }
    }
  }

  /// The rules come with the most restrictive first.
  private func verdict(of rules: [Rule], on arguments: [UInt64]) -> Verdict {
    rules.first { rule in rule.conditions.allSatisfy { $0.holds(for: arguments) } }?.verdict
      ?? defaultVerdict
  }

  /// Arguments on both sides of every condition: one value for all six, and for each rule those
  /// that meet it, the others being 0 or the greatest there is.
  private static func borders(of rules: [Rule]) -> [[UInt64]] {
    let values = rules.flatMap(\.conditions).flatMap(\.borders) + [0, .max]
    let uniform = Set(values).sorted().map { Array(repeating: $0, count: 6) }
    let met = rules.flatMap { rule in
      [meeting(rule, others: 0), meeting(rule, others: .max)]
    }
    return uniform + met
  }

  private static func meeting(_ rule: Rule, others: UInt64) -> [UInt64] {
    var arguments = Array(repeating: others, count: 6)
    for condition in rule.conditions {
      arguments[condition.index] = condition.borders.first { condition.holds(for: $0) } ?? others
    }
    return arguments
  }
}

extension SeccompProfile.Condition {
  /// Whether it is met. See seccomp_rule_add(3).
  fileprivate func holds(for arguments: [UInt64]) -> Bool { holds(for: arguments[index]) }

  fileprivate func holds(for argument: UInt64) -> Bool {
    switch op {
    case .notEqual: argument != value
    case .less: argument < value
    case .lessOrEqual: argument <= value
    case .equal: argument == value
    case .greaterOrEqual: argument >= value
    case .greater: argument > value
    case .maskedEqual: argument & value == valueTwo ?? 0
    }
  }

  /// What lies next to it, on both sides.
  fileprivate var borders: [UInt64] {
    let middle = op == .maskedEqual ? valueTwo ?? 0 : value
    return [middle, middle &+ 1, middle &- 1]
  }
}
