/// Something that reads what others wrote, and what must hold whatever they wrote.
///
/// `make fuzz` hands libFuzzer's inputs to it (docs/fuzzing.md), and the tests those of the corpus.
struct FuzzTarget: Sendable {
  /// The name, which is that of its directory in `Corpus`.
  let name: String
  /// Reads an input.
  ///
  /// - Throws: ``Violation`` when something does not hold. That the input is no good is none.
  let check: @Sendable ([UInt8]) throws -> Void

  static let all = [
    accounts, control, detachKeys, environmentFile, manifest, mask, options, procfile, seccomp,
    storedLog, terminalText,
  ]
}

/// Something that must hold, and does not.
struct Violation: Error, CustomStringConvertible {
  var description: String
}

/// Demands that something holds.
func hold(_ condition: Bool, _ rule: @autoclosure () -> String) throws {
  guard condition else { throw Violation(description: rule()) }
}

extension [UInt8] {
  /// The parts between lines that are `---`, at most `count`; the last one takes the rest.
  func sections(_ count: Int) -> [[UInt8]] {
    let mark = Array("---\n".utf8)
    var parts: [[UInt8]] = [[]]
    for line in lines {
      if parts.count < count, line == mark {
        parts.append([])
      } else {
        parts[parts.count - 1] += line
      }
    }
    while parts.count < count { parts.append([]) }
    return parts
  }

  /// The lines, each with its line feed.
  var lines: [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = self[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
      lines.append(Array(rest[..<end]))
      rest = rest[end...]
    }
    return lines
  }

  /// The same text with CR LF at the ends of its lines.
  var withCarriageReturns: [UInt8] {
    flatMap { $0 == UInt8(ascii: "\n") ? [UInt8(ascii: "\r"), $0] : [$0] }
  }
}
