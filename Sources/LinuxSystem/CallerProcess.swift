internal import CLaunch
import Glibc

/// The process that has started this one, and its end.
public struct CallerProcess: ~Copyable, Sendable {
  /// A descriptor that is readable once it has ended; nil when there is nobody whose end could be
  /// noticed, or no descriptor is left for that (EMFILE, ENFILE): then it is not noticed.
  public let number: CInt?
  private let owned: OwnedDescriptor?
  /// Whether it had ended by the time it was looked at.
  public let hasEnded: Bool

  /// Finds the parent of this process. One of another PID namespace is none: its end cannot be
  /// noticed. See getppid(2) and pidfd_open(2).
  public init() {
    let parent = getppid()
    let pidfd = parent > 0 ? ol_pidfd_open(parent) : -1
    // BEFORE this the number may have become somebody else's.
    self.hasEnded = parent > 0 && getppid() != parent
    self.number = pidfd < 0 ? nil : CInt(pidfd)
    self.owned = pidfd < 0 ? nil : OwnedDescriptor(owning: CInt(pidfd))
  }
}
