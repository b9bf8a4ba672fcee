internal import CLaunch
import Glibc
import SystemPackage

// A tree that somebody hostile has made, opened below the descriptor of a directory in it. No
// symbolic link is followed anywhere.

extension OwnedDescriptor {
  /// What a path led to instead of a directory.
  public enum NoDirectory: Sendable {
    /// Nothing.
    case nothing
    /// Something else is there, or on the way there.
    case other
  }

  /// A directory that was opened, or what is in its place.
  public enum DirectoryLookup: ~Copyable, Sendable {
    case found(OwnedDescriptor)
    case missing(NoDirectory)
  }

  /// Opens a directory below this one; an empty path is this one. What is mounted there is entered.
  ///
  /// - Throws: ENAMETOOLONG for 4096 bytes and more; EMFILE. See openat2(2), RESOLVE_BENEATH and
  ///   RESOLVE_NO_SYMLINKS.
  public func findDirectory(_ path: some FileName) throws(SystemError) -> DirectoryLookup {
    try DescriptorTable.findDirectory(path, below: number)
  }

  /// Opens a directory in this one; an empty name is this one again.
  ///
  /// - Throws: ENOTDIR for anything else, ELOOP for a symbolic link; EXDEV when something is
  ///   mounted on it. See openat2(2), RESOLVE_NO_XDEV.
  public func openDirectory(_ name: some FileName) throws(SystemError) -> OwnedDescriptor {
    try open(name, O_RDONLY | O_DIRECTORY)
  }

  /// Opens a regular file in this directory for reading; nil when it is a directory, a device or a
  /// named pipe, which is not waited for.
  ///
  /// - Throws: ELOOP for a symbolic link; EXDEV when something is mounted on it; ENXIO for a
  ///   socket. See openat2(2).
  public func openFile(_ name: some FileName) throws(SystemError) -> OwnedDescriptor? {
    let file = try open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    guard try file.status().kind == .regular else { return nil }
    return file
  }

  /// Whether something is mounted on an entry of this directory.
  ///
  /// - Throws: the errnos of openat2(2); see its RESOLVE_NO_XDEV.
  public func isMountPoint(_ name: some FileName) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try open(name, OpenFlags.pathOnly.rawValue)
      return false
    } catch let error where error.errno == .improperLink {
      return true
    }
  }

  private func open(_ name: some FileName, _ flags: CInt) throws(SystemError) -> OwnedDescriptor {
    let resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
    let result = openBeneath(number, name, flags | O_NOFOLLOW, resolve)
    return OwnedDescriptor(owning: try checkNegated(result, "openat2(2)", name.errorSubject))
  }

  /// Opens the directory in which this one is. To be asked only of a tree that nobody moves, or to
  /// be looked at afterwards.
  ///
  /// - Throws: EMFILE; ENOENT when the directory was removed. See openat(2).
  public func parentDirectory() throws(SystemError) -> OwnedDescriptor {
    // Safe: the path is a constant.
    let result = unsafe ol_open(number, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)"))
  }

  /// An extended attribute of this file; nil when it has none of that name, or a longer one than
  /// 4096 bytes. See xattr(7).
  public func attribute(_ name: String) -> [UInt8]? {
    let capacity = 4096
    var length = 0
    // Safe: the call writes at most `capacity` bytes, and says how many.
    let value = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      length = unsafe ol_attribute(number, name, buffer.baseAddress, capacity)
      count = max(0, length)
    }
    return length < 0 ? nil : value
  }
}

extension DescriptorTable {
  /// Opens a directory below a named one; see ``OwnedDescriptor/findDirectory(_:)``.
  ///
  /// - Throws: ENAMETOOLONG for 4096 bytes and more; EMFILE. See openat2(2).
  public func findDirectory(
    _ path: some FileName, below name: DescriptorName
  ) throws(SystemError) -> OwnedDescriptor.DirectoryLookup {
    try Self.findDirectory(path, below: number(of: name))
  }

  fileprivate static func findDirectory(
    _ path: some FileName, below directory: CInt
  ) throws(SystemError) -> OwnedDescriptor.DirectoryLookup {
    let result = openBeneath(
      directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK,
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    switch -result {
    case Int(ENOENT): return .missing(.nothing)
    case Int(ENOTDIR), Int(ELOOP): return .missing(.other)
    default:
      return .found(
        OwnedDescriptor(owning: try checkNegated(result, "openat2(2)", path.errorSubject)))
    }
  }
}

/// Opens a path below a directory, or the directory itself for an empty one: a number, or -errno.
private func openBeneath(
  _ directory: CInt, _ path: some FileName, _ flags: CInt, _ resolve: CInt
) -> Int {
  let flags = UInt64(flags | O_CLOEXEC)
  // Safe: the kernel copies the path before the call returns.
  if path.isEmpty { return unsafe ol_openat2(directory, ".", flags, UInt64(resolve)) }
  return unsafe path.withFileName { unsafe ol_openat2(directory, $0, flags, UInt64(resolve)) }
}
