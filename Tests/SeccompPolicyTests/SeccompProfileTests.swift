import FoundationEssentials
import SeccompPolicy
import Testing

@Suite struct SeccompProfileTests {
  private func decode(_ json: String) throws -> SeccompProfile {
    try JSONDecoder().decode(SeccompProfile.self, from: Data(json.utf8))
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

  @Test(
    arguments: [
      #"{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "arg": []}"#,
      #"{"names": ["ioctl"], "action": "SCMP_ACT_PERMIT"}"#,
      #"{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1}"#,
      #"{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 65536}"#,
      #"{"action": "SCMP_ACT_ALLOW"}"#,
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8.1"}}"#,
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"cap": []}}"#,
      #"{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1}]}"#,
      #"""
      {"names": ["a"], "action": "SCMP_ACT_ALLOW",
       "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}
      """#,
      #"""
      {"names": ["a"], "action": "SCMP_ACT_ALLOW",
       "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]}
      """#,
    ])
  func refusesWhatItDoesNotUnderstand(rule: String) {
    #expect(throws: DecodingError.self) { try decode(profile(rule)) }
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
        SeccompError.conflictingRules(syscall: "read")
      ),
      (
        #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": ["#
          + #"{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, "#
          + #"{"index": 0, "value": 2, "op": "SCMP_CMP_LE"}]}"#,
        .repeatedArgument(syscall: "read")
      ),
      (
        #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": ["#
          + #"{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}"#,
        .valueOutsideMask(syscall: "read")
      ),
      (#"{"names": ["socketcall"], "action": "SCMP_ACT_ALLOW"}"#, .noRules),
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

  @Test func refusesOtherArchitecturesThanItsOwn() throws {
    let rules = #""syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]"#
    let map = #""archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["X"]}]"#
    let profile = try decode(#"{"defaultAction": "SCMP_ACT_ERRNO", \#(map), \#(rules)}"#)
    #expect(throws: SeccompError.subArchitectures(of: .x86_64)) {
      try SyscallPolicy(profile, for: FilterTarget(architecture: .x86_64))
    }
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
      let program = try IntervalTree(policy).program()
      let call = Call(architecture: Architecture.x86_64.auditValue, number: 161)
      let verdict = allowed ? Verdict.allow : .errno(1)
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
