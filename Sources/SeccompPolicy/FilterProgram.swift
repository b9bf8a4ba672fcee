// A finished program: as bytes, as the kernel runs it, and with its errors told to a listener.

/// One system call, as a filter sees it (`struct seccomp_data`).
public struct SystemCall: Hashable, Sendable {
  /// The kernel's AUDIT_ARCH_* of the caller.
  public var architecture: UInt32
  /// The number.
  public var number: UInt32
  /// The six arguments.
  public var arguments: [UInt64]

  /// Describes a call; arguments that are not given are zero.
  public init(architecture: UInt32, number: UInt32, arguments: [UInt64] = []) {
    self.architecture = architecture
    self.number = number
    self.arguments = arguments + Array(repeating: 0, count: max(0, 6 - arguments.count))
  }

  /// The 32-bit word at an offset; nil where the kernel would refuse the program.
  fileprivate func word(at offset: UInt32) -> UInt32? {
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

extension [BPFInstruction] {
  /// The most instructions that the kernel takes: BPF_MAXINSNS.
  public static let maximumLength = 4096
  /// The size of an instruction in bytes.
  private static let size = 8

  /// The program as the kernel takes it: `struct sock_filter`, one after the other.
  public var bytes: [UInt8] {
    flatMap { instruction in
      let (code, k) = (instruction.code, instruction.k)
      return [
        UInt8(truncatingIfNeeded: code), UInt8(code >> 8), instruction.jt, instruction.jf,
        UInt8(truncatingIfNeeded: k), UInt8(truncatingIfNeeded: k >> 8),
        UInt8(truncatingIfNeeded: k >> 16), UInt8(k >> 24),
      ]
    }
  }

  /// Reads what ``bytes`` has written.
  ///
  /// - Returns: nil for anything that is not a valid program.
  public init?(bytes: some RandomAccessCollection<UInt8>) {
    guard bytes.count % Self.size == 0, bytes.count / Self.size <= Self.maximumLength else {
      return nil
    }
    let all = [UInt8](bytes)
    self = stride(from: 0, to: all.count, by: Self.size).map { start in
      let k = (0..<4).reduce(UInt32(0)) { $0 | UInt32(all[start + 4 + $1]) << UInt32(8 * $1) }
      return BPFInstruction(
        code: UInt16(all[start]) | UInt16(all[start + 1]) << 8, jt: all[start + 2],
        jf: all[start + 3], k: k)
    }
    guard isValid else { return nil }
  }

  /// Whether the program has the operations and words that filters use, every jump lands inside of
  /// it, and the last instruction returns.
  public var isValid: Bool {
    guard last?.code == BPFInstruction.ret, count <= Self.maximumLength else { return false }
    let empty = SystemCall(architecture: 0, number: 0)
    return enumerated().allSatisfy { position, instruction in
      switch instruction.code {
      case BPFInstruction.load: return empty.word(at: instruction.k) != nil
      case BPFInstruction.and, BPFInstruction.ret: return true
      case BPFInstruction.jump: return Int(instruction.k) < count - position - 1
      case BPFInstruction.jumpIfEqual, BPFInstruction.jumpIfAbove, BPFInstruction.jumpIfAtLeast:
        return Int(Swift.max(instruction.jt, instruction.jf)) < count - position - 1
      default: return false
      }
    }
  }

  /// What the program returns to the kernel for a call; nil when it is not valid.
  public func returnValue(for call: SystemCall) -> UInt32? {
    var accumulator: UInt32 = 0
    var position = 0
    while position < count {
      let instruction = self[position]
      let k = instruction.k
      position += 1
      switch instruction.code {
      case BPFInstruction.load:
        guard let word = call.word(at: k) else { return nil }
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
      default: return nil
      }
    }
    return nil
  }

  /// The errno with which the program lets a call fail; nil when its verdict is another.
  public func errno(for call: SystemCall) -> UInt16? {
    returnValue(for: call).flatMap(Verdict.errno(ofReturnValue:))
  }

  /// The same program, but that calls which it lets fail wait for the answer of a listener.
  public var notifyingErrors: [BPFInstruction] {
    map { instruction in
      var changed = instruction
      if instruction.code == BPFInstruction.ret,
        Verdict.errno(ofReturnValue: instruction.k) != nil
      {
        changed.k = Verdict.notify
      }
      return changed
    }
  }
}

extension Verdict {
  /// SECCOMP_RET_USER_NOTIF
  fileprivate static let notify: UInt32 = 0x7FC0_0000

  fileprivate static func errno(ofReturnValue value: UInt32) -> UInt16? {
    value & 0xFFFF_0000 == Verdict.errno(0).returnValue ? UInt16(value & 0xFFFF) : nil
  }
}
