internal import CLaunch
import Glibc
public import SystemPackage

// What is made, moved and removed below a directory's descriptor. Names are single components
// unless a function says otherwise; nothing follows a symbolic link out of the directory.
// Permissions are as given where clearFileModeMask() was called before.

extension OwnedDescriptor {
  /// Makes a directory; without other permissions its owner alone may enter it.
  ///
  /// - Parameter owner: nil leaves it to the maker.
  /// - Throws: EEXIST, ENOSPC, EDQUOT, EACCES. See mkdirat(2), fchownat(2).
  public func makeDirectory(
    _ name: some FileName, permissions: UInt32 = 0o700, owner: LaunchPlan.Owner? = nil
  ) throws(SystemError) {
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe name.withFileName { unsafe mkdirat(number, $0, permissions) }
    _ = try check(result, "mkdirat(2)", name.errorSubject)
    try setOwner(of: name, to: owner)
  }

  /// Makes a character device that everybody may read and write.
  ///
  /// - Throws: EPERM in a user namespace; EEXIST. See mknodat(2), fchownat(2).
  public func makeDevice(
    _ name: some FileName, major: UInt32, minor: UInt32, owner: LaunchPlan.Owner
  ) throws(SystemError) {
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe name.withFileName {
      unsafe ol_make_device(number, $0, 0o666, major, minor)
    }
    _ = try checkNegated(result, "mknodat(2)", name.errorSubject)
    try setOwner(of: name, to: owner)
  }

  /// Makes a symbolic link.
  ///
  /// - Parameter owner: nil leaves it to the maker.
  /// - Throws: EEXIST, ENOSPC, EDQUOT. See symlinkat(2), fchownat(2).
  public func makeSymbolicLink(
    _ name: some FileName, to target: some FileName, owner: LaunchPlan.Owner? = nil
  ) throws(SystemError) {
    // Safe: the kernel copies both before the call returns.
    let result = unsafe target.withFileName { target in
      unsafe name.withFileName { unsafe symlinkat(target, number, $0) }
    }
    _ = try check(result, "symlinkat(2)", name.errorSubject)
    try setOwner(of: name, to: owner)
  }

  /// Makes an empty file, for writing; without other permissions its owner alone may open it.
  /// `path` may have several components.
  ///
  /// - Throws: EEXIST, ENOSPC, EDQUOT. See openat(2), O_EXCL.
  public func makeFile(
    _ path: some FileName, permissions: UInt32 = 0o600
  ) throws(SystemError) -> OwnedDescriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe path.withFileName { unsafe ol_open(number, $0, flags, permissions) }
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)", path.errorSubject))
  }

  /// Makes a file that must not exist yet; `path` may have several components.
  ///
  /// - Throws: EEXIST, ENOSPC, EDQUOT. See openat(2), write(2), fchown(2).
  public func makeFile(
    _ path: some FileName, contents: some Sequence<UInt8>, permissions: UInt32,
    owner: LaunchPlan.Owner
  ) throws(SystemError) {
    let file = try makeFile(path, permissions: permissions)
    try file.write(Array(contents))
    _ = try check(fchown(file.number, owner.uid, owner.gid), "fchown(2)", path.errorSubject)
  }

  /// Moves an entry to a name in a directory of the same file system.
  ///
  /// - Parameter exchanges: whether the two names are exchanged; otherwise it is an error when
  ///   something has the new name.
  /// - Throws: EEXIST, or ENOENT when there is nothing to exchange with; EXDEV; EINVAL where the
  ///   file system can do neither. See renameat2(2).
  public func move(
    _ name: some FileName, to directory: borrowing OwnedDescriptor, as newName: some FileName,
    exchanging exchanges: Bool
  ) throws(SystemError) {
    let target = directory.number
    // Safe: the kernel copies both names before the call returns.
    let result = unsafe name.withFileName { name in
      unsafe newName.withFileName {
        unsafe ol_rename(number, name, target, $0, exchanges ? 1 : 0)
      }
    }
    _ = try checkNegated(result, "renameat2(2)", name.errorSubject)
  }

  /// Removes an entry: an empty directory, or anything else.
  ///
  /// - Throws: ENOTEMPTY; EISDIR or ENOTDIR for the other kind; EBUSY for a mount point; EACCES,
  ///   EPERM. See unlinkat(2).
  public func remove(_ name: some FileName, isDirectory: Bool) throws(SystemError) {
    let flags = isDirectory ? AT_REMOVEDIR : 0
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe name.withFileName { unsafe unlinkat(number, $0, flags) }
    _ = try check(result, "unlinkat(2)", name.errorSubject)
  }

  // MARK: Rights

  /// Whether this process may make entries in this directory.
  ///
  /// - Throws: EACCES, EROFS. See faccessat(2).
  public func checkThatEntriesCanBeMade() throws(SystemError) {
    // Safe: the path is a constant.
    _ = try check(
      unsafe faccessat(number, ".", W_OK | X_OK, AT_EACCESS), "faccessat(2)")
  }

  /// Sets the permission bits of this file exactly.
  ///
  /// - Throws: EPERM for a file of somebody else's; EROFS. See fchmod(2).
  public func setPermissions(_ permissions: UInt32) throws(SystemError) {
    _ = try check(fchmod(number, permissions), "fchmod(2)")
  }

  /// Gives the file itself to another owner.
  ///
  /// - Throws: EPERM; EINVAL for an id that this user namespace does not have. See fchown(2).
  public func setOwner(_ owner: LaunchPlan.Owner) throws(SystemError) {
    _ = try check(fchown(number, owner.uid, owner.gid), "fchown(2)")
  }

  /// What root makes is root's already.
  private func setOwner(
    of name: some FileName, to owner: LaunchPlan.Owner?
  ) throws(SystemError) {
    guard let owner, owner.uid != 0 || owner.gid != 0 else { return }
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe name.withFileName {
      unsafe fchownat(number, $0, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW)
    }
    _ = try check(result, "fchownat(2)", name.errorSubject)
  }
}

/// Makes a directory, and those above it, unless it is there.
///
/// - Returns: those that were made, the topmost first.
/// - Throws: the errnos of mkdir(2). Nothing that was made is left then.
@discardableResult
public func makeDirectories(
  _ path: FilePath, permissions: UInt32
) throws(SystemError) -> [FilePath] {
  do throws(SystemError) {
    try makeDirectory(path, permissions)
    return [path]
  } catch let error where error.errno == .fileExists {
    return []
  } catch let error where error.errno == .noSuchFileOrDirectory && path.components.count > 1 {
    let made = try makeDirectories(path.removingLastComponent(), permissions: permissions)
    do throws(SystemError) {
      // Not by calling this again: below a dangling link, mkdir(2) goes on saying ENOENT.
      try makeDirectory(path, permissions)
    } catch {
      removeEmptyDirectories(made)
      throw error
    }
    return made + [path]
  }
}

private func makeDirectory(_ path: FilePath, _ permissions: UInt32) throws(SystemError) {
  // Safe: the kernel copies the path before the call returns.
  _ = try check(
    unsafe path.withPlatformString { unsafe mkdir($0, permissions) }, "mkdir(2)", "of \(path)")
}

/// Removes directories that ``makeDirectories(_:permissions:)`` has made, the topmost first; those
/// in which there is something by now stay.
public func removeEmptyDirectories(_ paths: [FilePath]) {
  // Safe: the kernel copies the path before the call returns.
  for path in paths.reversed() { _ = unsafe path.withPlatformString { unsafe rmdir($0) } }
}
