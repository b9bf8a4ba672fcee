// What a filter decides, as a tree of tests, before it is laid out as instructions.

/// A 32-bit word of `struct seccomp_data`, which is all that a filter sees of a call.
enum Word: Hashable {
  case number
  case architecture
  case low(argument: Int)
  case high(argument: Int)

  /// Where the word begins. Both architectures are little-endian.
  var offset: UInt32 {
    switch self {
    case .number: 0
    case .architecture: 4
    case .low(let argument): 16 + 8 * UInt32(argument)
    case .high(let argument): 16 + 8 * UInt32(argument) + 4
    }
  }
}

/// A comparison of one word, some of whose bits may be masked away.
struct WordTest: Hashable {
  enum Relation: Hashable { case equal, atLeast, above }

  var word: Word
  var mask: UInt32 = .max
  var relation: Relation
  var value: UInt32

  /// What the test answers whatever the word is; nil when that depends on the word.
  var foregoneAnswer: Bool? {
    switch relation {
    case .equal: mask == 0 ? value == 0 : nil
    case .atLeast: value == 0 ? true : nil
    case .above: value == .max ? false : nil
    }
  }
}

/// A verdict, or a test that leads to one of two decisions.
indirect enum Decision: Hashable {
  case verdict(Verdict)
  case test(WordTest, then: Decision, else: Decision)

  /// A test, unless its answer is known or does not matter.
  static func choose(_ test: WordTest, then: Decision, else: Decision) -> Decision {
    if let answer = test.foregoneAnswer { return answer ? then : `else` }
    return then == `else` ? then : .test(test, then: then, else: `else`)
  }

  /// What happens to a system call with these rules: the first that matches decides.
  init(rules: [SyscallPolicy.Rule], otherwise: Verdict) {
    self = rules.reversed().reduce(.verdict(otherwise)) { rest, rule in
      rule.conditions.reversed().reduce(.verdict(rule.verdict)) { matched, condition in
        Decision(condition, then: matched, else: rest)
      }
    }
  }

  /// A condition on a 64-bit argument, as tests of its two halves.
  init(_ condition: SeccompProfile.Condition, then: Decision, else: Decision) {
    let (index, value) = (condition.index, condition.value)
    self =
      switch condition.op {
      case .maskedEqual:
        .equal(index, condition.valueTwo ?? 0, mask: value, then: then, else: `else`)
      case .equal: .equal(index, value, mask: .max, then: then, else: `else`)
      case .notEqual: .equal(index, value, mask: .max, then: `else`, else: then)
      case .greaterOrEqual: .ordered(index, .atLeast, value, then: then, else: `else`)
      case .less: .ordered(index, .atLeast, value, then: `else`, else: then)
      case .greater: .ordered(index, .above, value, then: then, else: `else`)
      case .lessOrEqual: .ordered(index, .above, value, then: `else`, else: then)
      }
  }

  private static func equal(
    _ index: Int, _ value: UInt64, mask: UInt64, then: Decision, else: Decision
  ) -> Decision {
    let low = WordTest(
      word: .low(argument: index), mask: UInt32(truncatingIfNeeded: mask), relation: .equal,
      value: UInt32(truncatingIfNeeded: value))
    let high = WordTest(
      word: .high(argument: index), mask: UInt32(mask >> 32), relation: .equal,
      value: UInt32(value >> 32))
    return choose(high, then: choose(low, then: then, else: `else`), else: `else`)
  }

  private static func ordered(
    _ index: Int, _ relation: WordTest.Relation, _ value: UInt64,
    then: Decision, else: Decision
  ) -> Decision {
    let high = Word.high(argument: index)
    let low = WordTest(
      word: .low(argument: index), relation: relation,
      value: UInt32(truncatingIfNeeded: value))
    let above = WordTest(word: high, relation: .above, value: UInt32(value >> 32))
    let same = WordTest(word: high, relation: .equal, value: UInt32(value >> 32))
    if low.foregoneAnswer == true {
      let atLeast = WordTest(word: high, relation: .atLeast, value: UInt32(value >> 32))
      return choose(atLeast, then: then, else: `else`)
    }
    let lowDecides = choose(low, then: then, else: `else`)
    return choose(above, then: then, else: choose(same, then: lowDecides, else: `else`))
  }
}
