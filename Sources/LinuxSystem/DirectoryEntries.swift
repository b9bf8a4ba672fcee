internal import CLaunch
import Glibc
public import SystemPackage

// What is read of directories and symbolic links.

/// An entry of a directory.
struct DirectoryEntry {
  /// Its name, which may be any bytes but NUL and `/`.
  var name: [UInt8]
  /// Whether it is a directory, where the file system tells.
  var isDirectory: Bool

  /// The name as text; what is not UTF-8 is U+FFFD in it.
  var text: String { String(decoding: name, as: UTF8.self) }
}

extension OwnedDescriptor {
  /// The names in this directory but `.` and `..`, in the order of their bytes; nil when there are
  /// more than `limit`. To be called once: it reads on where the last call has ended.
  ///
  /// - Throws: the errnos of getdents64(2).
  public func entryNames(atMost limit: Int) throws(SystemError) -> [[UInt8]]? {
    try LinuxSystem.entryNames(of: number, atMost: limit)
  }

  /// What a symbolic link in this directory says.
  ///
  /// - Throws: EINVAL when it is no symbolic link; ENOENT. See readlinkat(2).
  public func linkTarget(of name: some FileName) throws(SystemError) -> [UInt8] {
    try readLink(name, below: number)
  }
}

extension DescriptorTable {
  /// The names in a named directory; see ``OwnedDescriptor/entryNames(atMost:)``.
  ///
  /// - Throws: the errnos of getdents64(2).
  public func entryNames(
    of name: DescriptorName, atMost limit: Int
  ) throws(SystemError) -> [[UInt8]]? {
    try LinuxSystem.entryNames(of: number(of: name), atMost: limit)
  }
}

/// The entries of a directory but `.` and `..`, in no order; none when it does not exist.
///
/// - Throws: the errnos of open(2) but ENOENT, and of getdents64(2).
func directoryEntries(
  _ path: FilePath, atMost limit: Int = .max
) throws(SystemError) -> [DirectoryEntry] {
  let directory: OwnedDescriptor
  do throws(SystemError) {
    directory = try OwnedDescriptor(directory: path)
  } catch let error where error.errno == .noSuchFileOrDirectory {
    return []
  }
  return Array(try readEntries(of: directory.number, atLeast: limit).prefix(limit))
}

/// The names in a directory but `.` and `..`, in no order; none when it does not exist. What is not
/// UTF-8 is U+FFFD in them.
///
/// - Throws: the errnos of open(2) but ENOENT, and of getdents64(2).
public func directoryEntryNames(_ path: FilePath) throws(SystemError) -> [String] {
  try directoryEntries(path).map(\.text)
}

/// Whether a directory has no entry, or does not exist.
///
/// - Throws: the errnos of open(2) but ENOENT, and of getdents64(2).
public func isEmptyDirectory(_ path: FilePath) throws(SystemError) -> Bool {
  try directoryEntries(path, atMost: 1).isEmpty
}

/// What a symbolic link says.
///
/// - Throws: EINVAL when it is no symbolic link; ENOENT. See readlink(2).
public func linkTarget(of path: FilePath) throws(SystemError) -> FilePath {
  let target = try readLink(path, below: AT_FDCWD)
  // Safe: the array ends with NUL, and its bytes are copied.
  return unsafe FilePath(platformString: target.map { CChar(bitPattern: $0) } + [0])
}

private func readLink(
  _ name: some FileName, below directory: CInt
) throws(SystemError) -> [UInt8] {
  let capacity = Int(PATH_MAX)
  var target = [CChar](repeating: 0, count: capacity)
  // Safe: the call writes at most as many bytes as it is told.
  let count = unsafe name.withFileName { unsafe readlinkat(directory, $0, &target, capacity) }
  let length = try check(count, "readlinkat(2)", name.errorSubject)
  return target.prefix(length).map { UInt8(bitPattern: $0) }
}

private func entryNames(
  of directory: CInt, atMost limit: Int
) throws(SystemError) -> [[UInt8]]? {
  let entries = try readEntries(of: directory, atLeast: limit < .max ? limit + 1 : limit)
  guard entries.count <= limit else { return nil }
  return entries.map(\.name).sorted { $0.lexicographicallyPrecedes($1) }
}

/// Reads on until there are so many entries, or all.
private func readEntries(
  of directory: CInt, atLeast limit: Int
) throws(SystemError) -> [DirectoryEntry] {
  let capacity = 32 << 10
  var entries: [DirectoryEntry] = []
  while entries.count < limit {
    var result = 0
    // Safe: the call writes at most `capacity` bytes, and says how many.
    let records = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      result = unsafe ol_read_entries(directory, buffer.baseAddress, capacity)
      count = max(0, result)
    }
    if try checkNegated(result, "getdents64(2)") == 0 { break }
    appendEntries(in: records, to: &entries)
  }
  return entries
}

/// Reads the kernel's `struct linux_dirent64`: inode, offset, length of the record, type, name.
private func appendEntries(in records: [UInt8], to entries: inout [DirectoryEntry]) {
  let lengthOffset = 16
  let typeOffset = 18
  let nameOffset = 19
  let dot = UInt8(ascii: ".")
  var start = records.startIndex
  while start < records.endIndex {
    let length =
      Int(records[start + lengthOffset]) | Int(records[start + lengthOffset + 1]) << 8
    let name = records[(start + nameOffset)..<(start + length)].prefix { $0 != 0 }
    let isDirectory = records[start + typeOffset] == UInt8(DT_DIR)
    start += length
    if name.elementsEqual([dot]) || name.elementsEqual([dot, dot]) { continue }
    entries.append(DirectoryEntry(name: Array(name), isDirectory: isDirectory))
  }
}

/// The absolute path of a file or directory, with no symbolic link in it.
///
/// - Throws: ENOENT, ELOOP, EACCES. See realpath(3).
public func realPath(of path: FilePath) throws(SystemError) -> FilePath {
  let found = try OwnedDescriptor(opening: path, flags: .pathOnly)
  return try linkTarget(of: FilePath("/proc/self/fd/\(found.number)"))
}
