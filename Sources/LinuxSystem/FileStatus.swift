internal import CLaunch
import Glibc
import SystemPackage

/// What a file is, as fstatat(2) says.
public struct FileStatus: Sendable, Hashable {
  /// The kind of a file.
  public enum Kind: Sendable, Hashable {
    case directory, regular, symbolicLink, characterDevice, blockDevice, pipe, socket, other
  }

  /// The kind.
  public var kind: Kind
  /// The permission bits.
  public var permissions: UInt32
  /// The owner, as host ids.
  public var owner: LaunchPlan.Owner
  /// The number of the file system that it is on.
  public var fileSystem: UInt64
  /// Major and minor number of a device node.
  public var device: (major: UInt32, minor: UInt32) {
    (
      UInt32((deviceNumber >> 8) & 0xfff),
      UInt32((deviceNumber & 0xff) | (deviceNumber >> 12 & 0xfff00))
    )
  }
  private var deviceNumber: UInt64
  /// What its content takes, in bytes: holes in a sparse file take nothing.
  public var contentSize: UInt64 { min(size, allocated) }
  /// Whether both are states of one file. See inode(7).
  public func isOfSameFile(as other: FileStatus) -> Bool {
    fileSystem == other.fileSystem && inode == other.inode
  }
  /// How many hard links it has.
  public var links: UInt32
  /// Its number on its file system, which all its hard links share.
  public var fileNumber: UInt64 { inode }
  /// What tells this state of the file from every other file, and from itself before a change.
  public var identity: String { "\(fileSystem):\(inode):\(size):\(modifiedNanoseconds)" }
  private var inode: UInt64
  private var size: UInt64
  private var allocated: UInt64
  private var modifiedNanoseconds: UInt64

  /// What an open file is. See fstatat(2), AT_EMPTY_PATH.
  public init(of number: CInt) throws(SystemError) {
    var status = ol_status()
    // Safe: the call fills the structure, and keeps no pointer.
    _ = try checkNegated(unsafe ol_file_status(number, "", &status), "fstatat(2)")
    self.init(status)
  }

  /// What a name below a directory is; nil when it does not exist.
  static func find(
    _ name: some FileName, below directory: CInt
  ) throws(SystemError) -> FileStatus? {
    var status = ol_status()
    // Safe: the call fills the structure, and keeps no pointer.
    let result = unsafe name.withFileName { unsafe ol_file_status(directory, $0, &status) }
    if result == -Int(ENOENT) || result == -Int(ENOTDIR) { return nil }
    _ = try checkNegated(result, "fstatat(2)", name.errorSubject)
    return FileStatus(status)
  }

  private init(_ status: ol_status) {
    self.kind =
      switch status.mode & S_IFMT {
      case S_IFDIR: .directory
      case S_IFREG: .regular
      case S_IFLNK: .symbolicLink
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      case S_IFIFO: .pipe
      case S_IFSOCK: .socket
      default: .other
      }
    self.permissions = status.mode & 0o7777
    self.owner = LaunchPlan.Owner(uid: status.uid, gid: status.gid)
    self.fileSystem = status.device
    self.deviceNumber = status.device_number
    self.inode = status.inode
    self.links = status.links
    self.size = status.size
    self.allocated = status.allocated
    self.modifiedNanoseconds = status.modified_ns
  }
}

extension OwnedDescriptor {
  /// What this file is.
  ///
  /// - Throws: the errnos of fstatat(2).
  public func status() throws(SystemError) -> FileStatus { try FileStatus(of: number) }

  /// What a name in this directory, or a path below it, is; nil when it does not exist. A symbolic
  /// link at its end is not followed.
  ///
  /// - Throws: ENAMETOOLONG; ELOOP for a path with such a link in it. See fstatat(2).
  public func status(of name: some FileName) throws(SystemError) -> FileStatus? {
    try FileStatus.find(name, below: number)
  }
}

extension DescriptorTable {
  /// What a name in a named directory, or a path below it, is; see ``OwnedDescriptor/status(of:)``.
  ///
  /// - Throws: ENAMETOOLONG; ELOOP. See fstatat(2).
  public func status(
    of name: DescriptorName, _ path: some FileName
  ) throws(SystemError) -> FileStatus? {
    try FileStatus.find(path, below: number(of: name))
  }
}
