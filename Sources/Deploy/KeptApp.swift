import ContainerSpec
package import LinuxSystem
import OneOff
package import SystemPackage

/// What is kept of an app; docs/deploy.md has the layout.
///
///     apps/APP/current -> releases/VERSION -> the release's directory
///
/// `current` is the only truth about which release is live: it is replaced in one rename(2), by
/// whoever has the lock, and everything else only tells how that came about.
package struct KeptApp: ~Copyable {
  private enum Name {
    static let current = "current"
    static let currentDraft = ".current.draft"
    static let releases = "releases"
    static let lock = "lock"
    static let lockHolder = "lock.holder"
  }

  /// The app.
  package let app: AppName
  /// The directory.
  package let path: FilePath
  let descriptor: OwnedDescriptor
  private let releases: OwnedDescriptor

  /// Opens the directory of an app, which is made where it is missing.
  ///
  /// - Throws: the errnos of mkdirat(2) and openat(2); an error of the specification's kind where
  ///   others may write there.
  package init(making app: AppName) throws {
    try self.init(making: app, in: KeptDirectory.current())
  }

  init(making app: AppName, in kept: KeptDirectory) throws {
    let apps = try kept.makeApps()
    try apps.makeDirectoryIfMissing(app.text, permissions: 0o755)
    try self.init(app, apps.open(app.text, flags: .directory), kept)
  }

  /// Opens the directory of an app; nil where nothing of it was ever deployed.
  ///
  /// - Throws: as ``init(making:)``.
  package init?(of app: AppName) throws {
    let kept = try KeptDirectory.current()
    guard let apps = try kept.findApps(), try apps.status(of: app.text) != nil else { return nil }
    try self.init(app, apps.open(app.text, flags: .directory), kept)
  }

  private init(
    _ app: AppName, _ descriptor: consuming OwnedDescriptor, _ kept: KeptDirectory
  ) throws {
    self.app = app
    self.path = kept.appsPath.appending(app.text)
    self.releases = try Self.openReleases(in: descriptor)
    self.descriptor = descriptor
  }

  private static func openReleases(
    in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> OwnedDescriptor {
    try directory.makeDirectoryIfMissing(Name.releases, permissions: 0o755)
    return try directory.open(Name.releases, flags: .directory)
  }

  /// The names of all apps of which something is kept, in their order.
  package static func apps() throws -> [AppName] {
    guard let apps = try KeptDirectory.current().findApps() else { return [] }
    return try apps.entryNameTexts().compactMap { try? AppName($0) }
      .sorted { $0.text < $1.text }
  }

  // MARK: The link

  /// The release that is live; nil before the first.
  ///
  /// - Throws: the errnos of readlinkat(2).
  package borrowing func current() throws(SystemError) -> ReleaseVersion? {
    do throws(SystemError) {
      let target = String(decoding: try descriptor.linkTarget(of: Name.current), as: UTF8.self)
      return FilePath(target).lastComponent.flatMap { try? ReleaseVersion($0.string) }
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Where a release is; nil where it is not known.
  package borrowing func directory(of release: ReleaseVersion) throws(SystemError) -> FilePath? {
    do throws(SystemError) {
      return FilePath(String(decoding: try releases.linkTarget(of: release.text), as: UTF8.self))
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Notes where a release is, and takes the room that it needs to become the live one, so that
  /// ``switchToPrepared()`` has nothing to fail for.
  ///
  /// - Parameter directory: absolute.
  /// - Throws: ENOSPC, EROFS and the like.
  package borrowing func prepare(
    _ release: ReleaseVersion, in directory: FilePath
  ) throws(SystemError) {
    let draft = ".\(release.text)"
    try releases.removeFile(draft)
    try releases.makeSymbolicLink(draft, to: directory.string)
    try releases.rename(draft, to: release.text)
    try releases.synchronize()
    try descriptor.removeFile(Name.currentDraft)
    try descriptor.makeSymbolicLink(
      Name.currentDraft, to: "\(Name.releases)/\(release.text)")
    try descriptor.synchronize()
  }

  /// Makes the release that was prepared the live one.
  ///
  /// - Throws: EIO, EROFS. Then the one before is live.
  package borrowing func switchToPrepared() throws(SystemError) {
    try descriptor.rename(Name.currentDraft, to: Name.current)
  }

  /// Waits until the switch is on the disk: before, after a power cut it is that release or the
  /// one before.
  ///
  /// - Throws: EIO, ENOSPC.
  package borrowing func synchronize() throws(SystemError) { try descriptor.synchronize() }

  /// Takes back what was prepared.
  package borrowing func dropPrepared() { try? descriptor.removeFile(Name.currentDraft) }

  // MARK: The lock

  /// Locks the app, so that nobody else deploys it; nil when somebody does.
  ///
  /// - Throws: the errnos of openat(2); ENOLCK.
  package borrowing func tryLock() throws(SystemError) -> AppLock? {
    let file = try descriptor.open(Name.lock, flags: [.readingAndWriting, .creating])
    guard try file.tryLock(.exclusive, subject: "of the app \(app.text)") else { return nil }
    let holder = try descriptor.open(Name.lockHolder, flags: [.readingAndWriting, .creating])
    // Nobody but who has the first has this one, unless somebody looks at the moment.
    try holder.waitForLock(.exclusive, subject: "of the app \(app.text)")
    return AppLock(file: file, holder: holder)
  }

  /// Whether somebody has the lock, and who.
  package borrowing func lockState() -> LockState {
    guard isLocked(Name.lock) else { return .free }
    let text = try? descriptor.contents(of: Name.lockHolder, limit: 64 << 10)
    let holder = text.flatMap { StoredJSON.value(LockHolder.self, of: $0) }
    return isLocked(Name.lockHolder) ? .held(holder) : .left(holder)
  }

  private borrowing func isLocked(_ name: String) -> Bool {
    guard let file = try? descriptor.open(name, flags: .reading) else { return false }
    return (try? file.tryLock(.shared, subject: "of the app \(app.text)")) == false
  }
}

/// The lock of an app. It is held until every process that has its descriptor is gone.
package struct AppLock: ~Copyable {
  /// For processes that are to hold it, too.
  package let file: OwnedDescriptor
  /// Locked by the process alone that has taken the lock, so that it is known when that is gone.
  fileprivate let holder: OwnedDescriptor

  /// Tells people who has it; the lock itself is the kernel's.
  package borrowing func note(_ who: LockHolder) {
    try? holder.replaceContents(StoredJSON.text(who))
  }
}

/// Whether somebody has the lock of an app; nil for who it is where that cannot be read.
package enum LockState: Sendable, Hashable {
  case free
  /// Whoever has taken it is at work.
  case held(LockHolder?)
  /// Whoever has taken it was killed; what they have started goes on, and has it still.
  case left(LockHolder?)

  /// Whether whoever has taken it is at work.
  package var isHeld: Bool { if case .held = self { true } else { false } }
}

/// Who has locked an app, for whoever has to wait.
package struct LockHolder: Sendable, Hashable, Codable {
  /// What it does, such as `deployment 12 of v42`.
  package var purpose: String
  /// Its process id on this host.
  package var pid: Int32
  /// Since when, as RFC 3339, UTC.
  package var since: String

  package init(purpose: String, pid: Int32, since: String) {
    self.purpose = purpose
    self.pid = pid
    self.since = since
  }
}

extension OwnedDescriptor {
  /// Makes a directory with exactly these permissions, unless there is one.
  borrowing func makeDirectoryIfMissing(
    _ name: String, permissions: UInt32
  ) throws(SystemError) {
    guard try status(of: name) == nil else { return }
    do throws(SystemError) {
      try makeDirectory(name, permissions: permissions, owner: effectiveOwner())
      // Whatever the caller's umask is.
      try open(name, flags: .directory).setPermissions(permissions)
    } catch let error where error.errno == .fileExists {
      // Another deployment has just made it.
    }
  }

  /// The names in this directory, as far as they are UTF-8, which all of oneoff's are.
  borrowing func entryNameTexts() throws(SystemError) -> [String] {
    guard case .found(let directory) = try findDirectory(""),
      let names = try directory.entryNames(atMost: .max)
    else { return [] }
    return names.compactMap { String(validating: $0, as: UTF8.self) }
  }
}
