internal import CLaunch
import Glibc
import SystemPackage

// Entries of open directories, read, made, moved and removed by their names, which are bytes and
// single components. No symbolic link is followed, and no mount below is entered.

extension OwnedDescriptor {
  /// Opens a directory in this one; an empty name is this one again.
  ///
  /// - Throws: ENOTDIR for anything else, ELOOP for a symbolic link; EXDEV when something is
  ///   mounted on it. See openat2(2).
  public func openDirectory(_ name: [UInt8]) throws(SystemError) -> OwnedDescriptor {
    try open(name.isEmpty ? [UInt8(ascii: ".")] : name, O_RDONLY | O_DIRECTORY)
  }

  /// Opens a regular file in this directory for reading; nil when it is a directory, a device or a
  /// named pipe, which is not waited for.
  ///
  /// - Throws: ELOOP for a symbolic link; EXDEV when something is mounted on it; ENXIO for a socket.
  ///   See openat2(2).
  public func openFile(_ name: [UInt8]) throws(SystemError) -> OwnedDescriptor? {
    let file = try open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    return try file.status()?.kind == .regular ? file : nil
  }

  private func open(_ name: [UInt8], _ flags: CInt) throws(SystemError) -> OwnedDescriptor {
    // Beneath, no symbolic links, no magic links, no other mount.
    let resolve: UInt64 = 0x08 | 0x04 | 0x02 | 0x01
    // Safe: the kernel copies the name before the call returns.
    let result = unsafe withCString(name) {
      unsafe ol_openat2(number, $0, UInt64(flags | O_NOFOLLOW | O_CLOEXEC), resolve)
    }
    return OwnedDescriptor(owning: try checkNegated(result, "openat2(2)"))
  }

  /// Opens the directory in which this one is. To be asked only of a tree that nobody moves.
  public func parentDirectory() throws(SystemError) -> OwnedDescriptor {
    let result = unsafe ol_open(number, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)"))
  }

  /// What a symbolic link in this directory says.
  public func linkTarget(ofEntry name: [UInt8]) throws(SystemError) -> [UInt8] {
    let capacity = Int(PATH_MAX)
    var target = [CChar](repeating: 0, count: capacity)
    // Safe: the call writes at most as many bytes as it is told.
    let count = unsafe withCString(name) { unsafe readlinkat(number, $0, &target, capacity) }
    return target.prefix(try check(count, "readlinkat(2)")).map { UInt8(bitPattern: $0) }
  }

  /// Makes a directory that its owner alone may enter.
  public func makeDirectory(entry name: [UInt8]) throws(SystemError) {
    _ = try check(unsafe withCString(name) { unsafe mkdirat(number, $0, 0o700) }, "mkdirat(2)")
  }

  /// Makes an empty file that its owner alone may open, for writing.
  public func makeFile(entry name: [UInt8]) throws(SystemError) -> OwnedDescriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let result = unsafe withCString(name) { unsafe ol_open(number, $0, flags, 0o600) }
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)"))
  }

  /// Makes a symbolic link.
  public func makeSymbolicLink(
    entry name: [UInt8], to target: [UInt8]
  ) throws(SystemError) {
    let result = unsafe withCString(target) { target in
      unsafe withCString(name) { unsafe symlinkat(target, number, $0) }
    }
    _ = try check(result, "symlinkat(2)")
  }

  /// Moves an entry to a name in a directory of the same file system.
  ///
  /// - Parameter exchanges: whether the two names are exchanged; otherwise it is an error when
  ///   something has the new name.
  /// - Throws: EEXIST, or ENOENT when there is nothing to exchange with; EXDEV; EINVAL where the
  ///   file system can do neither. See renameat2(2).
  public func move(
    _ name: [UInt8], to directory: borrowing OwnedDescriptor, as newName: [UInt8],
    exchanging exchanges: Bool
  ) throws(SystemError) {
    let target = directory.number
    let result = unsafe withCString(name) { name in
      unsafe withCString(newName) {
        unsafe ol_rename(number, name, target, $0, exchanges ? 1 : 0)
      }
    }
    _ = try checkNegated(result, "renameat2(2)")
  }

  /// Removes an entry: an empty directory, or anything else.
  public func remove(_ name: [UInt8], isDirectory: Bool) throws(SystemError) {
    let flags = isDirectory ? AT_REMOVEDIR : 0
    _ = try check(
      unsafe withCString(name) { unsafe unlinkat(number, $0, flags) }, "unlinkat(2)")
  }

  /// Whether this process may make entries in this directory.
  ///
  /// - Throws: EACCES, EROFS. See faccessat(2).
  public func checkThatEntriesCanBeMade() throws(SystemError) {
    _ = try check(
      unsafe faccessat(number, ".", W_OK | X_OK, AT_EACCESS), "faccessat(2)")
  }

  /// Sets the permission bits of this file exactly.
  public func setPermissions(_ permissions: UInt32) throws(SystemError) {
    _ = try check(fchmod(number, permissions), "fchmod(2)")
  }

  // MARK: Copies

  /// Copies the content of this regular file into an empty one. Holes stay holes.
  ///
  /// - Parameter mayProceed: is asked before each piece of at most 16 MiB.
  /// - Returns: how many bytes of data it had; nil when the copy might not proceed.
  /// - Throws: ENOSPC, EDQUOT, EFBIG, EIO. See sendfile(2) and ftruncate(2).
  public func copyContent(
    to file: borrowing OwnedDescriptor, mayProceed: () -> Bool
  ) throws(SystemError) -> UInt64? {
    var offset: UInt64 = 0
    var total: UInt64 = 0
    let target = file.number
    while true {
      guard mayProceed() else { return nil }
      // Safe: the call reads and writes the offset alone.
      let count = try checkNegated(
        unsafe ol_copy_piece(number, target, &offset), "sendfile(2)")
      if count == 0 { break }
      total += UInt64(count)
    }
    let size = try check(lseek(number, 0, SEEK_END), "lseek(2)")
    _ = try check(ftruncate(target, size), "ftruncate(2)")
    return total
  }

  /// Gives an entry of a directory the times of access and modification of one of this directory;
  /// an empty name is the directory itself.
  public func copyTimes(
    of name: [UInt8], to directory: borrowing OwnedDescriptor, _ newName: [UInt8]
  ) throws(SystemError) {
    let target = directory.number
    let result = unsafe withCString(name) { name in
      unsafe withCString(newName) { unsafe ol_copy_times(number, name, target, $0) }
    }
    _ = try checkNegated(result, "utimensat(2)")
  }
}

/// Calls `body` with bytes as a C string, valid during the call. They must not contain NUL, which
/// no name has.
private func withCString<Result>(
  _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
) -> Result {
  // Safe: the buffer is not empty, and ends with NUL.
  unsafe (bytes + [0]).withUnsafeBufferPointer { bytes in
    unsafe bytes.withMemoryRebound(to: CChar.self) { text in
      guard let start = text.baseAddress else { preconditionFailure("there is a NUL at least") }
      return unsafe body(start)
    }
  }
}
