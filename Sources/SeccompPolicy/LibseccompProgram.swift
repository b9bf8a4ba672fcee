// A policy compiled by libseccomp: for profiles that users bring.

internal import CSeccomp
internal import Glibc

extension SyscallPolicy {
  /// The version of libseccomp, such as `2.5.4`.
  public static var libseccompVersion: String {
    // Safe: libseccomp returns a constant of its own.
    guard let version = unsafe seccomp_version() else { return "" }
    return unsafe "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.micro)"
  }

  /// The program that libseccomp makes of the policy, for the architecture that this process has.
  ///
  /// Numbers that are newer than the profile are answered with ``unknownVerdict``, which libseccomp
  /// knows nothing of; it would give them the default.
  ///
  /// - Throws: `SeccompError.programTooLong`; `SeccompError.libseccomp`, for what it refuses;
  ///   `SeccompError.libseccompDiffers`, for rules of which it makes another policy.
  public func libseccompProgram() throws(SeccompError) -> [BPFInstruction] {
    precondition(architecture == .native, "libseccomp starts with the architecture it runs on")
    // Safe: the context is valid until it is released at the end of the function.
    guard let context = unsafe seccomp_init(defaultVerdict.returnValue) else {
      throw .libseccomp(call: "seccomp_init(3)", error: EINVAL)
    }
    defer { unsafe seccomp_release(context) }
    try checkLibseccomp(
      unsafe seccomp_attr_set(
        context, SCMP_FLTATR_ACT_BADARCH, Verdict.killProcess.returnValue),
      "seccomp_attr_set(3)")
    // A binary tree: the linear program of 300 names takes three times as long to load.
    try checkLibseccomp(
      unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set(3)")
    for number in rules.keys.sorted() {
      let rules = rules[number] ?? []
      try checkThatNoneIsLost(rules, number)
      for rule in rules where rule.verdict != defaultVerdict {
        try unsafe add(rule, number, to: context)
      }
    }
    let start = newerNumbers
    let program = start + (try unsafe exported(context, after: start.count))
    // Every jump of what stands before lands in it, or on what is valid by itself.
    precondition(program.isValid)
    try checkAgreement(of: program)
    return program
  }

  /// libseccomp takes no rule whose action is the default. Alone that changes nothing; beside
  /// another rule for the same call it may be an exception from that.
  private func checkThatNoneIsLost(_ rules: [Rule], _ number: UInt32) throws(SeccompError) {
    guard let like = rules.first(where: { $0.verdict == defaultVerdict }),
      rules.contains(where: { $0.verdict != defaultVerdict })
    else { return }
    throw .exceptionLikeDefault(
      rule: like.index, syscall: architecture.syscallName(number) ?? "\(number)")
  }

  private func add(
    _ rule: Rule, _ number: UInt32, to context: scmp_filter_ctx
  ) throws(SeccompError) {
    let conditions = rule.conditions.map {
      scmp_arg_cmp(
        arg: UInt32($0.index), op: $0.op.libseccompValue, datum_a: $0.value,
        datum_b: $0.valueTwo ?? 0)
    }
    // Safe: the call copies the conditions.
    try checkLibseccomp(
      unsafe seccomp_rule_add_exact_array(
        context, rule.verdict.returnValue, Int32(number), UInt32(conditions.count), conditions),
      "seccomp_rule_add_exact_array(3)")
  }

  /// Before libseccomp's own program: the answer to numbers between the newest that the profile
  /// names and those of x32.
  private var newerNumbers: [BPFInstruction] {
    guard let newestNumber, unknownVerdict != defaultVerdict else { return [] }
    let x32: UInt32 = 0x4000_0000
    return [
      BPFInstruction(code: BPFInstruction.load, k: Word.architecture.offset),
      BPFInstruction(code: BPFInstruction.jumpIfEqual, jf: 4, k: architecture.auditValue),
      BPFInstruction(code: BPFInstruction.load, k: Word.number.offset),
      BPFInstruction(code: BPFInstruction.jumpIfAtLeast, jt: 2, k: x32),
      BPFInstruction(code: BPFInstruction.jumpIfAbove, jf: 1, k: newestNumber),
      BPFInstruction(code: BPFInstruction.ret, k: unknownVerdict.returnValue),
    ]
  }
}

extension SeccompProfile.Comparison {
  fileprivate var libseccompValue: scmp_compare {
    switch self {
    case .notEqual: SCMP_CMP_NE
    case .less: SCMP_CMP_LT
    case .lessOrEqual: SCMP_CMP_LE
    case .equal: SCMP_CMP_EQ
    case .greaterOrEqual: SCMP_CMP_GE
    case .greater: SCMP_CMP_GT
    case .maskedEqual: SCMP_CMP_MASKED_EQ
    }
  }
}

private func checkLibseccomp(_ result: Int32, _ call: String) throws(SeccompError) {
  guard result == 0 else { throw .libseccomp(call: call, error: -result) }
}

/// The program of a context, which libseccomp only writes to a descriptor; `start` instructions
/// will stand before it.
private func exported(
  _ context: scmp_filter_ctx, after start: Int
) throws(SeccompError) -> [BPFInstruction] {
  let file = cseccomp_memory_file()
  guard file >= 0 else { throw .libseccomp(call: "memfd_create(2)", error: -file) }
  defer { close(file) }
  // Safe: the context is valid.
  try checkLibseccomp(unsafe seccomp_export_bpf(context, file), "seccomp_export_bpf(3)")
  let length = Int(lseek(file, 0, SEEK_CUR))
  guard start + length / 8 <= [BPFInstruction].maximumLength else {
    throw .programTooLong(instructions: start + length / 8)
  }
  let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
    // Safe: pread(2) writes at most as many bytes as it is told there are.
    count = max(0, unsafe pread(file, buffer.baseAddress, length, 0))
  }
  guard let program = [BPFInstruction](bytes: bytes) else {
    throw .libseccomp(call: "seccomp_export_bpf(3)", error: ENOEXEC)
  }
  return program
}
