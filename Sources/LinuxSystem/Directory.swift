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

  static func find(_ name: String, below directory: CInt) throws(SystemError) -> FileStatus? {
    var status = ol_status()
    do throws(SystemError) {
      // Safe: the call fills the structure.
      _ = try checkNegated(
        unsafe ol_file_status(directory, name, &status), "fstatat(2)", "of \(name)")
    } catch let error where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
      return nil
    }
    return FileStatus(status)
  }

  init(_ status: ol_status) {
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

// What is made, read and looked at below a directory's descriptor. Permissions are as given where
// clearFileModeMask() was called before. Names are single components
// unless a function says otherwise; nothing follows a symbolic link out of the directory.
extension OwnedDescriptor {
  /// Makes a directory.
  public func makeDirectory(
    _ name: String, permissions: UInt32, owner: LaunchPlan.Owner
  ) throws(SystemError) {
    _ = try check(unsafe mkdirat(number, name, permissions), "mkdirat(2)", "of \(name)")
    try setOwner(of: name, to: owner)
  }

  /// Makes a character device that everybody may read and write.
  public func makeDevice(
    _ name: String, major: UInt32, minor: UInt32, owner: LaunchPlan.Owner
  ) throws(SystemError) {
    _ = try checkNegated(
      unsafe ol_make_device(number, name, 0o666, major, minor), "mknodat(2)", "of \(name)")
    try setOwner(of: name, to: owner)
  }

  /// Makes a symbolic link.
  public func makeSymbolicLink(
    _ name: String, to target: String, owner: LaunchPlan.Owner
  ) throws(SystemError) {
    _ = try check(unsafe symlinkat(target, number, name), "symlinkat(2)", "of \(name)")
    try setOwner(of: name, to: owner)
  }

  /// Makes a file that must not exist yet; `path` may have several components.
  public func makeFile(
    _ path: String, contents: some Sequence<UInt8>, permissions: UInt32, owner: LaunchPlan.Owner
  ) throws(SystemError) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    let file = OwnedDescriptor(
      owning: try checkNegated(
        unsafe ol_open(number, path, flags, permissions), "openat(2)", "of \(path)"))
    try file.write(Array(contents))
    _ = try check(fchown(file.number, owner.uid, owner.gid), "fchown(2)", "of \(path)")
  }

  /// What `name` is; nil when it does not exist. An empty name is the directory itself.
  public func status(of name: String = "") throws(SystemError) -> FileStatus? {
    try FileStatus.find(name, below: number)
  }

  /// The magic number of the file system. See statfs(2).
  public func fileSystemType() throws(SystemError) -> FileSystemType {
    let result = ol_file_system_type(number)
    guard result >= 0 else {
      throw SystemError(call: "fstatfs(2)", errno: Errno(rawValue: CInt(-result)))
    }
    return FileSystemType(magic: UInt64(result))
  }

  /// Gives the file itself to another owner.
  public func setOwner(_ owner: LaunchPlan.Owner) throws(SystemError) {
    _ = try check(fchown(number, owner.uid, owner.gid), "fchown(2)")
  }

  /// What root makes is root's already.
  private func setOwner(of name: String, to owner: LaunchPlan.Owner) throws(SystemError) {
    guard owner.uid != 0 || owner.gid != 0 else { return }
    _ = try check(
      unsafe fchownat(number, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW), "fchownat(2)",
      "of \(name)")
  }
}

/// The file systems whose limits oneoff explains. See statfs(2).
public enum FileSystemType: Sendable, Hashable {
  case overlay, temporary, namespace, cgroup, cgroup2, other

  init(magic: UInt64) {
    self =
      switch magic {
      case 0x794c_7630: .overlay
      case 0x0102_1994: .temporary
      case 0x6e73_6673: .namespace
      case 0x0027_e0eb: .cgroup
      case 0x6367_7270: .cgroup2
      default: .other
      }
  }
}
