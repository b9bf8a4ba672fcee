// Why a profile cannot become a program.

/// Why a profile cannot become a program. `rule` is an index of the profile's `syscalls`.
public enum SeccompError: Error, Hashable, Sendable, CustomStringConvertible {
  case architectureNotInProfile(Architecture)
  case repeatedArgument(rule: Int, syscall: String)
  case conflictingRules(rule: Int, other: Int, syscall: String)
  case exceptionLikeDefault(rule: Int, syscall: String)
  case noRules
  case programTooLong(instructions: Int)
  /// libseccomp's program decides otherwise than the profile for a call with these arguments.
  case libseccompDiffers(syscall: String, arguments: [UInt64])
  case tooManyConditions(syscall: String)
  /// A call of libseccomp failed; `error` is an errno.
  case libseccomp(call: String, error: Int32)

  /// One sentence, which begins with the place in the profile, where it has one.
  public var description: String {
    switch self {
    case .architectureNotInProfile(let architecture):
      "archMap: does not name \(architecture.libseccompName), the architecture of this machine"
    case .repeatedArgument(let rule, let syscall):
      "syscalls[\(rule)].args: two conditions on the same argument of '\(syscall)', which "
        + "container runtimes read differently; use two rules for alternatives"
    case .conflictingRules(let rule, let other, let syscall):
      "syscalls[\(rule)]: another action for '\(syscall)' than syscalls[\(other)]; one of them "
        + "has no conditions and would hide the other"
    case .exceptionLikeDefault(let rule, let syscall):
      "syscalls[\(rule)]: the default action for '\(syscall)', beside a rule with another one, "
        + "would be without effect; put its conditions into the other rule, or use another errnoRet"
    case .noRules:
      "syscalls: no rule names a system call of this architecture"
    case .programTooLong(let instructions):
      "syscalls: the program has \(instructions) instructions; the kernel takes 4096"
    case .libseccompDiffers(let syscall, let arguments):
      "syscalls: of the rules for '\(syscall)', which overlap, libseccomp makes a program that "
        + "decides otherwise when the arguments are "
        + arguments.map { "\($0)" }.joined(separator: ", ")
        + "; write them so that at most one matches a call"
    case .tooManyConditions(let syscall):
      "syscalls: the rules for '\(syscall)' have more conditions than can be checked; use fewer"
    case .libseccomp(let call, let error):
      "\(call) of libseccomp failed with errno \(error)"
    }
  }
}
