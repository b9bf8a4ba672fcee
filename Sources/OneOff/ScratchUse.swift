import ContainerSpec
import LinuxSystem

/// How full a scratch is.
struct ScratchUse: Sendable, Hashable {
  /// What it was made for; nil for a directory of the host's disk, which has no limit of its own.
  let scratch: Scratch?
  /// What is left.
  let room: FileSystemRoom

  /// For a write of much at once the kernel (from Linux 6.16 on) has a file on ext4 take up to as
  /// much as this in one piece, or nothing.
  private static let largestPiece: UInt64 = 2 << 20

  /// Whether something could not be written, or no file made, as far as that can be seen now: what
  /// was removed again is not seen.
  var isFull: Bool {
    switch scratch {
    case nil: false
    case .tmpfs: room.bytes == 0 || room.files == 0
    case .disk: room.bytes < Self.largestPiece || room.files == 0
    }
  }

  /// Above how many written bytes it is worth a line in the kernel's log not to write them back.
  private static let worthForgetting: UInt64 = 64 << 20

  /// Whether unmounting it would take long.
  var isWorthForgetting: Bool {
    guard case .disk = scratch else { return false }
    return room.allBytes - min(room.allBytes, room.bytes) >= Self.worthForgetting
  }
}
