import SeccompPolicy
import Testing

/// The same numbers in every run (SplitMix64), so that a failure can be repeated.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension SeccompProfile.Condition {
  /// What the condition means, by its definition.
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
}

private let comparisons: [SeccompProfile.Comparison] = [
  .notEqual, .less, .lessOrEqual, .equal, .greaterOrEqual, .greater, .maskedEqual,
]

private let values: [UInt64] = [
  0, 1, 40, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0028, 0x7FFF_FFFF_FFFF_FFFF,
  0xFFFF_FFFF_0000_0000, .max,
]

@Suite struct IntervalTreeTests {
  private func program(
    _ rules: [SeccompProfile.Rule], _ architecture: Architecture = .x86_64,
    capabilities: Set<String> = []
  ) throws -> [BPFInstruction] {
    let profile = SeccompProfile(defaultAction: .errno, syscalls: rules)
    return try IntervalTree(
      SyscallPolicy(
        profile, for: FilterTarget(architecture: architecture, capabilities: capabilities))
    ).program()
  }

  @Test(arguments: comparisons, values)
  func comparesAllSixtyFourBits(op: SeccompProfile.Comparison, value: UInt64) throws {
    for index in [0, 5] {
      let valueTwo = op == .maskedEqual ? value & 0xF0F0_F0F0_F0F0_F0F0 : nil
      let condition = SeccompProfile.Condition(
        index: index, value: value, valueTwo: valueTwo, op: op)
      let program = try program([.init(names: ["read"], action: .allow, args: [condition])])
      for arguments in boundaryArguments([condition]) {
        let call = Call(
          architecture: Architecture.x86_64.auditValue, number: 0, arguments: arguments)
        let allowed = try program.verdict(on: call) == Verdict.allow.returnValue
        if allowed != condition.holds(for: arguments) {
          Issue.record("\(condition) \(arguments)")
        }
      }
    }
  }

  /// Random profiles with hundreds of rules: also programs that are too long for 8-bit jumps.
  @Test(arguments: 1...12)
  func agreesWithTheRulesOnRandomProfiles(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    let architecture = Architecture.allCases[Int(seed % 2)]
    let names = architecture.syscallNames.shuffled(using: &random).prefix(40 * Int(seed))
    let rules = names.map { _, name in
      let indices = (0...5).shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random))
      let conditions = indices.map { index in
        let op = comparisons.randomElement(using: &random) ?? .equal
        let value = values.randomElement(using: &random) ?? 0
        return SeccompProfile.Condition(index: index, value: value, op: op)
      }
      let actions: [SeccompProfile.ActionName] = [.allow, .log, .trap, .errno]
      return SeccompProfile.Rule(
        names: [name], action: actions.randomElement(using: &random) ?? .allow,
        errnoRet: UInt16.random(in: 1...133, using: &random), args: conditions)
    }
    let profile = SeccompProfile(defaultAction: .errno, syscalls: rules)
    let policy = try SyscallPolicy(profile, for: FilterTarget(architecture: architecture))
    let program = try IntervalTree(policy).program()
    // libseccomp starts with the architecture that it runs on.
    let other = architecture == .native ? try policy.libseccompProgram() : program
    #expect(program.isValid && other.isValid)
    if seed == 12 {
      #expect(program.count > 800)
      #expect(program.contains { $0.code == BPFInstruction.jump })
    }
    let ruleOf = Dictionary(uniqueKeysWithValues: zip(names.map(\.key), rules))
    for number in 0...(ruleOf.keys.max() ?? 0) {
      for _ in 0..<20 {
        let arguments = (0...5).map { _ in values.randomElement(using: &random) ?? 0 }
        let matched = ruleOf[number]?.args?.allSatisfy { $0.holds(for: arguments) } == true
        let expected = matched ? verdict(ruleOf[number]) : Verdict.errno(1).returnValue
        let call = Call(
          architecture: architecture.auditValue, number: number, arguments: arguments)
        if try program.verdict(on: call) != expected { Issue.record("\(call)") }
        if try other.verdict(on: call) != expected { Issue.record("libseccomp: \(call)") }
      }
    }
  }

  private func verdict(_ rule: SeccompProfile.Rule?) -> UInt32 {
    switch rule?.action {
    case .allow: Verdict.allow.returnValue
    case .log: Verdict.log.returnValue
    case .trap: Verdict.trap.returnValue
    default: Verdict.errno(rule?.errnoRet ?? 1).returnValue
    }
  }

  @Test func theMostRestrictiveRuleWinsInAnyOrder() throws {
    let everything = SeccompProfile.Condition(index: 1, value: 0, op: .greaterOrEqual)
    let seven = SeccompProfile.Condition(index: 0, value: 7, op: .equal)
    let rules: [SeccompProfile.Rule] = [
      .init(names: ["read"], action: .allow, args: [everything]),
      .init(names: ["read"], action: .errno, errnoRet: 5, args: [seven]),
    ]
    for rules in [rules, rules.reversed()] {
      let program = try program(rules)
      for (argument, verdict) in [(UInt64(7), Verdict.errno(5)), (8, .allow)] {
        let call = Call(
          architecture: Architecture.x86_64.auditValue, number: 0,
          arguments: [argument, 0, 0, 0, 0, 0])
        #expect(try program.verdict(on: call) == verdict.returnValue)
      }
    }
  }
}
