import ContainerSpec
import LinuxSystem
import SystemPackage

/// The scratch directory of a run without root where files on tmpfs cannot have the attributes that
/// an overlay needs: a directory of the host's, which limits nothing. (A scratch on disk, which has
/// a size, is a ``ScratchImage``.)
///
/// Unlike the others it outlives a supervisor that is killed: the next owner of its slot removes
/// it, or `oneoff gc`.
struct ScratchDirectory: Sendable {
  /// The directory of all scratches of a user.
  private let parent: FilePath

  /// What to do where the user's directory is not his.
  private static let remedy = "remove it: scratch directories are nowhere else"

  /// Makes the user's directory, in which nobody else can write.
  ///
  /// - Throws: when it is there and not safely his.
  init(for rootless: Rootless) throws {
    self.init(named: rootless)
    try StateDirectory.makeOurs(parent, remedy: Self.remedy)
  }

  private init(named rootless: Rootless) {
    self.parent = FilePath("/var/tmp/oneoff-\(rootless.caller.uid)")
  }

  /// The scratch directories that a user has had on this machine; nil for none.
  static func existing(for rootless: Rootless) throws -> ScratchDirectory? {
    let scratch = ScratchDirectory(named: rootless)
    guard (try? fileStatus(following: scratch.parent)) != nil else { return nil }
    try StateDirectory.checkThatItIsOurs(scratch.parent, remedy: remedy)
    return scratch
  }

  /// Makes the scratch directory of a slot; what an earlier owner has left is removed first.
  func make(_ slot: Int) throws -> FilePath {
    try remove(slot)
    let directory = parent.appending("\(slot)")
    try makeDirectories(directory, permissions: 0o700)
    return directory
  }

  /// Removes the scratch directory of a slot whose container is dead.
  func remove(_ slot: Int) throws(SystemError) { try removeTree(parent.appending("\(slot)")) }

  /// The slots that have a scratch directory.
  func slots() throws(SystemError) -> [Int] {
    try directoryEntryNames(parent).compactMap { Int($0) }.filter { Slot.numbers.contains($0) }
  }
}
