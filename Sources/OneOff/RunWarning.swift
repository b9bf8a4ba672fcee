import LinuxSystem
import SystemPackage

/// Something that the caller should know about a run that goes on all the same.
struct RunWarning: Sendable, Hashable {
  /// For programs; see docs/events.md.
  var code: String
  /// For people.
  var text: String
}

extension RunWarning {
  /// Files of the host whose owner has no id in the run; nil when it has.
  init?(_ role: String, _ path: FilePath, owner: LaunchPlan.Owner?) {
    guard let owner, max(owner.uid, owner.gid) >= IDRange.count else { return nil }
    self.code = "owner-out-of-range"
    self.text =
      "the \(role) \(path) belongs to \(owner.uid):\(owner.gid), and a run has the ids 0 to "
      + "\(IDRange.count - 1): what belongs to others is nobody's there, and cannot be written. "
      + "Give it to ids of the run (chown)"
  }
}
