import LinuxSystem
import SystemPackage

/// Something that the caller should know about a run that goes on all the same.
public struct RunWarning: Sendable, Hashable, Codable {
  /// For programs: one of those in docs/events.md.
  public var code: String
  /// For people.
  public var text: String

  /// Makes a warning.
  public init(code: String, text: String) {
    self.code = code
    self.text = text
  }

  /// So many of a run are in its result.
  static let mostInResult = 100

  /// Warnings that are not in the result, because so many others are.
  init?(omitted count: Int) {
    guard count > 0 else { return nil }
    let subject = count == 1 ? "1 more warning is" : "\(count) more warnings are"
    self.init(
      code: "warnings-omitted",
      text: "\(subject) not listed: these are the first \(Self.mostInResult)")
  }
}

extension RunWarning {
  /// Files of the host whose owner has no id in the run; nil when it has.
  init?(
    _ role: String, _ path: FilePath, owner: LaunchPlan.Owner?, rootless: Rootless?
  ) {
    guard let owner, owner.isForeign(to: rootless) else { return nil }
    let belongs =
      if let rootless {
        "does not belong to \(rootless.ownersInWords), whose ids are all that a run has"
      } else {
        "belongs to \(owner.uid):\(owner.gid), and a run has the ids 0 to \(IDRange.count - 1)"
      }
    self.code = "owner-out-of-range"
    self.text =
      "the \(role) \(path) \(belongs): what belongs to others is nobody's there, and cannot be "
      + "written. Give it to ids of the run (chown)"
  }
}
