import ContainerSpec
import LinuxSystem
import SystemPackage

/// Where a release is, so that it can be found out whether it is the same one still: what `current`
/// leads to must be what was looked at.
struct ReleaseDirectory {
  private let path: FilePath
  private let status: FileStatus

  /// Looks at a directory; the path has no link in it.
  ///
  /// - Throws: ENOENT, EACCES. See stat(2).
  init(_ path: FilePath) throws(SystemError) {
    self.path = path
    self.status = try fileStatus(following: path)
  }

  /// Checks that it was not replaced since.
  ///
  /// - Throws: ``SpecError`` when it was, or is gone.
  func check() throws(SpecError) {
    let isTheSame =
      (try? realPath(of: path)) == path
      && (try? fileStatus(following: path))?.isOfSameFile(as: status) == true
    guard isTheSame else {
      throw SpecError(
        "the release in \(path.string.onOneLine) was replaced or removed meanwhile",
        remedy: "leave it as it is until the deployment has ended")
    }
  }
}
