/// What a command reads from its standard input.
public enum StandardInput: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing: the null device.
  case null
  /// What its caller's standard input holds, to the end. A library's caller has none to give: the
  /// input ends at once.
  case caller
}

/// How large a terminal is, in characters.
public struct TerminalSize: Sendable, Hashable, Codable {
  /// The lines.
  public var rows: UInt16
  /// The characters of a line.
  public var columns: UInt16

  /// States a size; what terminals have had ever since, unless another is given.
  public init(rows: UInt16 = 24, columns: UInt16 = 80) {
    self.rows = rows
    self.columns = columns
  }
}

extension RunSpec {
  /// Whether whoever calls has a part in the run.
  package var isInteractive: Bool { standardInput == .caller || terminal != nil }
}
