// Whether a program does what a policy says. libseccomp joins the conditions of several rules for
// one call in a tree, and for some rules that overlap the tree decides wrongly.

extension SyscallPolicy {
  /// Compares a program with the rules, on both sides of every condition.
  ///
  /// - Throws: `SeccompError.libseccompDiffers` for a call about which they differ;
  ///   `SeccompError.tooManyConditions`.
  func checkAgreement(of program: [BPFInstruction]) throws(SeccompError) {
    for number in rules.keys.sorted() {
      let rules = rules[number] ?? []
      guard rules.contains(where: { !$0.conditions.isEmpty }) else { continue }
      for arguments in try borders(of: rules, number) {
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

  /// Every combination of what lies on both sides of the conditions on each argument: the rules,
  /// and a program that compares with the same values, decide alike between these.
  ///
  /// - Throws: `SeccompError.tooManyConditions` for more combinations than can be tried.
  private func borders(of rules: [Rule], _ number: UInt32) throws(SeccompError) -> [[UInt64]] {
    var combinations = [Array(repeating: UInt64(0), count: 6)]
    let conditions = rules.flatMap(\.conditions)
    for index in 0..<6 {
      let here = conditions.filter { $0.index == index }
      guard !here.isEmpty else { continue }
      let values = Set(here.flatMap(\.borders) + [0, .max])
      guard combinations.count * values.count <= Self.maximumCombinations else {
        throw .tooManyConditions(syscall: architecture.syscallName(number) ?? "\(number)")
      }
      combinations = combinations.flatMap { arguments in
        values.map { value in
          var arguments = arguments
          arguments[index] = value
          return arguments
        }
      }
    }
    return combinations
  }

  /// A few milliseconds of trying.
  private static let maximumCombinations = 100_000
}

extension SeccompProfile.Condition {
  /// Whether it is met. See seccomp_rule_add(3).
  fileprivate func holds(for arguments: [UInt64]) -> Bool {
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

  /// What lies next to it, on both sides.
  fileprivate var borders: [UInt64] {
    let middle = op == .maskedEqual ? valueTwo ?? 0 : value
    return [middle, middle &+ 1, middle &- 1]
  }
}
