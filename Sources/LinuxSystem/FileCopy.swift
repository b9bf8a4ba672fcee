internal import CLaunch
import Glibc

extension OwnedDescriptor {
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
  /// an empty name is the directory itself. See utimensat(2).
  ///
  /// - Throws: ENOENT; EPERM, EROFS.
  public func copyTimes(
    of name: some FileName, to directory: borrowing OwnedDescriptor, _ newName: some FileName
  ) throws(SystemError) {
    let target = directory.number
    // Safe: the kernel copies both names before the call returns.
    let result = unsafe name.withFileName { name in
      unsafe newName.withFileName { unsafe ol_copy_times(number, name, target, $0) }
    }
    _ = try checkNegated(result, "utimensat(2)", newName.errorSubject)
  }
}
