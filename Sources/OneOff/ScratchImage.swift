import ContainerSpec
import LinuxSystem
import SystemPackage

/// A scratch on disk: a file system in a file that has no name, below the state directory. Nothing
/// of it outlives the container and the descriptors of the supervisor, whatever is killed.
///
/// Why it is so is in docs/decisions/019-disk-scratch.md.
struct ScratchImage: Sendable, Hashable {
  /// How large the file system is; on the host it takes the room that was written to.
  let size: ByteCount
  /// Where the file is.
  var directory: FilePath { kept.path.appending("scratch") }
  private let kept: KeptDirectory

  /// A scratch of that size where this process keeps such files.
  init(size: ByteCount) throws(SpecError) { self.init(size: size, in: try .ofRoot()) }

  /// States everything, for tests.
  init(size: ByteCount, in kept: KeptDirectory) {
    self.size = size
    self.kept = kept
  }

  /// Makes it, and mounts it where nothing but a descriptor leads to it.
  ///
  /// - Throws: an error with a remedy where the host lacks what it takes.
  func mount(_ attributes: LaunchPlan.MountAttributes) throws -> DetachedMount {
    guard let maker = FileSystemMaker.installed() else {
      throw SpecError(
        "a scratch on disk needs mkfs.ext4, which this host does not have",
        remedy: "install e2fsprogs (apt-get install e2fsprogs), or use --scratch tmpfs:SIZE")
    }
    let file = try makeFile()
    do throws(SystemError) {
      try maker.makeFileSystem(in: file)
      let device = try LoopDevice(over: file)
      // `discard`: what the command removes is room on the host again. `nobarrier`: nothing of it
      // has to be on the disk, and so nobody waits for that.
      return try DetachedMount(
        type: "ext4",
        options: [
          ("source", device.path), ("noinit_itable", ""), ("nobarrier", ""), ("discard", ""),
          ("errors", "remount-ro"),
        ], attributes: attributes)
    } catch {
      throw error.explainingLoopDevice()
    }
  }

  /// Makes the file; where it is refused, the directories above it are as they were before.
  private func makeFile() throws -> OwnedDescriptor {
    do {
      var made = try kept.makeIfMissing()
      do {
        made += try makeDirectories(directory, permissions: 0o700)
        let file = try OwnedDescriptor(unnamedIn: directory, size: size.bytes)
        guard try file.fileSystemType() != .temporary else {
          throw SpecError(
            "\(directory) is on tmpfs: a scratch there would be in memory, and not on disk",
            remedy: "name a directory on a disk with ONEOFF_STATE_DIR, or use --scratch tmpfs:SIZE")
        }
        return file
      } catch {
        removeEmptyDirectories(made)
        throw error
      }
    } catch let error as SystemError {
      throw error.explainingScratchFile(in: directory, size)
    }
  }

  /// Below how many bytes of room a file system is taken to be full: what the kernel keeps for
  /// itself differs.
  private static let room: UInt64 = 4 << 20

  /// Whether the host's disk has no room left for what is written to the scratch.
  var isHostFull: Bool {
    guard let room = try? OwnedDescriptor(directory: directory).room() else { return false }
    return room.bytes < Self.room
  }

  /// What the caller should know: that the host's disk is full before the scratch is.
  func warning() -> RunWarning? {
    var place = directory
    // Before the first run of its kind it is not there yet.
    while (try? fileStatus(following: place)) == nil, !place.components.isEmpty {
      place.removeLastComponent()
    }
    guard let room = try? OwnedDescriptor(directory: place).room(), room.bytes < size.bytes else {
      return nil
    }
    return RunWarning(
      code: "limit-above-host",
      text: "--scratch \(Scratch.disk(size)) is more than there is room for in \(place): "
        + ByteCount(bytes: room.bytes).roundedText)
  }
}
