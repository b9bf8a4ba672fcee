/// A number of bytes.
public struct ByteCount: Sendable, Hashable, Codable, Comparable {
  /// The number.
  public var bytes: UInt64

  /// Makes a count from a number of bytes.
  public init(bytes: UInt64) { self.bytes = bytes }

  /// `count` times 2^20 bytes.
  public static func mebibytes(_ count: UInt64) -> ByteCount { ByteCount(bytes: count << 20) }

  /// Orders by size.
  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
