// Decisions laid out as classic BPF.

/// An instruction of classic BPF: `struct sock_filter`.
public struct BPFInstruction: Hashable, Sendable {
  /// The operation. See linux/filter.h.
  public var code: UInt16
  /// How many instructions a jump skips when its test holds.
  public var jt: UInt8
  /// How many instructions a jump skips when its test does not hold.
  public var jf: UInt8
  /// The operand.
  public var k: UInt32

  /// An instruction as the kernel takes it.
  public init(code: UInt16, jt: UInt8 = 0, jf: UInt8 = 0, k: UInt32) {
    self.code = code
    self.jt = jt
    self.jf = jf
    self.k = k
  }

  /// BPF_LD | BPF_W | BPF_ABS
  public static let load: UInt16 = 0x20
  /// BPF_ALU | BPF_AND | BPF_K
  public static let and: UInt16 = 0x54
  /// BPF_JMP | BPF_JA
  public static let jump: UInt16 = 0x05
  /// BPF_JMP | BPF_JEQ | BPF_K
  public static let jumpIfEqual: UInt16 = 0x15
  /// BPF_JMP | BPF_JGT | BPF_K
  public static let jumpIfAbove: UInt16 = 0x25
  /// BPF_JMP | BPF_JGE | BPF_K
  public static let jumpIfAtLeast: UInt16 = 0x35
  /// BPF_RET | BPF_K
  public static let ret: UInt16 = 0x06
}

/// Lays decisions out from the last instruction to the first.
///
/// Jumps only go forward, so that the target of every jump is already in place when the jump is
/// written, and one that is more than 255 instructions away can be brought nearer.
struct BPFAssembler {
  /// What the accumulator holds, so that a word is not loaded again.
  private struct Accumulator: Hashable {
    var word: Word
    var mask: UInt32
  }

  private struct Place: Hashable {
    var decision: Decision
    var accumulator: Accumulator?
  }

  private var reversed: [BPFInstruction] = []
  /// Where equal decisions begin, counted from the end: they are laid out once.
  private var positions: [Place: Int] = [:]

  /// The program of a decision.
  static func assemble(_ decision: Decision) throws(SeccompError) -> [BPFInstruction] {
    var assembler = BPFAssembler()
    _ = assembler.lay(decision, accumulator: nil)
    guard assembler.reversed.count <= 4096 else {
      throw .programTooLong(instructions: assembler.reversed.count)
    }
    return assembler.reversed.reversed()
  }

  private mutating func append(_ instruction: BPFInstruction) -> Int {
    reversed.append(instruction)
    return reversed.count - 1
  }

  /// Lays a decision out, unless it is there, and says where it begins.
  private mutating func lay(_ decision: Decision, accumulator: Accumulator?) -> Int {
    switch decision {
    case .verdict(let verdict):
      let place = Place(decision: decision)
      if let position = positions[place] { return position }
      let position = append(BPFInstruction(code: BPFInstruction.ret, k: verdict.returnValue))
      positions[place] = position
      return position
    case .test(let test, let then, let otherwise):
      let place = Place(decision: decision, accumulator: accumulator)
      if let position = positions[place] { return position }
      let position = lay(test, then: then, else: otherwise, accumulator: accumulator)
      positions[place] = position
      return position
    }
  }

  private mutating func lay(
    _ test: WordTest, then: Decision, else: Decision, accumulator: Accumulator?
  ) -> Int {
    let after = Accumulator(word: test.word, mask: test.mask)
    let elsePosition = lay(`else`, accumulator: after)
    let thenPosition = lay(then, accumulator: after)
    let (nearThen, nearElse) = (near(thenPosition), near(elsePosition))
    let code =
      switch test.relation {
      case .equal: BPFInstruction.jumpIfEqual
      case .atLeast: BPFInstruction.jumpIfAtLeast
      case .above: BPFInstruction.jumpIfAbove
      }
    var position = append(
      BPFInstruction(
        code: code, jt: UInt8(reversed.count - nearThen - 1),
        jf: UInt8(reversed.count - nearElse - 1), k: test.value))
    guard accumulator != after else { return position }
    if test.mask != .max {
      position = append(BPFInstruction(code: BPFInstruction.and, k: test.mask))
    }
    return append(BPFInstruction(code: BPFInstruction.load, k: test.word.offset))
  }

  /// A position with the same effect that a conditional jump, with its 8-bit offsets, reaches.
  private mutating func near(_ position: Int) -> Int {
    // One instruction may still come between: the stepping stone of the jump's other target.
    if reversed.count - position <= 255 { return position }
    let target = reversed[position]
    if target.code == BPFInstruction.ret { return append(target) }
    return append(
      BPFInstruction(code: BPFInstruction.jump, k: UInt32(reversed.count - position - 1)))
  }
}
