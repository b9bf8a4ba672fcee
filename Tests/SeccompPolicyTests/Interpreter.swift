// Runs classic BPF programs as the kernel does, on `struct seccomp_data`.

import SeccompPolicy

/// One system call, as a filter sees it.
struct Call: Hashable {
  var architecture: UInt32
  var number: UInt32
  var arguments: [UInt64] = Array(repeating: 0, count: 6)

  /// The 32-bit word at an offset; nil where the kernel would refuse the program.
  func word(at offset: UInt32) -> UInt32? {
    switch offset {
    case 0: return number
    case 4: return architecture
    case 16..<64 where offset % 4 == 0:
      let argument = arguments[Int((offset - 16) / 8)]
      return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
    default: return nil
    }
  }
}

/// What the interpreter refuses, as the kernel would when the program is loaded.
enum InvalidProgram: Error {
  case noReturn
  case offset(UInt32)
  case operation(UInt16)
}

extension [BPFInstruction] {
  /// What the program returns to the kernel for a call.
  func verdict(on call: Call) throws -> UInt32 {
    var accumulator: UInt32 = 0
    var position = 0
    while position < count {
      let instruction = self[position]
      let k = instruction.k
      position += 1
      switch instruction.code {
      case BPFInstruction.load:
        guard let word = call.word(at: k) else { throw InvalidProgram.offset(k) }
        accumulator = word
      case BPFInstruction.and: accumulator &= k
      case BPFInstruction.ret: return k
      case BPFInstruction.jump: position += Int(k)
      case BPFInstruction.jumpIfEqual, BPFInstruction.jumpIfAbove, BPFInstruction.jumpIfAtLeast:
        let holds =
          switch instruction.code {
          case BPFInstruction.jumpIfEqual: accumulator == k
          case BPFInstruction.jumpIfAbove: accumulator > k
          default: accumulator >= k
          }
        position += Int(holds ? instruction.jt : instruction.jf)
      default: throw InvalidProgram.operation(instruction.code)
      }
    }
    throw InvalidProgram.noReturn
  }

  /// Whether every jump lands inside of the program, and its last instruction returns.
  var jumpsAreValid: Bool {
    let land = enumerated().allSatisfy { position, instruction in
      switch instruction.code {
      case BPFInstruction.jump: position + 1 + Int(instruction.k) < count
      case BPFInstruction.jumpIfEqual, BPFInstruction.jumpIfAbove, BPFInstruction.jumpIfAtLeast:
        position + 1 + Int(Swift.max(instruction.jt, instruction.jf)) < count
      default: true
      }
    }
    return land && last?.code == BPFInstruction.ret
  }
}
