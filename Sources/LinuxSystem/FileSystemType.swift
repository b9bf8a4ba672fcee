internal import CLaunch

/// The file systems whose limits oneoff explains. See statfs(2).
public enum FileSystemType: Sendable, Hashable {
  case overlay, temporary, namespace, cgroup, cgroup2, other

  init(magic: Int) {
    self =
      switch magic {
      case Int(OVERLAYFS_SUPER_MAGIC): .overlay
      case Int(TMPFS_MAGIC): .temporary
      case Int(NSFS_MAGIC): .namespace
      case Int(CGROUP_SUPER_MAGIC): .cgroup
      case Int(CGROUP2_SUPER_MAGIC): .cgroup2
      default: .other
      }
  }
}

extension OwnedDescriptor {
  /// The type of the file system.
  ///
  /// - Throws: the errnos of fstatfs(2).
  public func fileSystemType() throws(SystemError) -> FileSystemType {
    let result = ol_file_system_type(number)
    // Not the checked result: a magic number may be larger than a CInt.
    if result < 0 { _ = try checkNegated(result, "fstatfs(2)") }
    return FileSystemType(magic: result)
  }
}
