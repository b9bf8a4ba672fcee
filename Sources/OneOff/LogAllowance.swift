import ContainerSpec

/// How much of a command's output is passed on. What comes after that is read all the same, and
/// thrown away, so that the command can go on.
struct LogAllowance: Sendable, Hashable {
  private let maximum: UInt64?
  /// How many bytes were passed on.
  private var passed: UInt64 = 0
  /// How many bytes were thrown away.
  private(set) var dropped: UInt64 = 0

  /// Allows so much; everything when nil.
  init(_ maximum: ByteCount?) { self.maximum = maximum?.bytes }

  /// The bytes that are passed on: the first of them, as many as are allowed still.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let maximum else { return bytes }
    let allowed = bytes.prefix(Int(clamping: maximum - passed))
    passed += UInt64(allowed.count)
    dropped += UInt64(bytes.count - allowed.count)
    return allowed
  }

  /// Throws bytes away that were taken.
  mutating func drop(_ count: Int) {
    passed -= UInt64(count)
    dropped += UInt64(count)
  }
}
