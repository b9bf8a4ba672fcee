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
  }

  /// The app.
  package let app: AppName
  /// The directory.
  package let path: FilePath
  let descriptor: OwnedDescriptor

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

  /// Opens the directory of an app; nil where nothing is kept of it.
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
    self.descriptor = descriptor
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
    guard try descriptor.status(of: Name.releases) != nil else { return nil }
    let releases = try descriptor.open(Name.releases, flags: .directory)
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
    try descriptor.makeDirectoryIfMissing(Name.releases, permissions: 0o755)
    let releases = try descriptor.open(Name.releases, flags: .directory)
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
