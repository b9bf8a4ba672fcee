import ContainerSpec
import LinuxSystem
import SystemPackage

/// Removes what runs have left behind whose supervisor was killed: empty cgroups, and for an
/// ordinary user the directories of scratches. The kernel removes everything else. A later owner of
/// the same slot does the same.
package struct GarbageCollection: Sendable {
  /// The cgroups that were removed.
  package var removedCgroups: [String] = []
  /// The directories of scratches that were removed.
  package var removedScratches: [String] = []
  /// How many runs are alive that have one of the two.
  package var liveRuns = 0

  private let isDryRun: Bool

  /// Looks at everything that a run of the caller may have left.
  ///
  /// - Parameter isDryRun: whether it is only looked for: what would be removed counts as removed.
  /// - Throws: what the system calls throw; what was removed until then stays removed.
  package init(isDryRun: Bool = false) throws(OneOffError) {
    self.isDryRun = isDryRun
    let caller = effectiveOwner()
    try OneOffError.wrap {
      if caller.uid == 0 {
        try removeCgroups()
      } else {
        try removeScratches(of: Rootless(caller: caller, .auto))
      }
    }
  }

  private mutating func removeCgroups() throws {
    let directory = try StateDirectory.current(for: nil)
    var live: [Int] = []
    for tree in CgroupHost.current().trees() {
      for name in try tree.names() {
        guard let number = Int(name), Slot.numbers.contains(number) else { continue }
        if try whileFree(number, in: directory, { try tree.remove(name) }) {
          if !removedCgroups.contains(name) { removedCgroups.append(name) }
        } else if !live.contains(number) {
          live.append(number)
        }
      }
    }
    liveRuns = live.count
  }

  private mutating func removeScratches(of rootless: Rootless) throws {
    guard let scratch = try ScratchDirectory.existing(for: rootless) else { return }
    // In it belong files to the subordinate ids.
    try rootless.enter()
    let directory = try StateDirectory.current(for: rootless)
    for number in try scratch.slots() {
      if try whileFree(number, in: directory, { try scratch.remove(number) }) {
        removedScratches.append("\(number)")
      } else {
        liveRuns += 1
      }
    }
  }

  /// Removes something while no run can take the slot; false when one has it.
  private func whileFree(
    _ number: Int, in directory: StateDirectory, _ body: () throws -> Void
  ) throws -> Bool {
    guard let lock = try Slot.lock(number, in: directory.slots) else { return false }
    if !isDryRun { try body() }
    withExtendedLifetime(lock.descriptor.number) {}
    return true
  }
}
