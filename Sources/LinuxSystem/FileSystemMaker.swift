import SystemPackage

/// mkfs.ext4(8) of e2fsprogs, which makes a file system in a file.
public struct FileSystemMaker: Sendable, Hashable {
  private let program: FilePath

  /// Where distributions have it. PATH is not asked: it is the caller's, and may be anything.
  private static let candidates: [FilePath] = [
    "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4", "/run/current-system/sw/bin/mkfs.ext4",
  ]

  /// That of this machine; nil where there is none.
  public static func installed() -> FileSystemMaker? {
    candidates.first(where: isExecutable).map { FileSystemMaker(program: $0) }
  }

  /// The features, every one of them: what /etc/mke2fs.conf names depends on the host. No journal
  /// and no checksums, as nothing of it is ever read back after a crash; `uninit_bg` lets the inode
  /// tables be made when they are needed.
  private static let features =
    "none,filetype,sparse_super,large_file,huge_file,extent,flex_bg,64bit,dir_index,dir_nlink,"
    + "extra_isize,uninit_bg"

  /// A file for so many bytes: half of what is usual, because build trees have small files.
  public static let bytesPerFile = 8192

  /// Makes a file system of the file's size, without room that is kept for root.
  ///
  /// - Throws: ENOENT, EACCES when the program cannot be executed; EIO, with what it said as hint,
  ///   when it failed. See mke2fs(8).
  public func makeFileSystem(in file: borrowing OwnedDescriptor) throws(SystemError) {
    let arguments = [
      "mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-i", "\(Self.bytesPerFile)", "-m", "0",
      "-O", Self.features, "-E", "lazy_itable_init=1,nodiscard", "/proc/self/fd/3",
    ]
    let said = try runQuietly(program, arguments, passing: file.number)
    guard let said else { return }
    throw SystemError(
      call: program.string, subject: "in the file of a scratch", errno: .ioError,
      hint: "it said '\(said)'")
  }
}
