internal import CLaunch
import Glibc
import SystemPackage

/// The memory that a plan's records and everything they point at lie in: one bounded block, which
/// the child reads in its own copy.
///
/// Every pointer handed out is into the block and stays valid as long as the arena lives.
@safe
final class PlanArena {
  /// Twice what execve(2) accepts of arguments and environment (ARG_MAX, 2 MiB). Only the pages
  /// that are written cost memory.
  static let capacity = 4 << 20

  private let block: UnsafeMutableRawPointer
  private var used = 0

  init() throws(SystemError) {
    // Safe: the size is a constant, and NULL is checked.
    guard let block = unsafe malloc(Self.capacity) else {
      throw SystemError(call: "malloc(3)", subject: "of the launch plan", errno: .noMemory)
    }
    unsafe self.block = block
  }

  // Safe: nobody else frees it, and whoever uses a pointer into it keeps the arena.
  deinit { unsafe free(block) }

  /// Room for `count` values, aligned for any of them; not initialized.
  private func reserve<Value: BitwiseCopyable>(
    _ type: Value.Type, count: Int
  ) throws(SystemError) -> UnsafeMutablePointer<Value> {
    let start = (used + 15) & ~15
    let (size, overflow) = MemoryLayout<Value>.stride.multipliedReportingOverflow(by: count)
    guard !overflow, size <= Self.capacity - start else {
      throw SystemError(
        call: "execve(2)", subject: "of the command", errno: .argListTooLong,
        hint: "arguments and environment together are limited to 2 MiB; pass large values in files")
    }
    used = start + size
    // Safe: [start, start + size) lies in the block and is handed out once.
    return unsafe (block + start).bindMemory(to: type, capacity: count)
  }

  /// Copies values into the arena.
  func copy<Value: BitwiseCopyable>(
    _ values: [Value]
  ) throws(SystemError) -> UnsafePointer<Value> {
    // Safe: there is room for each of them.
    let room = unsafe try reserve(Value.self, count: max(values.count, 1))
    for (index, value) in values.enumerated() { unsafe (room + index).initialize(to: value) }
    return unsafe UnsafePointer(room)
  }

  /// Copies bytes and a NUL.
  func text(_ bytes: some Collection<UInt8>) throws(SystemError) -> UnsafePointer<CChar> {
    // Safe: there is room for the bytes and the NUL.
    let room = unsafe try reserve(CChar.self, count: bytes.count + 1)
    var index = 0
    for byte in bytes {
      unsafe (room + index).initialize(to: CChar(bitPattern: byte))
      index += 1
    }
    unsafe (room + index).initialize(to: 0)
    return unsafe UnsafePointer(room)
  }

  /// Copies a text and a NUL.
  func text(_ string: String) throws(SystemError) -> UnsafePointer<CChar> {
    // Safe: the pointer is handed on as it came.
    unsafe try text(string.utf8)
  }

  /// Texts one after the other, with an empty one at the end.
  func list(_ texts: [[UInt8]]) throws(SystemError) -> UnsafePointer<CChar> {
    // Safe: the pointer is handed on as it came.
    unsafe try text(texts.flatMap { $0 + [0] })
  }

  /// An array of pointers to texts, with NULL at the end, as execve(2) takes it.
  func vector(_ texts: [[UInt8]]) throws(SystemError) -> UnsafePointer<UnsafePointer<CChar>?> {
    // Safe: there is room for the pointers and the NULL.
    let room = unsafe try reserve(UnsafePointer<CChar>?.self, count: texts.count + 1)
    for (index, bytes) in texts.enumerated() {
      unsafe (room + index).initialize(to: try text(bytes))
    }
    unsafe (room + texts.count).initialize(to: nil)
    return unsafe UnsafePointer(room)
  }
}
