internal import CLaunch

/// What is left of a file system. See statfs(2).
public struct FileSystemRoom: Sendable, Hashable {
  /// Bytes that can still be written without rights.
  public var bytes: UInt64
  /// Files that can still be made.
  public var files: UInt64
  /// Bytes that there are in all.
  public var allBytes: UInt64

  /// States what is left.
  public init(bytes: UInt64, files: UInt64, allBytes: UInt64) {
    self.bytes = bytes
    self.files = files
    self.allBytes = allBytes
  }

  fileprivate init(of number: CInt) throws(SystemError) {
    var room = ol_room()
    // Safe: the call fills the structure.
    _ = try checkNegated(unsafe ol_room(number, &room), "fstatfs(2)")
    self.init(bytes: room.bytes, files: room.files, allBytes: room.all_bytes)
  }
}

extension OwnedDescriptor {
  /// What is left of the file system.
  ///
  /// - Throws: the errnos of fstatfs(2).
  public func room() throws(SystemError) -> FileSystemRoom { try FileSystemRoom(of: number) }
}

extension DescriptorTable {
  /// What is left of the file system of a named file.
  ///
  /// - Throws: the errnos of fstatfs(2).
  public func room(of name: DescriptorName) throws(SystemError) -> FileSystemRoom {
    try FileSystemRoom(of: number(of: name))
  }

  /// Writes all of the file system of a named directory to its device.
  ///
  /// - Throws: EIO, ENOSPC when something that was written before has been lost, which whoever has
  ///   written it need not have noticed. See syncfs(2).
  public func syncFileSystem(of name: DescriptorName) throws(SystemError) {
    _ = try checkNegated(ol_sync_file_system(number(of: name)), "syncfs(2)", "of \(name)")
  }

  /// Has the ext4 of a named directory forget what it has not written to its device yet: a file
  /// system that is about to be thrown away would write all of it when it is unmounted. Nothing can
  /// be done with it afterwards.
  ///
  /// - Throws: EPERM without CAP_SYS_ADMIN; ENOTTY for another file system.
  public func shutDownFileSystem(of name: DescriptorName) throws(SystemError) {
    _ = try checkNegated(
      ol_shut_down_ext4(number(of: name)), "ioctl(2)", "EXT4_IOC_SHUTDOWN of \(name)")
  }
}
