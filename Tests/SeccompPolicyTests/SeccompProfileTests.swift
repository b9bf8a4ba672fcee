import SeccompPolicy
import Testing

@Suite struct SeccompProfileTests {
  private func decode(_ json: String) throws -> SeccompProfile {
    try SeccompProfile(json: Array(json.utf8))
  }

  private func profile(_ rule: String) -> String {
    #"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [\#(rule)]}"#
  }

  @Test func readsEveryKeyOfARule() throws {
    let json = profile(
      #"""
      {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "comment": "why",
       "args": [{"index": 0, "value": 18446744073709551615, "valueTwo": 8,
                 "op": "SCMP_CMP_MASKED_EQ"}],
       "includes": {"caps": ["CAP_SYS_CHROOT"], "arches": ["amd64"], "minKernel": "4.8"},
       "excludes": {}}
      """#)
    let rule = try #require(try decode(json).syscalls.first)
    #expect(rule.names == ["personality"] && rule.action == .errno && rule.errnoRet == 38)
    #expect(rule.args == [.init(index: 0, value: .max, valueTwo: 8, op: .maskedEqual)])
    #expect(rule.includes?.caps == ["CAP_SYS_CHROOT"] && rule.includes?.arches == ["amd64"])
    #expect(rule.includes?.minKernel == KernelVersion(major: 4, minor: 8))
  }

  @Test func readsBothWaysToNameArchitecturesAndCalls() throws {
    let json = #"""
      {"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 65535,
       "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
       "syscalls": [{"name": "read", "names": null, "action": "SCMP_ACT_LOG", "args": null}]}
      """#
    let profile = try decode(json)
    #expect(profile.archMap?.map(\.architecture) == ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"])
    #expect(profile.defaultErrnoRet == 65535)
    #expect(profile.syscalls.map(\.names) == [["read"]])
    #expect(try decode(#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).syscalls.isEmpty)
    let empty = #"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [], "architectures": []}"#
    #expect(try decode(empty).archMap == nil)
  }

  @Test(arguments: SeccompProfile.ActionName.allCases)
  func knowsEveryAction(action: SeccompProfile.ActionName) throws {
    let rule = #"{"names": ["read"], "action": "\#(action.rawValue)"}"#
    #expect(try decode(profile(rule)).syscalls.first?.action == action)
  }

  @Test(arguments: SeccompProfile.Comparison.allCases)
  func knowsEveryOperator(op: SeccompProfile.Comparison) throws {
    let condition = #"{"index": 5, "value": 7, "valueTwo": 4, "op": "\#(op.rawValue)"}"#
    let rule = #"{"names": ["read"], "action": "SCMP_ACT_LOG", "args": [\#(condition)]}"#
    #expect(
      try decode(profile(rule)).syscalls.first?.args
        == [.init(index: 5, value: 7, valueTwo: 4, op: op)])
  }

  /// A rule, and the path of what is wrong in it, below `syscalls[1]`.
  private static let faults: [(rule: String, path: String, problem: String)] = [
    (#"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "arg": []}"#, ".arg", "not a field"),
    (#"{"names": ["a"], "action": "SCMP_ACT_PERMIT"}"#, ".action", "'SCMP_ACT_PERMIT' is not"),
    (#"{"names": ["a"], "action": "SCMP_ACT_NOTIFY"}"#, ".action", "is not an action"),
    (#"{"names": ["a"], "action": 1}"#, ".action", "must be a string"),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1}"#, ".errnoRet",
      "from 0 to 4095"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}"#, ".errnoRet",
      "from 0 to 4095"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_TRACE", "errnoRet": 65536}"#, ".errnoRet",
      "from 0 to 65535"
    ),
    (#"{"action": "SCMP_ACT_ALLOW"}"#, ".names", "is missing"),
    (#"{"names": "a", "action": "SCMP_ACT_ALLOW"}"#, ".names", "must be a list"),
    (#"{"names": ["a", 1], "action": "SCMP_ACT_ALLOW"}"#, ".names[1]", "must be a string"),
    (#"{"names": ["a"], "name": "b", "action": "SCMP_ACT_ALLOW"}"#, ".name", "beside names"),
    (#"{"names": ["a"]}"#, ".action", "is missing"),
    (#""read""#, "", "must be an object"),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8.1"}}"#,
      ".includes.minKernel", "MAJOR.MINOR"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "excludes": {"cap": []}}"#,
      ".excludes.cap", "there are caps, arches, minKernel"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1}]}"#,
      ".args[0].op", "is missing"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [\#(eq), {"index": 1, "value": 1, "#
        + #""op": "SCMP_CMP_FOO"}]}"#, ".args[1].op", "'SCMP_CMP_FOO' is not an operator"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "#
        + #""op": "SCMP_CMP_EQ"}]}"#, ".args[0].index", "from 0 to 5"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "#
        + #""value": 18446744073709551616, "op": "SCMP_CMP_EQ"}]}"#, ".args[0].value",
      "from 0 to 18446744073709551615"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1.0, "#
        + #""op": "SCMP_CMP_EQ"}]}"#, ".args[0].value", "a whole number"
    ),
    (
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "#
        + #""valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}"#, ".args[0].valueTwo", "the mask"
    ),
  ]

  private static let eq = #"{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}"#

  @Test(arguments: faults)
  func namesThePlaceOfWhatItDoesNotUnderstand(
    rule: String, path: String, problem: String
  ) throws {
    let first = #"{"names": ["read"], "action": "SCMP_ACT_ALLOW"}"#
    let error = try #require(throws: ProfileError.self) {
      try decode(profile("\(first), \(rule)"))
    }
    #expect(error.path == "syscalls[1]" + path)
    #expect(error.problem.contains(problem), "\(error)")
  }

  @Test(arguments: [
    (#"{"syscalls": []}"#, "defaultAction: is missing"),
    (#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": []}"#, "flags: is not a field"),
    (#"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": {}}"#, "archMap: must be a list"),
    (
      #"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "X", "sub": 1}]}"#,
      "archMap[0].sub: is not a field"
    ),
    (
      #"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "X"}], "#
        + #""architectures": ["X"]}"#,
      "architectures: cannot stand beside archMap"
    ),
    (#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000}"#, "defaultErrnoRet: must be"),
    ("[]", "must be an object"),
  ])
  func namesThePlaceOutsideOfRules(json: String, text: String) throws {
    let error = try #require(throws: ProfileError.self) { try decode(json) }
    #expect(error.description.hasPrefix(text), "\(error)")
  }

  private func policy(
    _ rules: String, capabilities: Set<String> = [], architecture: Architecture = .x86_64
  ) throws -> SyscallPolicy {
    try SyscallPolicy(
      decode(profile(rules)),
      for: FilterTarget(architecture: architecture, capabilities: capabilities))
  }

  @Test(
    arguments: [
      (
        #"{"names": ["read"], "action": "SCMP_ACT_ALLOW"}, "#
          + #"{"names": ["read"], "action": "SCMP_ACT_LOG"}"#,
        SeccompError.conflictingRules(rule: 1, other: 0, syscall: "read")
      ),
      (
        #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": ["#
          + #"{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, "#
          + #"{"index": 0, "value": 2, "op": "SCMP_CMP_LE"}]}"#,
        .repeatedArgument(rule: 0, syscall: "read")
      ),
    ])
  func refusesRulesThatCompilersReadDifferently(rules: String, error: SeccompError) {
    #expect(throws: error) { try policy(rules) }
  }

  @Test func aNameWithNULIsNotTheOneBeforeIt() throws {
    let policy = try policy(
      #"{"names": ["write", "read\u0000x"], "action": "SCMP_ACT_ALLOW"}"#)
    #expect(policy.unknownNames == ["read\0x"])
    let call = Call(architecture: Architecture.x86_64.auditValue, number: 0)
    #expect(
      try IntervalTree(policy).program().verdict(on: call) == Verdict.errno(1).returnValue)
  }

  @Test func unknownNamesAreListedOnceInTheirOrder() throws {
    let policy = try policy(
      #"{"names": ["zfrob", "read", "socketcall", "read\u0000x", ""], "action": "SCMP_ACT_LOG"}, "#
        + #"{"names": ["afrob", "zfrob"], "action": "SCMP_ACT_LOG"}"#)
    #expect(policy.unknownNames == ["zfrob", "read\0x", "", "afrob"])
  }

  @Test func refusesATreeOfNothing() throws {
    let policy = try policy(#"{"names": ["socketcall"], "action": "SCMP_ACT_ALLOW"}"#)
    #expect(throws: SeccompError.noRules) { try IntervalTree(policy) }
  }

  @Test func refusesOtherArchitecturesThanItsOwn() throws {
    let rules = #""syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]"#
    let map = #""archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["X"]}]"#
    let profile = try decode(#"{"defaultAction": "SCMP_ACT_ERRNO", \#(map), \#(rules)}"#)
    // Those that programs could switch to are without effect: they are always killed.
    let policy = try SyscallPolicy(profile, for: FilterTarget(architecture: .x86_64))
    let foreign = Call(architecture: 0x4000_0003, number: 0)
    #expect(
      try IntervalTree(policy).program().verdict(on: foreign) == Verdict.killProcess.returnValue)
    #expect(throws: SeccompError.architectureNotInProfile(.aarch64)) {
      try SyscallPolicy(profile, for: FilterTarget(architecture: .aarch64))
    }
  }

  @Test(
    arguments: [
      (#""includes": {"caps": ["CAP_SYS_CHROOT"]}"#, false, true),
      (#""includes": {"caps": ["CAP_SYS_CHROOT", "CAP_SYS_NICE"]}"#, false, false),
      (#""excludes": {"caps": ["CAP_SYS_CHROOT"]}"#, true, false),
      (#""includes": {"arches": ["amd64", "arm"]}"#, true, true),
      (#""includes": {"arches": ["arm64"]}"#, false, false),
      (#""excludes": {"arches": ["amd64"]}"#, false, false),
      (#""includes": {"minKernel": "6.1"}"#, true, true),
      (#""includes": {"minKernel": "6.2"}"#, false, false),
      (#""excludes": {"minKernel": "6.1"}"#, false, false),
    ])
  func countsRulesForTheRunsTheyAreFor(filter: String, without: Bool, with: Bool) throws {
    let rule = #"{"names": ["chroot"], "action": "SCMP_ACT_ALLOW", \#(filter)}"#
    for (capabilities, allowed) in [([String](), without), (["CAP_SYS_CHROOT"], with)] {
      let policy = try policy(rule, capabilities: Set(capabilities))
      let call = Call(architecture: Architecture.x86_64.auditValue, number: 161)
      let verdict = allowed ? Verdict.allow : .errno(1)
      let program = try IntervalTree(policy).program()
      #expect(try program.verdict(on: call) == verdict.returnValue)
    }
  }

  @Test func namesOfTheDefaultProfileAreKnownAndUsed() throws {
    let profile = try defaultProfile()
    let names = Set(profile.syscalls.flatMap(\.names))
    let known = Architecture.allCases.map { architecture in
      names.filter { architecture.number(of: $0) != nil }
    }
    #expect(names.subtracting(known[0]).subtracting(known[1]) == [])
  }
}
