/// The ids that ordinary users may use besides their own: /etc/subuid or /etc/subgid.
///
/// Lines are `USER:FIRST:COUNT`, with a name or a number as USER; malformed ones are skipped.
/// See subuid(5), subgid(5).
public struct SubordinateIDs: Sendable {
  /// The most bytes that the file can have: 1 MiB, as with passwd(5).
  public static let maximumSize = AccountDatabase.maximumSize

  private let bytes: [UInt8]

  /// Takes the bytes of the file.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The first id of a user's first range that has at least `count` ids.
  public func firstID(of uid: UInt32, named name: String?, count: UInt32) -> UInt32? {
    let users = ["\(uid)", name].compactMap { $0 }.map { Array($0.utf8) }
    return firstValue { line in
      guard users.contains(Array(line.user)), line.count >= count,
        line.first + line.count <= UInt64(UInt32.max)
      else { return nil }
      return UInt32(line.first)
    }
  }

  /// The first line whose range has one of these ids.
  public func line(overlapping ids: Range<UInt64>) -> String? {
    firstValue { line in
      guard line.count > 0, ids.overlaps(line.first..<(line.first + line.count)) else { return nil }
      return String(decoding: line.text, as: UTF8.self)
    }
  }

  private struct Line {
    var text: ArraySlice<UInt8>
    var user: ArraySlice<UInt8>
    var first: UInt64
    /// At most 2^32, so that the sum of both is a number.
    var count: UInt64

    init?(_ text: ArraySlice<UInt8>) {
      let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      guard fields.count == 3, let first = UInt32(id: fields[1]) else { return nil }
      let count = DecimalPrefix(fields[2])
      guard count.length > 0, count.length == fields[2].count, let number = count.value,
        number <= 1 << 32
      else { return nil }
      self.text = text
      self.user = fields[0]
      self.first = UInt64(first)
      self.count = number
    }
  }

  /// What the first line gives for which `body` has a value.
  private func firstValue<Value>(_ body: (Line) -> Value?) -> Value? {
    for text in bytes.split(separator: UInt8(ascii: "\n")) {
      if let line = Line(text), let value = body(line) { return value }
    }
    return nil
  }
}
