import ContainerSpec
import Deploy
import LinuxSystem
import OneOff

/// That a hook be run once only for a release: `oneoff hook --once`. While there is one, the app is
/// locked, so that no two run at a time.
struct HookOnce: ~Copyable {
  private let app: KeptApp
  private let lock: AppLock
  private let release: ReleaseVersion

  /// Locks the app of a hook; nil where it may be run as often as somebody likes.
  ///
  /// - Throws: ``SpecError`` where it is not said which release of which app it is, or somebody
  ///   else has the lock.
  init?(_ hook: Hook, _ options: Options, _ log: DeploymentLog) throws {
    guard options.deploy.isOnce else { return nil }
    guard let app = hook.app, let version = hook.containerVersion else {
      throw SpecError(
        "--once takes the names of the app and of its release",
        remedy: "add --app NAME and --container-version VERSION")
    }
    guard !options.isDetached else {
      throw SpecError(
        "--once and --detach exclude each other: the app is locked until the hook has ended",
        remedy: "leave one of them out")
    }
    let release = try ReleaseVersion(version)
    let kept = try KeptApp(making: AppName(app))
    let interruptions = try Interruptions(ignoresHangUp: false)
    defer { interruptions.stop() }
    let lock = try kept.lock(atMost: options.deploy.lockTimeout, interruptions, log)
    lock.note(
      LockHolder(
        purpose: "the \(hook.phase.name) hook of \(release.text)", pid: processID(),
        since: Timestamp.text(wallClock())))
    self.release = release
    self.app = kept
    self.lock = lock
  }

  /// Whether a phase has succeeded for the release before.
  ///
  /// - Throws: the errnos of openat(2).
  borrowing func isDone(_ phase: Phase) throws -> Bool {
    try app.phasesDone(of: release).contains(phase.name)
  }

  /// Keeps that a phase has succeeded.
  ///
  /// - Throws: ENOSPC, EROFS.
  borrowing func note(_ phase: Phase, run: RunID?) throws {
    try app.noteSuccess(of: .init(phase: phase.name, run: run?.text, status: 0), in: release)
  }
}
