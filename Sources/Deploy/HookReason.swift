/// Why a hook runs, which the command sees as ONEOFF_REASON, ONEOFF_ATTEMPT and
/// ONEOFF_PREVIOUS_VERSION.
public struct HookReason: Sendable, Hashable {
  /// What the hook is part of.
  public enum Reason: String, Sendable, Hashable, CaseIterable, Codable {
    /// A deployment of a new release.
    case deploy
    /// Another attempt at one that has failed.
    case retry
    /// A return to an earlier release.
    case rollback
  }

  /// What the hook is part of.
  public var reason: Reason
  /// How often the hook was tried for this release, this time included: 1 or more.
  public var attempt: Int
  /// The version that is live while the hook runs; nil when there is none, or nobody knows.
  public var previousVersion: String?

  /// Names a reason: the first attempt of a deployment.
  public init(_ reason: Reason = .deploy, attempt: Int = 1, previousVersion: String? = nil) {
    self.reason = reason
    self.attempt = attempt
    self.previousVersion = previousVersion
  }
}
