import ContainerSpec
import LinuxSystem
import SystemPackage

/// A run's place among those that are alive: a locked file that is at once its range of host ids
/// and the name of its cgroup.
///
/// PID 1 inherits the lock, so a slot is free exactly when its container is dead, whoever was
/// killed in between.
struct Slot: ~Copyable {
  /// Which slot.
  let number: Int
  /// The lock.
  let file: LockedFile

  /// Clear of the ranges that subuid(5) files and systemd hand out.
  static let firstID: UInt32 = 0x7000_0000
  /// As many ranges of 65,536 ids as fit below 2^31, which some programs take for negative.
  static let count = 4096

  /// The host ids of the slot.
  var ids: IDRange { IDRange(base: Self.firstID + UInt32(number) * IDRange.count) }

  /// Takes a free slot.
  ///
  /// The search begins at the process id, so that it does not get longer with the number of runs.
  ///
  /// - Throws: an error of the specification's kind when all slots are taken.
  static func acquire(in directory: StateDirectory) throws -> Slot {
    let slots = directory.slots
    let first = Int(processID())
    for offset in 0..<count {
      let number = (first + offset) % count
      if let file = try lock(number, in: slots) { return Slot(number: number, file: file) }
    }
    throw SpecError(
      "all \(count) slots in \(slots) are taken by runs that are alive",
      remedy: "wait for some of them to end")
  }

  /// Takes one slot if it is free.
  static func lock(_ number: Int, in slots: FilePath) throws(SystemError) -> LockedFile? {
    let path = slots.appending("\(number)")
    do throws(SystemError) {
      return try LockedFile.tryLock(path)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      try makeDirectories(slots, permissions: 0o700)
      return try LockedFile.tryLock(path)
    }
  }
}
