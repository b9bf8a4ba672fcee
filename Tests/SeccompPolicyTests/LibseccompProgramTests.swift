import SeccompPolicy
import Testing

/// The programs of profiles that users bring.
@Suite struct LibseccompProgramTests {
  private let native = Architecture.native

  private func program(
    _ rules: [SeccompProfile.Rule], _ action: SeccompProfile.ActionName = .errno,
    errnoRet: UInt16? = nil
  ) throws -> [BPFInstruction] {
    let profile = SeccompProfile(
      defaultAction: action, defaultErrnoRet: errnoRet, syscalls: rules)
    return try SyscallPolicy(profile, for: FilterTarget(architecture: native))
      .libseccompProgram()
  }

  private func verdict(
    _ program: [BPFInstruction], _ name: String, _ arguments: UInt64...
  ) throws -> UInt32 {
    let number = try #require(native.number(of: name))
    return try program.verdict(
      on: Call(architecture: native.auditValue, number: number, arguments: arguments))
  }

  @Test(arguments: [
    (SeccompProfile.ActionName.allow, UInt16?.none, Verdict.allow), (.log, nil, .log),
    (.kill, nil, .killThread), (.killThread, nil, .killThread), (.killProcess, nil, .killProcess),
    (.trap, nil, .trap), (.errno, nil, .errno(1)), (.errno, 38, .errno(38)), (.errno, 0, .errno(0)),
    (.trace, 7, .trace(7)),
  ])
  func everyActionHasItsVerdict(
    action: SeccompProfile.ActionName, errnoRet: UInt16?, verdict: Verdict
  ) throws {
    let rule = SeccompProfile.Rule(names: ["dup"], action: action, errnoRet: errnoRet)
    let program = try program([rule], .errno, errnoRet: 95)
    #expect(try self.verdict(program, "dup") == verdict.returnValue)
    #expect(try self.verdict(program, "read") == Verdict.errno(95).returnValue)
    let other = try self.program([], action, errnoRet: errnoRet)
    #expect(try self.verdict(other, "read") == verdict.returnValue)
  }

  @Test func numbersNewerThanTheProfileAreENOSYSWhereOthersAreErrors() throws {
    let newest = try #require(native.number(of: "openat2"))
    let rules = [SeccompProfile.Rule(names: ["openat2"], action: .allow)]
    func verdicts(_ action: SeccompProfile.ActionName) throws -> [UInt32] {
      let program = try program(rules, action)
      return try [newest - 1, newest, newest + 1, 0x3FFF_FFFF, .max].map {
        try program.verdict(on: Call(architecture: native.auditValue, number: $0))
      }
    }
    let (eperm, enosys, allow, kill) = (
      Verdict.errno(1).returnValue, Verdict.errno(38).returnValue, Verdict.allow.returnValue,
      Verdict.killProcess.returnValue
    )
    #expect(try verdicts(.errno) == [eperm, allow, enosys, enosys, eperm])
    #expect(try verdicts(.killProcess) == [kill, allow, kill, kill, kill])
  }

  @Test func foreignArchitecturesAreKilledWhateverTheProfileAllows() throws {
    let program = try program([], .allow)
    for foreign in [0x4000_0003, 0x4000_0028, native.auditValue ^ 1] as [UInt32] {
      let call = Call(architecture: foreign, number: 0)
      #expect(try program.verdict(on: call) == Verdict.killProcess.returnValue)
    }
    guard native == .x86_64 else { return }
    for number: UInt32 in [0x4000_0000, 0x4000_0001, 0x7FFF_FFFF] {
      let call = Call(architecture: native.auditValue, number: number)
      #expect(try program.verdict(on: call) == Verdict.killProcess.returnValue)
    }
  }

  @Test func theDefaultProfileBecomesTheSameProgramByEitherCompiler() throws {
    let policy = try SyscallPolicy(defaultProfile(), for: FilterTarget(architecture: native))
    let (ours, theirs) = (try IntervalTree(policy).program(), try policy.libseccompProgram())
    let numbers = ours.numbersAroundComparisons.union(theirs.numbersAroundComparisons)
    #expect(numbers.count > 300)
    for number in numbers {
      for fill in [UInt64.min, .max] {
        // -1 skips a call for a tracer; both refuse it, ours with ENOSYS.
        guard number != .max else { continue }
        let call = Call(
          architecture: native.auditValue, number: number,
          arguments: Array(repeating: fill, count: 6))
        #expect(try ours.verdict(on: call) == theirs.verdict(on: call), "\(call)")
      }
    }
  }

  @Test func aRuleLikeTheDefaultIsNotLostInSilence() throws {
    let always = SeccompProfile.Condition(index: 1, value: 0, op: .greaterOrEqual)
    let seven = SeccompProfile.Condition(index: 0, value: 7, op: .equal)
    let rules: [SeccompProfile.Rule] = [
      .init(names: ["read"], action: .allow, args: [always]),
      .init(names: ["read"], action: .errno, args: [seven]),
    ]
    #expect(throws: SeccompError.exceptionLikeDefault(rule: 1, syscall: "read")) {
      try program(rules)
    }
    // Alone it changes nothing.
    let alone = try program([rules[1]])
    #expect(try verdict(alone, "read", 7) == Verdict.errno(1).returnValue)
  }

  /// Rules that overlap, of which libseccomp 2.5.4 makes a program that does not do what they say.
  private static let misunderstood: [[SeccompProfile.Rule]] = [
    // None is met by 10 in all arguments: the default.
    [
      rule(.allow, [.init(index: 2, value: 0, op: .equal)]),
      rule(.allow, [.init(index: 0, value: 9, op: .equal)]),
      rule(
        .killProcess,
        [.init(index: 5, value: 1 << 40, op: .equal), .init(index: 2, value: 1, op: .notEqual)]),
    ],
    // Both are met by 8 in all arguments: the process is killed.
    [
      rule(.allow, [.init(index: 1, value: 8, op: .equal)]),
      rule(
        .killProcess,
        [.init(index: 0, value: 8, op: .equal), .init(index: 1, value: 1, op: .greaterOrEqual)]),
    ],
  ]

  private static func rule(
    _ action: SeccompProfile.ActionName, _ conditions: [SeccompProfile.Condition]
  ) -> SeccompProfile.Rule {
    .init(names: ["personality"], action: action, args: conditions)
  }

  @Test(arguments: misunderstood)
  func rulesThatLibseccompDecidesOtherwiseAreRefused(_ rules: [SeccompProfile.Rule]) throws {
    #expect {
      try program(rules)
    } throws: { error in
      if case SeccompError.libseccompDiffers("personality", _) = error { true } else { false }
    }
    // Each alone is understood.
    for rule in rules { _ = try program([rule]) }
  }

  @Test func aProgramThatIsTooLongIsAnError() throws {
    // Every rule with values of its own, or parts of the program would be there only once.
    let rules = native.syscallNames.values.sorted().enumerated().flatMap { index, name in
      (0..<6).map { argument in
        SeccompProfile.Rule(
          names: [name], action: .allow,
          args: [.init(index: argument, value: UInt64(index) << 33 + 7, op: .equal)])
      }
    }
    #expect {
      try program(rules)
    } throws: { error in
      if case SeccompError.programTooLong(let count) = error { count > 4096 } else { false }
    }
  }

  // MARK: Programs as such

  @Test func bytesAreReadAsTheyWereWritten() throws {
    let program = try program([.init(names: ["read"], action: .allow)])
    #expect(program.bytes.count == 8 * program.count)
    #expect([BPFInstruction](bytes: program.bytes) == program)
    let one = BPFInstruction(code: 0x0102, jt: 3, jf: 4, k: 0x0506_0708)
    #expect([one].bytes == [2, 1, 3, 4, 8, 7, 6, 5])
  }

  @Test func bytesThatAreNoProgramAreRefused() throws {
    let ret = BPFInstruction(code: BPFInstruction.ret, k: 0)
    let bad: [[BPFInstruction]] = [
      [], [.init(code: BPFInstruction.load, k: 0)], [.init(code: 0x99, k: 0), ret],
      [.init(code: BPFInstruction.load, k: 2), ret],
      [.init(code: BPFInstruction.load, k: 64), ret],
      [.init(code: BPFInstruction.jump, k: 1), ret],
      [.init(code: BPFInstruction.jump, k: .max), ret],
      [.init(code: BPFInstruction.jumpIfEqual, jt: 1, k: 0), ret],
      [.init(code: BPFInstruction.jumpIfAbove, jf: 1, k: 0), ret],
      Array(repeating: ret, count: 4097),
    ]
    for program in bad { #expect([BPFInstruction](bytes: program.bytes) == nil) }
    #expect([BPFInstruction](bytes: Array(repeating: ret, count: 4096).bytes) != nil)
    #expect([BPFInstruction](bytes: [ret].bytes.dropLast()) == nil)
  }

  @Test func onlyErrorsAreNotified() throws {
    let rules = SeccompProfile.ActionName.allCases.enumerated().map { index, action in
      SeccompProfile.Rule(
        names: [
          [
            "read", "write", "dup", "pipe2", "bind", "listen", "fsync",
            "chdir",
          ][index]
        ], action: action, errnoRet: action == .errno ? 5 : nil)
    }
    let program = try program(rules)
    let notifying = program.notifyingErrors
    let notify: UInt32 = 0x7FC0_0000
    for name in ["read", "write", "dup", "pipe2", "bind", "listen", "fsync", "chdir", "mount"] {
      let call = Call(
        architecture: native.auditValue, number: try #require(native.number(of: name)))
      let verdict = try program.verdict(on: call)
      let isError = verdict >> 16 == 5
      #expect(try notifying.verdict(on: call) == (isError ? notify : verdict))
      #expect(program.errno(for: call) == (isError ? UInt16(verdict & 0xFFFF) : nil))
      if name == "bind" { #expect(program.errno(for: call) == 5) }
    }
  }
}
