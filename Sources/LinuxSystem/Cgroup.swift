import Glibc
public import SystemPackage

/// The tree of cgroups (v2) below which every run has one of its own.
public struct CgroupTree: Sendable, Hashable {
  /// The directory in which the runs' cgroups are made.
  public var path: FilePath

  /// The tree of this host; nil where /sys/fs/cgroup is not cgroup v2 (v1 and hybrid hosts).
  public static func ofHost() -> CgroupTree? {
    let root: FilePath = "/sys/fs/cgroup"
    guard let directory = try? OwnedDescriptor(directory: root),
      (try? directory.fileSystemType()) == .cgroup2
    else { return nil }
    return CgroupTree(path: root.appending("oneoff"))
  }

  /// Makes the cgroup of a run; one that an earlier owner of the name has left is removed first.
  ///
  /// - Throws: EBUSY when processes live in it.
  public func make(_ name: String) throws(SystemError) -> FilePath {
    let cgroup = path.appending(name)
    do throws(SystemError) {
      try makeDirectory(cgroup)
    } catch let error where error.errno == .fileExists {
      try remove(name)
      try makeDirectory(cgroup)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      try makeDirectories(path, permissions: 0o755)
      try makeDirectory(cgroup)
    }
    return cgroup
  }

  /// Removes the cgroup of a run that is dead.
  ///
  /// - Throws: EBUSY when processes live in it.
  public func remove(_ name: String) throws(SystemError) {
    let cgroup = path.appending(name)
    do throws(SystemError) {
      _ = try check(
        unsafe cgroup.withPlatformString { unsafe rmdir($0) }, "rmdir(2)", "of \(cgroup)")
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return
    }
  }

  /// The names of the cgroups in the tree.
  public func names() throws(SystemError) -> [String] {
    try directoryEntries(path).filter(\.isDirectory).map(\.name)
  }

  private func makeDirectory(_ path: FilePath) throws(SystemError) {
    _ = try check(
      unsafe path.withPlatformString { unsafe mkdir($0, 0o755) }, "mkdir(2)", "of \(path)")
  }
}
