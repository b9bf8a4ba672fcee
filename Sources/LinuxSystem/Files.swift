internal import CLaunch
import Glibc
public import SystemPackage

extension OwnedDescriptor {
  /// Opens a file or directory; the descriptor is closed when a program is executed.
  ///
  /// - Parameter permissions: of a file that is made.
  /// - Throws: the errnos of open(2).
  public init(
    opening path: FilePath, flags: OpenFlags, permissions: UInt32 = 0o600
  ) throws(SystemError) {
    // Safe: the kernel copies the path before the call returns.
    let result = unsafe path.withPlatformString {
      unsafe ol_open(AT_FDCWD, $0, flags.rawValue | O_CLOEXEC, permissions)
    }
    self.init(owning: try checkNegated(result, "open(2)", "of \(path)"))
  }

  /// Opens a file for reading that was opened by path only. In between one can look at what it is:
  /// to open a device may set something going, and to open a named pipe may wait for ever.
  ///
  /// - Throws: the errnos of open(2). See O_PATH.
  public borrowing func reopened() throws(SystemError) -> OwnedDescriptor {
    try OwnedDescriptor(opening: FilePath("/proc/self/fd/\(number)"), flags: .reading)
  }

  /// Opens a directory for reading.
  ///
  /// - Throws: ENOTDIR for anything else; the other errnos of open(2).
  public init(directory path: FilePath) throws(SystemError) {
    try self.init(opening: path, flags: .directory)
  }

  /// Makes a file that has no name on the file system of a directory, of that size and without any
  /// content: it takes no room there until it is written to.
  ///
  /// - Throws: EOPNOTSUPP where the file system has no such files; EFBIG; the errnos of open(2).
  ///   See open(2), O_TMPFILE.
  public init(unnamedIn directory: FilePath, size: UInt64) throws(SystemError) {
    // Safe: the kernel copies the path before the call returns.
    let result = unsafe directory.withPlatformString {
      unsafe ol_unnamed_file($0, size)
    }
    self.init(
      owning: try checkNegated(result, "open(2)", "of a file without a name in \(directory)"))
  }

  /// Makes a file in memory that holds these bytes, to be read from its beginning.
  ///
  /// - Throws: ENOMEM, EMFILE. See memfd_create(2).
  public init(inMemory bytes: [UInt8]) throws(SystemError) {
    let file = OwnedDescriptor(owning: try checkNegated(ol_memory_file(), "memfd_create(2)"))
    try file.write(bytes)
    _ = try check(lseek(file.number, 0, SEEK_SET), "lseek(2)")
    self = file
  }

  /// Writes all bytes, however many calls that takes.
  public borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
    try writeAll(bytes[...], to: number)
  }

  /// Reads to the end.
  ///
  /// - Throws: EFBIG when there is more than `limit` bytes; the errnos of read(2).
  public borrowing func readAll(limit: Int, subject: String) throws(SystemError) -> [UInt8] {
    var contents: [UInt8] = []
    while true {
      let chunk = try readOnce(
        from: number, capacity: max(4 << 10, contents.count), subject: subject)
      if chunk.isEmpty { return contents }
      contents += chunk
      guard contents.count <= limit else {
        throw SystemError(call: "read(2)", subject: subject, errno: .fileTooLarge)
      }
    }
  }
}

/// Reads a whole file that the caller names. A named pipe is waited for, until somebody has written
/// to it and closed it, as cat(1) does: never for a path of an image or a release.
///
/// - Throws: EFBIG when it is larger than `limit` bytes; the errnos of open(2) and read(2).
public func readFile(_ path: FilePath, limit: Int) throws(SystemError) -> [UInt8] {
  let file = try OwnedDescriptor(opening: path, flags: [])
  return try file.readAll(limit: limit, subject: "of \(path)")
}

/// Reads a whole file of a directory that may be hostile: no symbolic link leads out of it.
///
/// - Throws: EFBIG when it is larger than `limit` bytes; the errnos of openat2(2) and read(2).
public func readFile(
  _ name: String, below directory: FilePath, limit: Int
) throws(SystemError) -> [UInt8] {
  let table = DescriptorTable()
  table.adopt(try OwnedDescriptor(directory: directory), as: .app)
  guard let file = try table.find(name, below: .app, flags: .pathOnly) else {
    throw SystemError(call: "openat2(2)", subject: "of \(name)", errno: .noSuchFileOrDirectory)
  }
  let status = try file.status()
  guard status.kind == .regular else {
    throw SystemError(
      call: "openat2(2)", subject: "of \(name)",
      errno: status.kind == .directory ? .isDirectory : .invalidArgument)
  }
  return try file.reopened().readAll(limit: limit, subject: "of \(name)")
}

/// What the file at a path is; symbolic links are followed.
///
/// - Throws: ENOENT, ENOTDIR, ELOOP, EACCES. See open(2), O_PATH.
public func fileStatus(following path: FilePath) throws(SystemError) -> FileStatus {
  // By path only: neither a device nor a named pipe is opened.
  try OwnedDescriptor(opening: path, flags: .pathOnly).status()
}

/// Whether this process may execute the file at a path. See access(2).
func isExecutable(_ path: FilePath) -> Bool {
  // Safe: the kernel copies the path before the call returns.
  unsafe path.withPlatformString { unsafe access($0, X_OK) } == 0
}

/// Writes a file whole, or not at all: whoever opens it sees the old one or the new one.
///
/// Whatever has the name is replaced, a symbolic link too, but for a directory.
/// - Throws: the errnos of open(2), write(2) and rename(2).
public func replaceFile(
  _ path: FilePath, with contents: [UInt8], permissions: UInt32
) throws(SystemError) {
  let random = randomBytes(8).map { String($0, radix: 16) }.joined()
  let name = (path.lastComponent?.string ?? "") + ".\(random)"
  let draft = path.removingLastComponent().appending(name)
  let file = try OwnedDescriptor(
    opening: draft, flags: [.writing, .creating, .exclusively, .notFollowing],
    permissions: permissions)
  do throws(SystemError) {
    try file.write(contents)
    // Safe: the kernel copies both paths before the call returns.
    let result = unsafe draft.withPlatformString { old in
      unsafe path.withPlatformString { new in unsafe rename(old, new) }
    }
    _ = try check(result, "rename(2)", "to \(path)")
  } catch {
    // Safe: as above.
    _ = unsafe draft.withPlatformString { unsafe unlink($0) }
    throw error
  }
}

/// Makes sure that ``replaceFile(_:with:permissions:)`` can make a file, and removes what is there.
///
/// - Throws: EEXIST for anything but a regular file, which nobody wants to be replaced: a device, a
///   directory, a symbolic link; the errnos of open(2), faccessat(2) and unlink(2).
public func removeReplaceableFile(_ path: FilePath) throws(SystemError) {
  let parent = path.removingLastComponent()
  let directory = try OwnedDescriptor(directory: parent.isEmpty ? "." : parent)
  guard let name = path.lastComponent?.string, path.lastComponent?.kind == .regular else {
    throw SystemError(call: "open(2)", subject: "of \(path)", errno: .isDirectory)
  }
  if let status = try directory.status(of: name) {
    guard status.kind == .regular else {
      throw SystemError(call: "unlink(2)", subject: "of \(path)", errno: .fileExists)
    }
    // Safe: the kernel copies the name before the call returns.
    _ = try check(unsafe unlinkat(directory.number, name, 0), "unlink(2)", "of \(path)")
  }
  // Safe: the path is a constant.
  _ = try check(
    unsafe faccessat(directory.number, ".", W_OK | X_OK, AT_EACCESS), "faccessat(2)",
    "of \(path)")
}

func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: CInt) throws(SystemError) {
  var rest = bytes
  while !rest.isEmpty {
    // Safe: write(2) reads at most as many bytes as it is told there are.
    let count = unsafe rest.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    do {
      rest = rest.dropFirst(try check(count, "write(2)"))
    } catch let error where error.errno == .interrupted {
      continue
    }
  }
}

func readOnce(
  from descriptor: CInt, capacity: Int, subject: String
) throws(SystemError) -> [UInt8] {
  var failure: SystemError?
  // Safe: read(2) writes at most `capacity` bytes, and says how many.
  let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
    do throws(SystemError) {
      count = try retryingInterrupted { () throws(SystemError) in
        try check(
          unsafe Glibc.read(descriptor, buffer.baseAddress, capacity), "read(2)", subject)
      }
    } catch {
      failure = error
    }
  }
  if let failure { throw failure }
  return bytes
}

/// Makes a call again as long as a signal interrupts it.
private func retryingInterrupted(
  _ call: () throws(SystemError) -> Int
) throws(SystemError) -> Int {
  while true {
    do throws(SystemError) {
      return try call()
    } catch let error where error.errno == .interrupted {
      continue
    }
  }
}
