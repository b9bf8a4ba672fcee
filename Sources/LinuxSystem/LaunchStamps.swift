internal import CLaunch
import Glibc
import SystemPackage

/// When the child of a launch has begun each operation: memory that it shares with this process.
@safe
public final class LaunchStamps {
  private let memory: UnsafeMutablePointer<UInt64>
  private let count: Int
  private let firstOfSections: [Int]

  /// Makes room for the operations of a plan.
  ///
  /// - Throws: ENOMEM.
  public init(for plan: LaunchPlan) throws(SystemError) {
    var count = Int(OL_STAMPS.rawValue)
    var first: [Int] = []
    for section in LaunchPlan.Section.allCases {
      first.append(count)
      count += plan[section].count
    }
    // Safe: a new mapping of that size, which is zero.
    let mapping = unsafe mmap(
      nil, count * MemoryLayout<UInt64>.stride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
      -1, 0)
    // MAP_FAILED is all ones.
    guard let mapping = unsafe mapping, Int(bitPattern: mapping) != -1 else {
      throw SystemError(call: "mmap(2)", subject: "of the launch's times", errno: .noMemory)
    }
    unsafe self.memory = mapping.bindMemory(to: UInt64.self, capacity: count)
    self.count = count
    self.firstOfSections = first
  }

  // Safe: nobody in this process uses it any more, and others have their own mapping.
  deinit { unsafe _ = munmap(memory, count * MemoryLayout<UInt64>.stride) }

  /// For the child, which has the memory whether this object lives or not.
  var address: UInt64 {
    // Safe: it is only looked at as a number.
    unsafe UInt64(UInt(bitPattern: memory))
  }

  /// When an operation has begun, by the monotonic clock; nil when nobody has noted it.
  public func beginning(of section: LaunchPlan.Section, _ index: Int) -> Duration? {
    stamp(firstOfSections[Int(section.rawValue)] + index)
  }

  /// When PID 1 began to make the command's process.
  public var fork: Duration? { stamp(Int(OL_STAMP_FORK.rawValue)) }

  /// When PID 1 went on, because the command was executed.
  public var execution: Duration? { stamp(Int(OL_STAMP_EXECUTED.rawValue)) }

  private func stamp(_ place: Int) -> Duration? {
    precondition(place < count)
    // Safe: it is within the mapping. The child has written it before it told anybody.
    let nanoseconds = unsafe memory[place]
    return nanoseconds == 0 ? nil : .nanoseconds(Int64(nanoseconds))
  }
}
