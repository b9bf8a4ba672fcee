/// The ids that an ordinary user may use besides his own: /etc/subuid or /etc/subgid.
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
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      guard fields.count == 3, users.contains(Array(fields[0])),
        let first = UInt32(id: fields[1]), let length = UInt32(id: fields[2]), length >= count,
        !first.addingReportingOverflow(length).overflow
      else { continue }
      return first
    }
    return nil
  }
}
