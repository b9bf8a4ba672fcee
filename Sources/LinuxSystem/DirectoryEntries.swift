import Glibc
public import SystemPackage

/// An entry of a directory.
struct DirectoryEntry {
  var name: String
  var isDirectory: Bool
}

/// The entries of a directory but `.` and `..`; none when it does not exist.
func directoryEntries(
  _ path: FilePath, atMost limit: Int = .max
) throws(SystemError) -> [DirectoryEntry] {
  // Safe: the stream is closed before the function returns; an entry is copied before the next
  // one is read.
  guard let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
    let code = Glibc.errno
    let error = SystemError(
      call: "opendir(3)", subject: "of \(path)", errno: Errno(rawValue: code))
    if error.errno == .noSuchFileOrDirectory { return [] }
    throw error
  }
  defer { unsafe closedir(stream) }
  var entries: [DirectoryEntry] = []
  while entries.count < limit, let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
      unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
    }
    guard name != ".", name != ".." else { continue }
    entries.append(
      DirectoryEntry(name: name, isDirectory: unsafe entry.pointee.d_type == UInt8(DT_DIR)))
  }
  return entries
}

/// The names in a directory but `.` and `..`, in no order; none when it does not exist.
///
/// - Throws: the errnos of opendir(3) but ENOENT.
public func directoryEntryNames(_ path: FilePath) throws(SystemError) -> [String] {
  try directoryEntries(path).map(\.name)
}

/// What a symbolic link says. See readlink(2).
public func linkTarget(of path: FilePath) throws(SystemError) -> FilePath {
  let capacity = Int(PATH_MAX)
  var buffer = [CChar](repeating: 0, count: capacity + 1)
  // Safe: the call writes at most as many bytes as it is told; a NUL stands behind them.
  let count = unsafe path.withPlatformString { unsafe readlink($0, &buffer, capacity) }
  _ = try check(count, "readlink(2)", "of \(path)")
  return FilePath(platformString: buffer)
}

/// Whether a directory has no entry.
public func isEmptyDirectory(_ path: FilePath) throws(SystemError) -> Bool {
  try directoryEntries(path, atMost: 1).isEmpty
}
