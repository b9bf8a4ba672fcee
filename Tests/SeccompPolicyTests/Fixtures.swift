// What the tests look at: the committed files, the linked programs, and the calls worth trying.

import CLaunch
import FoundationEssentials
import SeccompPolicy

let packageDirectory = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

func defaultProfile() throws -> SeccompProfile {
  let json = try Data(contentsOf: packageDirectory.appending(path: "seccomp/default.json"))
  return try SeccompProfile(json: [UInt8](json))
}

extension [BPFInstruction] {
  /// Copies a program out of CLaunch.
  init(_ program: UnsafePointer<sock_fprog>?) {
    // Safe: CLaunch's programs are constants of the stated length.
    let filter = unsafe UnsafeBufferPointer(
      start: program?.pointee.filter, count: Int(program?.pointee.len ?? 0))
    self = unsafe filter.map { BPFInstruction(code: $0.code, jt: $0.jt, jf: $0.jf, k: $0.k) }
  }
}

/// The default program of an architecture: as linked for the one that the tests run on, as
/// generated for the other.
func defaultProgram(_ architecture: Architecture) throws -> [BPFInstruction] {
  if architecture == .native { return unsafe [BPFInstruction](ol_seccomp_default()) }
  let policy = try SyscallPolicy(
    defaultProfile(), for: FilterTarget(architecture: architecture))
  return try IntervalTree(policy).program()
}

/// Values on both sides of everything that a condition may look at: the values themselves, one
/// more, one less, each single bit turned, and the same with the high half set.
func boundaryValues(_ conditions: [SeccompProfile.Condition]) -> Set<UInt64> {
  var values: Set<UInt64> = [0, 1, .max]
  for value in conditions.map(\.value) + conditions.map({ $0.valueTwo ?? 0 }) {
    values.formUnion([value, value &+ 1, value &- 1, value | 0xFFFF_FFFF_0000_0000, ~value])
    for bit in 0..<64 { values.insert(value ^ (UInt64(1) << UInt64(bit))) }
  }
  return values
}

/// Argument lists that cover the boundaries of all conditions, in every combination.
///
/// Arguments that no condition looks at are all zeros in one list and all ones in another.
func boundaryArguments(_ conditions: [SeccompProfile.Condition]) -> [[UInt64]] {
  let fills = [UInt64.min, .max].map { Array(repeating: $0, count: 6) }
  return Dictionary(grouping: conditions, by: \.index).reduce(fills) { lists, argument in
    lists.flatMap { list in
      boundaryValues(argument.value).map { value in
        var list = list
        list[argument.key] = value
        return list
      }
    }
  }
}
