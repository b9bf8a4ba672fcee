internal import CLaunch
public import SystemPackage

// Files in which the kernel says or takes a value: of cgroups, of /proc and of /sys.

/// Writes a file of a cgroup, or another one in which the kernel takes a value.
///
/// - Throws: ENOENT where the kernel has no such file; what the controller says of the value.
public func writeKernelFile(_ path: FilePath, _ text: String) throws(SystemError) {
  let file = try OwnedDescriptor(opening: path, flags: .writing)
  do throws(SystemError) {
    try file.write(Array(text.utf8))
  } catch {
    throw SystemError(call: error.call, subject: "of '\(text)' to \(path)", errno: error.errno)
  }
}

/// What such a file says; nil where it cannot be read, mostly because the kernel has no such file.
public func readKernelFile(_ path: FilePath) -> String? {
  (try? readFile(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
}

/// Such a file that is read again and again: it is looked up and opened once.
public final class KernelFile {
  /// More than any file has that is read so.
  private static let capacity = 4096

  private let file: OwnedDescriptor

  /// Opens a file; nil where that fails, mostly because the kernel has no such file.
  public init?(_ path: FilePath) {
    guard let file = try? OwnedDescriptor(opening: path, flags: .reading) else { return nil }
    self.file = file
  }

  /// What it says now; nil when it cannot be read any more.
  public func read() -> String? {
    var length = 0
    // Safe: at most `capacity` bytes are written, and the result says how many.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
      length = unsafe ol_read_at(file.number, buffer.baseAddress, Self.capacity, 0)
      count = max(0, length)
    }
    return length < 0 ? nil : String(decoding: bytes, as: UTF8.self)
  }
}

// MARK: Numbers

extension UInt64 {
  /// The number that is the first line of a file; nil for anything else, such as `max`.
  public init?(firstLineOf text: String) {
    self.init(text.split(separator: "\n").first ?? "")
  }
}

/// Lines of a name, a blank and a number, as cgroup files have them; other lines are left out.
public struct KeyedNumbers: Sendable {
  private var entries: [(key: Substring, value: UInt64)] = []

  /// Reads a file; nil has no lines.
  public init(_ text: String?) {
    for line in (text ?? "").split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      if words.count == 2, let value = UInt64(words[1]) { entries.append((words[0], value)) }
    }
  }

  /// The number of the first line with that name; nil when there is none.
  public subscript(key: String) -> UInt64? { entries.first { $0.key == key }?.value }
}
