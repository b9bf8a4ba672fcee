import ContainerSpec
import LinuxSystem
import SystemPackage

/// A run's place among those that are alive: a locked file that is at once its range of host ids
/// and the name of its cgroup.
///
/// PID 1 inherits the lock, so a slot is free exactly when its container is dead, whoever was
/// killed in between.
struct Slot: ~Copyable {
  /// Which slot: slot n owns the host ids from 65,536 · n on, whatever pool it was taken from. So
  /// two pools that overlap still never give the same ids to two runs.
  let number: Int
  /// The lock.
  let file: LockedFile

  /// Every slot that there can be, but for the host's own ids. Ids from 2^31 on are left out, which
  /// some programs take for negative.
  static let numbers = 1..<0x8000

  /// The host ids of the slot.
  var ids: IDRange { IDRange(slot: number) }

  /// Takes a free slot.
  ///
  /// The search begins at the process id, so that it does not get longer with the number of runs.
  ///
  /// - Throws: an error of the specification's kind when all slots are taken.
  static func acquire(in directory: StateDirectory, from pool: SlotPool) throws -> Slot {
    let slots = directory.slots
    let first = Int(processID())
    for offset in 0..<pool.count {
      let number = pool.first + (first + offset) % pool.count
      if let file = try lock(number, in: slots) { return Slot(number: number, file: file) }
    }
    throw SpecError(
      "all \(pool.count) \(pool.count == 1 ? "slot" : "slots") in \(slots) "
        + "\(pool.count == 1 ? "is" : "are") taken by runs that are alive",
      remedy: "wait for one of them to end, or set ONEOFF_SLOTS to more than \(pool.count)")
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

extension IDRange {
  /// The range of a slot.
  init(slot number: Int) { self.init(base: UInt32(number) * IDRange.count) }
}

/// The slots that runs may take: which host ids are oneoff's, and how many runs there can be at
/// once.
struct SlotPool: Sendable, Hashable {
  /// The number of the first slot.
  var first: Int
  /// How many there are.
  var count: Int

  /// Clear of the ranges that subuid(5) files and systemd hand out.
  static let standard = SlotPool(first: 0x7000, count: 4096)

  /// The pool that this process's environment names: ONEOFF_ID_BASE is the first host id,
  /// ONEOFF_SLOTS the number of slots.
  static func current() throws(SpecError) -> SlotPool {
    try SlotPool(
      base: Caller.environmentValue("ONEOFF_ID_BASE"),
      count: Caller.environmentValue("ONEOFF_SLOTS"))
  }

  /// Reads the two variables.
  ///
  /// - Throws: an error for anything but decimal numbers, a base that is not a multiple of 65,536,
  ///   ids of the host's own (below 65,536) and ids from 2^31 on.
  init(base: [UInt8]?, count: [UInt8]?) throws(SpecError) {
    self = .standard
    if let base {
      guard let id = UInt32(id: base[...]), id % IDRange.count == 0,
        Slot.numbers.contains(Int(id / IDRange.count))
      else {
        throw SpecError(
          "ONEOFF_ID_BASE is \(String(quoting: base))",
          remedy: "give a multiple of 65536 from 65536 to 2147418112, such as 1879048192")
      }
      first = Int(id / IDRange.count)
    }
    let limit = Slot.numbers.upperBound - first
    self.count = min(self.count, limit)
    if let count {
      guard let number = UInt32(id: count[...]), (1...limit).contains(Int(number)) else {
        throw SpecError(
          "ONEOFF_SLOTS is \(String(quoting: count))",
          remedy: "give a number from 1 to \(limit): each slot takes 65536 ids, which must end "
            + "below 2147483648")
      }
      self.count = Int(number)
    }
  }

  private init(first: Int, count: Int) {
    self.first = first
    self.count = count
  }
}
