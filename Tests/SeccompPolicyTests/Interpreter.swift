// Runs programs as the kernel does, and fails the test where the kernel would refuse them.

import SeccompPolicy
import Testing

typealias Call = SystemCall

extension [BPFInstruction] {
  /// What the program returns to the kernel for a call.
  func verdict(on call: Call) throws -> UInt32 { try #require(returnValue(for: call)) }

  /// Every number that stands next to one that the program compares something with: between them
  /// it treats all numbers alike.
  var numbersAroundComparisons: Set<UInt32> {
    let jumps = [
      BPFInstruction.jumpIfEqual, BPFInstruction.jumpIfAbove, BPFInstruction.jumpIfAtLeast,
    ]
    return Set(
      filter { jumps.contains($0.code) }.flatMap { [$0.k &- 1, $0.k, $0.k &+ 1] })
  }
}
