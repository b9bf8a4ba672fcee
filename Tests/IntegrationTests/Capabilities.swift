import Foundation
import Testing

/// Sets of capabilities as /proc/PID/status and `probe ids` show them. See capabilities(7).
enum Capabilities {
  /// The sets of a process.
  static let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]

  /// None at all.
  static let none = "0000000000000000"

  /// The number of CAP_SYS_RESOURCE.
  static let resource = 24

  /// Whether this process has one: in some virtual machines root has not all of them.
  static func thisProcessHas(_ number: Int) throws -> Bool {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
    let digits = line.split(separator: "\t").last.map { String($0) } ?? ""
    return try #require(UInt64(digits, radix: 16)) >> UInt64(number) & 1 == 1
  }
}

/// Expects every set that `probe ids` has shown to be the same.
func expect(
  _ ids: Completion, everySetIs expected: String, _ location: SourceLocation = #_sourceLocation
) {
  for set in Capabilities.sets {
    #expect(ids[set] == expected, "\(set)", sourceLocation: location)
  }
}
