// Why a profile cannot become a program.

/// Why a profile cannot become a program.
public enum SeccompError: Error, Hashable, CustomStringConvertible {
  case architectureNotInProfile(Architecture)
  case subArchitectures(of: Architecture)
  case valueOutsideMask(syscall: String)
  case repeatedArgument(syscall: String)
  case conflictingRules(syscall: String)
  case noRules
  case programTooLong(instructions: Int)

  /// One sentence, which begins with what is wrong.
  public var description: String {
    switch self {
    case .architectureNotInProfile(let architecture):
      "the profile's archMap does not name \(architecture)"
    case .subArchitectures(let architecture):
      "the profile's archMap has subArchitectures of \(architecture), which are always killed"
    case .valueOutsideMask(let syscall):
      "\(syscall): valueTwo of SCMP_CMP_MASKED_EQ has bits that value, the mask, has not"
    case .repeatedArgument(let syscall):
      "\(syscall): one rule has two conditions on the same argument; use two rules"
    case .conflictingRules(let syscall):
      "\(syscall): a rule without conditions and another rule have different actions"
    case .noRules:
      "no rule of the profile names a system call of this architecture"
    case .programTooLong(let instructions):
      "the program would have \(instructions) instructions; the kernel takes 4096"
    }
  }
}
