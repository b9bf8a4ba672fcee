// libseccomp's own program of a profile, to compare ours with.

import CSeccomp
import Glibc
import SeccompPolicy
import Testing

/// Compiles a profile with libseccomp, for a run without capabilities.
///
/// Takes nothing from our compiler but the profile's values and the architectures' numbers.
func libseccompProgram(
  _ profile: SeccompProfile, _ architecture: Architecture
) throws -> [BPFInstruction] {
  let context = unsafe try #require(
    seccomp_init(action(profile.defaultAction, profile.defaultErrnoRet)))
  defer { unsafe seccomp_release(context) }
  if seccomp_arch_native() != architecture.auditValue {
    try unsafe succeed(seccomp_arch_add(context, architecture.auditValue))
    try unsafe succeed(seccomp_arch_remove(context, seccomp_arch_native()))
  }
  try unsafe succeed(
    seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, action(.killProcess, nil)))
  // A binary tree: the linear program of 300 names takes ten times as long to interpret.
  try unsafe succeed(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2))

  let goName = architecture == .x86_64 ? "amd64" : "arm64"
  for rule in profile.syscalls {
    if let caps = rule.includes?.caps, !caps.isEmpty { continue }
    if let arches = rule.includes?.arches, !arches.contains(goName) { continue }
    let conditions = (rule.args ?? []).map {
      scmp_arg_cmp(
        arg: UInt32($0.index), op: comparison($0.op), datum_a: $0.value,
        datum_b: $0.valueTwo ?? 0)
    }
    for name in rule.names {
      // libseccomp takes the numbers of the machine it runs on, and translates them.
      let number = unsafe seccomp_syscall_resolve_name(name)
      try unsafe succeed(
        seccomp_rule_add_array(
          context, action(rule.action, rule.errnoRet), number, UInt32(conditions.count),
          conditions))
    }
  }
  return try unsafe exported(context)
}

private func succeed(_ result: Int32, sourceLocation: SourceLocation = #_sourceLocation) throws {
  try #require(result == 0, sourceLocation: sourceLocation)
}

/// The program of a context: seccomp_export_bpf(3) writes it to a descriptor.
private func exported(_ context: scmp_filter_ctx) throws -> [BPFInstruction] {
  // Safe: the file is closed once, after its last use.
  let file = unsafe try #require(tmpfile())
  defer { unsafe fclose(file) }
  let descriptor = unsafe fileno(file)
  try unsafe succeed(seccomp_export_bpf(context, descriptor))
  var bytes = [UInt8](repeating: 0, count: 8 * 4096)
  let capacity = bytes.count
  let length = unsafe pread(descriptor, &bytes, capacity, 0)
  try #require(length > 0 && length % 8 == 0)
  return stride(from: 0, to: length, by: 8).map { instruction(bytes[$0..<$0 + 8]) }
}

/// An instruction of linux/filter.h's struct sock_filter: code, jt, jf, k.
private func instruction(_ bytes: ArraySlice<UInt8>) -> BPFInstruction {
  let first = bytes.startIndex
  let code = UInt16(bytes[first]) | UInt16(bytes[first + 1]) << 8
  var value: UInt32 = 0
  for byte in bytes.suffix(4).reversed() { value = value << 8 | UInt32(byte) }
  return BPFInstruction(code: code, jt: bytes[first + 2], jf: bytes[first + 3], k: value)
}

/// seccomp.h's SCMP_ACT_*, which are macros that Swift does not see.
private func action(_ name: SeccompProfile.ActionName, _ errnoRet: UInt16?) -> UInt32 {
  switch name {
  case .kill, .killThread: 0x0000_0000
  case .killProcess: 0x8000_0000
  case .trap: 0x0003_0000
  case .errno: 0x0005_0000 | UInt32(errnoRet ?? 1)
  case .trace: 0x7FF0_0000 | UInt32(errnoRet ?? 1)
  case .log: 0x7FFC_0000
  case .allow: 0x7FFF_0000
  }
}

private func comparison(_ comparison: SeccompProfile.Comparison) -> scmp_compare {
  switch comparison {
  case .notEqual: SCMP_CMP_NE
  case .less: SCMP_CMP_LT
  case .lessOrEqual: SCMP_CMP_LE
  case .equal: SCMP_CMP_EQ
  case .greaterOrEqual: SCMP_CMP_GE
  case .greater: SCMP_CMP_GT
  case .maskedEqual: SCMP_CMP_MASKED_EQ
  }
}
