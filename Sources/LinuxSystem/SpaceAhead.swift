internal import CLaunch
import Glibc

/// Disk space behind the end of a file that grows, taken for what is written next. The file does
/// not become longer by it, so that readers see nothing of it.
///
/// ext4 finds a place for each block of 4 KiB that is written, which takes as long as copying it,
/// and for many at once in next to no time. Other file systems gain nothing, or lose: btrfs does
/// not compress what has a place already.
struct SpaceAhead {
  /// Never more than the file holds already, nor than this.
  private static let most = 16 << 20
  /// A smaller file takes none.
  private static let least = 1 << 20

  /// Whether the file is on ext4, and nothing has gone wrong.
  private(set) var isUseful: Bool
  /// Where the space ends; 0 while there is none.
  private var end = 0

  /// Takes none yet.
  init(_ file: borrowing OwnedDescriptor) {
    // linux/magic.h.
    let ext4: CLong = 0xEF53
    self.isUseful = ol_file_system_type(file.number) == ext4
  }

  /// Takes more where that is worth it, for this many bytes at the file's end.
  ///
  /// A disk that is nearly full keeps what it has: writing will say whether that is enough.
  mutating func take(in file: borrowing OwnedDescriptor, behind size: Int, for count: Int) {
    guard isUseful, size >= Self.least, size + count > end else { return }
    let start = max(end, size)
    end = size + count + min(size, Self.most)
    guard ol_take_space(file.number, Int64(start), Int64(end - start)) < 0 else { return }
    isUseful = false
    giveBack(file, behind: size)
  }

  /// Gives back what was taken and not used; the file keeps its size.
  mutating func giveBack(_ file: borrowing OwnedDescriptor, behind size: Int) {
    guard end > size else { return }
    // Truncating to the size that it has removes what is behind that. A failure only costs space.
    _ = ftruncate(file.number, size)
    end = 0
  }
}
