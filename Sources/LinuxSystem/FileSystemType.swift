internal import CLaunch

/// The file systems whose limits oneoff explains. See statfs(2).
public enum FileSystemType: Sendable, Hashable {
  case overlay, temporary, namespace, cgroup, cgroup2, other

  init(magic: UInt64) {
    self =
      switch magic {
      case 0x794c_7630: .overlay
      case 0x0102_1994: .temporary
      case 0x6e73_6673: .namespace
      case 0x0027_e0eb: .cgroup
      case 0x6367_7270: .cgroup2
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
    return FileSystemType(magic: UInt64(result))
  }
}
