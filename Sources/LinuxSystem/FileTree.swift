internal import CLaunch
import Glibc
import SystemPackage

// A tree that somebody hostile has made, read below the descriptor of a directory in it. Names and
// paths are bytes, and no symbolic link is followed anywhere.

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

  /// Opens a directory below this one; an empty path is this one. See openat2(2), RESOLVE_BENEATH
  /// and RESOLVE_NO_SYMLINKS.
  ///
  /// - Throws: ENAMETOOLONG for 4096 bytes and more; EMFILE.
  public func findDirectory(_ path: [UInt8]) throws(SystemError) -> DirectoryLookup {
    try DescriptorTable.findDirectory(path, below: number)
  }

  /// What a name in this directory is; nil when it does not exist.
  public func status(ofEntry name: [UInt8]) throws(SystemError) -> FileStatus? {
    try FileStatus.find(name, below: number)
  }

  /// The names in this directory but `.` and `..`, in the order of their bytes; nil when there are
  /// more than `limit`. To be called once: it reads on where the last call has ended.
  ///
  /// - Throws: the errnos of getdents64(2).
  public func entryNames(atMost limit: Int) throws(SystemError) -> [[UInt8]]? {
    try LinuxSystem.entryNames(of: number, atMost: limit)
  }

  /// An extended attribute of this file; nil when it has none of that name. See xattr(7).
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
  public func findDirectory(
    _ path: [UInt8], below name: DescriptorName
  ) throws(SystemError) -> OwnedDescriptor.DirectoryLookup {
    try Self.findDirectory(path, below: number(of: name))
  }

  /// What a name in a named directory is; nil when it does not exist.
  public func status(
    of name: DescriptorName, entry: [UInt8]
  ) throws(SystemError) -> FileStatus? {
    try FileStatus.find(entry, below: number(of: name))
  }

  /// The names in a named directory; see ``OwnedDescriptor/entryNames(atMost:)``.
  public func entryNames(
    of name: DescriptorName, atMost limit: Int
  ) throws(SystemError) -> [[UInt8]]? {
    try LinuxSystem.entryNames(of: number(of: name), atMost: limit)
  }

  fileprivate static func findDirectory(
    _ path: [UInt8], below directory: CInt
  ) throws(SystemError) -> OwnedDescriptor.DirectoryLookup {
    let resolve: UInt64 = 0x08 | 0x04 | 0x02  // beneath, no symbolic links, no magic links
    let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    let path = path.isEmpty ? [UInt8(ascii: ".")] : path
    // Safe: the path ends with NUL, and the kernel copies it before the call returns.
    let result = unsafe (path + [0]).withUnsafeBufferPointer { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) {
        unsafe ol_openat2(directory, $0.baseAddress, flags, resolve)
      }
    }
    switch -result {
    case Int(ENOENT): return .missing(.nothing)
    case Int(ENOTDIR), Int(ELOOP): return .missing(.other)
    default: return .found(OwnedDescriptor(owning: try checkNegated(result, "openat2(2)")))
    }
  }
}

extension FileStatus {
  fileprivate static func find(
    _ name: [UInt8], below directory: CInt
  ) throws(SystemError) -> FileStatus? {
    var status = ol_status()
    // Safe: the name ends with NUL, and the call fills the structure.
    let result = unsafe (name + [0]).withUnsafeBufferPointer { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) {
        unsafe ol_file_status(directory, $0.baseAddress, &status)
      }
    }
    if result == -Int(ENOENT) { return nil }
    _ = try checkNegated(result, "fstatat(2)")
    return FileStatus(status)
  }
}

private func entryNames(
  of directory: CInt, atMost limit: Int
) throws(SystemError) -> [[UInt8]]? {
  let capacity = 32 << 10
  var names: [[UInt8]] = []
  while true {
    var result = 0
    // Safe: the call writes at most `capacity` bytes, and says how many.
    let records = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      result = unsafe ol_read_entries(directory, buffer.baseAddress, capacity)
      count = max(0, result)
    }
    if try checkNegated(result, "getdents64(2)") == 0 { break }
    appendNames(in: records, to: &names)
    if names.count > limit { return nil }
  }
  names.sort { $0.lexicographicallyPrecedes($1) }
  return names
}

/// Reads the kernel's `struct linux_dirent64`: inode, offset, length of the record, kind, name.
private func appendNames(in records: [UInt8], to names: inout [[UInt8]]) {
  let lengthOffset = 16
  let nameOffset = 19
  var start = records.startIndex
  while start < records.endIndex {
    let length =
      Int(records[start + lengthOffset]) | Int(records[start + lengthOffset + 1]) << 8
    let name = records[(start + nameOffset)..<(start + length)].prefix { $0 != 0 }
    start += length
    if name.elementsEqual([0x2e]) || name.elementsEqual([0x2e, 0x2e]) { continue }
    names.append(Array(name))
  }
}
