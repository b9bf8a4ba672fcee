// What is wrong with the text of a profile, and where.

/// Something in a profile's JSON that cannot be used.
public struct ProfileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where it stands, such as `syscalls[3].args[0].op`; empty for the text as a whole.
  public var path: String
  /// What is wrong with it.
  public var problem: String

  /// Names a place and what is wrong there.
  public init(path: String, problem: String) {
    self.path = path
    self.problem = problem
  }

  /// `path: problem`.
  public var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}
