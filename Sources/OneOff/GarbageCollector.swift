import ContainerSpec
import LinuxSystem
import SystemPackage

/// Removes what runs have left behind whose supervisor was killed: nothing but empty cgroups, as
/// the kernel removes everything else. A later owner of the same slot does the same.
public struct GarbageCollection: Sendable {
  /// The cgroups that were removed.
  public var removedCgroups: [String] = []
  /// How many runs are alive.
  public var liveRuns = 0

  /// Looks at every cgroup that a run has had.
  ///
  /// - Throws: what the system calls throw; what was removed until then stays removed.
  public init() throws(OneOffError) {
    self = try OneOffError.wrap { try GarbageCollection(in: StateDirectory.current(for: nil)) }
  }

  private init(in directory: StateDirectory) throws {
    // What an ordinary user's runs have had, the kernel has removed: they have no cgroups.
    guard effectiveOwner().uid == 0, let tree = CgroupTree.ofHost() else { return }
    for name in try tree.names() {
      guard let number = Int(name), (0..<Slot.count).contains(number) else { continue }
      // The lock is held until the end of this turn, so that no new owner gets in between.
      guard let lock = try Slot.lock(number, in: directory.slots) else {
        liveRuns += 1
        continue
      }
      try tree.remove(name)
      removedCgroups.append(name)
      withExtendedLifetime(lock.descriptor.number) {}
    }
  }
}
