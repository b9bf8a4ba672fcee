// libseccomp's own program of a profile, to compare ours with.

import CLaunch
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

private func exported(_ context: scmp_filter_ctx) throws -> [BPFInstruction] {
  var ends: [Int32] = [-1, -1]
  try unsafe succeed(pipe(&ends))
  defer { for end in ends { close(end) } }
  // The longest program is 32 KiB, so that it fits in the pipe.
  try unsafe succeed(seccomp_export_bpf(context, ends[1]))
  var filters = [sock_filter](repeating: sock_filter(), count: 4096)
  let capacity = filters.count * MemoryLayout<sock_filter>.stride
  let length = unsafe read(ends[0], &filters, capacity)
  try succeed(length > 0 ? 0 : -1)
  return filters.prefix(length / MemoryLayout<sock_filter>.stride)
    .map { BPFInstruction(code: $0.code, jt: $0.jt, jf: $0.jf, k: $0.k) }
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

extension Architecture {
  /// The number of a system call; nil when the architecture does not have it.
  func number(of name: String) -> UInt32? {
    UInt32(exactly: unsafe seccomp_syscall_resolve_name_arch(auditValue, name))
  }

  /// Every name that libseccomp has for a number of the architecture.
  var syscallNames: [UInt32: String] {
    var names: [UInt32: String] = [:]
    for number in 0...Int32(1023) {
      guard let name = unsafe seccomp_syscall_resolve_num_arch(auditValue, number) else { continue }
      names[UInt32(number)] = unsafe String(cString: name)
      unsafe free(name)
    }
    return names
  }
}
