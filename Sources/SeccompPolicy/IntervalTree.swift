// From a policy to a program: neighbouring numbers with the same fate form an interval, and a
// balanced binary search finds the interval of a call. A number that differs from all around it is
// cheaper as an exception, one comparison, than as an interval of its own, two.

/// A policy as intervals of system call numbers, each with one decision and a few exceptions.
public struct IntervalTree {
  private struct Interval {
    var start: UInt32
    var decision: Decision
  }

  private let architecture: Architecture
  private let intervals: [Interval]

  /// Cuts the numbers into the longest intervals that the policy treats alike.
  ///
  /// - Throws: `SeccompError.noRules`.
  public init(_ policy: SyscallPolicy) throws(SeccompError) {
    guard let newestNumber = policy.newestNumber else { throw .noRules }
    architecture = policy.architecture
    let unknown = Decision.verdict(policy.unknownVerdict)
    let otherwise = Decision.verdict(policy.defaultVerdict)
    var intervals: [Interval] = []
    func add(_ start: UInt32, _ decision: Decision) {
      if intervals.last?.decision != decision {
        intervals.append(Interval(start: start, decision: decision))
      }
    }
    for number in 0...newestNumber {
      let rules = policy.rules[number]
      add(number, rules.map { Decision(rules: $0, otherwise: policy.defaultVerdict) } ?? otherwise)
    }
    add(newestNumber + 1, unknown)
    if architecture == .x86_64 {
      // From this bit on the numbers are those of x32, except for -1, which is no system call:
      // tracers use it to skip one.
      add(0x4000_0000, .verdict(.killProcess))
      add(.max, unknown)
    }
    self.intervals = Self.foldingExceptions(intervals)
  }

  /// Makes single numbers exceptions of the intervals around them where these have one decision.
  private static func foldingExceptions(_ intervals: [Interval]) -> [Interval] {
    // They are compared one after the other; more of them would make the search less even.
    let most = 3
    var folded: [Interval] = []
    var rest = intervals[...]
    while var interval = rest.popFirst() {
      let decision = interval.decision
      var exceptions = 0
      while exceptions < most, let exception = rest.first, let after = rest.dropFirst().first,
        after.start == exception.start + 1, after.decision == decision
      {
        let test = WordTest(word: .number, relation: .equal, value: exception.start)
        interval.decision = .choose(test, then: exception.decision, else: interval.decision)
        exceptions += 1
        rest = rest.dropFirst(2)
      }
      folded.append(interval)
    }
    return folded
  }

  /// The program: the architecture is checked first, then the number is searched for.
  ///
  /// - Throws: `SeccompError.programTooLong`.
  public func program() throws(SeccompError) -> [BPFInstruction] {
    let ownArchitecture = WordTest(
      word: .architecture, relation: .equal, value: architecture.auditValue)
    return try BPFAssembler.assemble(
      .choose(
        ownArchitecture, then: search(intervals[...]), else: .verdict(.killProcess)))
  }

  private func search(_ intervals: ArraySlice<Interval>) -> Decision {
    if intervals.count == 1, let only = intervals.first { return only.decision }
    let middle = intervals.startIndex + intervals.count / 2
    return .choose(
      WordTest(word: .number, relation: .atLeast, value: intervals[middle].start),
      then: search(intervals[middle...]), else: search(intervals[..<middle]))
  }
}
