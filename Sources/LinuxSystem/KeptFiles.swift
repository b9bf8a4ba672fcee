internal import CLaunch
import Glibc
import SystemPackage

// The files of a directory that outlives its makers. Each is named by a single component, below the
// directory's descriptor, and no symbolic link is followed: there is nothing to lead astray.

extension OwnedDescriptor {
  /// Opens a file or directory of this directory.
  ///
  /// - Parameter permissions: of a file that is made.
  /// - Throws: ELOOP or ENOTDIR for a symbolic link; ENOENT; EEXIST. See openat(2), O_NOFOLLOW.
  public borrowing func open(
    _ name: String, flags: OpenFlags, permissions: UInt32 = 0o600
  ) throws(SystemError) -> OwnedDescriptor {
    Self.checkName(name)
    // A named pipe must not keep us waiting.
    let flags: OpenFlags = [flags, .notFollowing, .nonBlocking]
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe ol_open(number, name, flags.rawValue | O_CLOEXEC, permissions)
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)", "of \(name)"))
  }

  /// Reads a whole file of this directory; nil where it does not exist.
  ///
  /// - Throws: EFBIG when it is larger than `limit` bytes, EINVAL when it is not a regular file;
  ///   the errnos of openat(2) and read(2).
  public borrowing func contents(
    of name: String, limit: Int
  ) throws(SystemError) -> [UInt8]? {
    let file: OwnedDescriptor
    do throws(SystemError) {
      file = try open(name, flags: .reading)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
    guard try file.status().kind == .regular else {
      throw SystemError(call: "openat(2)", subject: "of \(name)", errno: .invalidArgument)
    }
    return try file.readAll(limit: limit, subject: "of \(name)")
  }

  /// Gives a file or directory of this directory another name in it; an empty directory or a file
  /// that has the name is replaced.
  ///
  /// - Throws: ENOTEMPTY or EEXIST where the name is that of a directory with entries. See
  ///   rename(2).
  public borrowing func rename(_ old: String, to new: String) throws(SystemError) {
    Self.checkName(old)
    Self.checkName(new)
    // Safe: the kernel copies both names before the call returns.
    let result = unsafe renameat(number, old, number, new)
    _ = try check(result, "renameat(2)", "of \(old) to \(new)")
  }

  /// Removes a file of this directory; nothing where there is none.
  ///
  /// - Throws: EISDIR, EACCES, EROFS. See unlinkat(2).
  public borrowing func removeFile(_ name: String) throws(SystemError) {
    try removeIfThere(name, isDirectory: false)
  }

  /// Removes an empty directory of this directory; nothing where there is none.
  ///
  /// - Throws: ENOTEMPTY, ENOTDIR, EACCES, EROFS. See unlinkat(2).
  public borrowing func removeDirectory(_ name: String) throws(SystemError) {
    try removeIfThere(name, isDirectory: true)
  }

  private borrowing func removeIfThere(
    _ name: String, isDirectory: Bool
  ) throws(SystemError) {
    Self.checkName(name)
    do throws(SystemError) {
      try remove(name, isDirectory: isDirectory)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return
    }
  }

  /// Takes room on the disk for this many bytes of the file, so that writing them cannot fail for
  /// want of it.
  ///
  /// - Throws: ENOSPC, EDQUOT. See posix_fallocate(3).
  public borrowing func reserve(_ bytes: Int) throws(SystemError) {
    let code = posix_fallocate(number, 0, bytes)
    guard code == 0 else {
      throw SystemError(
        call: "posix_fallocate(3)", subject: "of room for the result", errno: Errno(rawValue: code),
        hint: "make room on that disk: oneoff gc and oneoff rm remove records of runs that are over"
      )
    }
  }

  /// Makes these bytes all that the file holds, and waits until they are on the disk.
  ///
  /// - Throws: ENOSPC, EIO. See pwrite(2), ftruncate(2) and fsync(2).
  public borrowing func replaceContents(_ bytes: [UInt8]) throws(SystemError) {
    _ = try check(lseek(number, 0, SEEK_SET), "lseek(2)")
    try write(bytes)
    _ = try check(ftruncate(number, bytes.count), "ftruncate(2)")
    try synchronize()
  }

  /// Waits until the file, or what was made and renamed in a directory, is on the disk.
  ///
  /// - Throws: EIO, ENOSPC. See fsync(2).
  public borrowing func synchronize() throws(SystemError) {
    _ = try check(fsync(number), "fsync(2)")
  }

  private static func checkName(_ name: String) {
    precondition(
      !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")),
      "a name in a directory has no directories in it")
  }
}
