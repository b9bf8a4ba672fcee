import SystemPackage

/// The users and groups of a root file system: its /etc/passwd and /etc/group.
///
/// Lines that are malformed, and ids that ``UserReference`` would refuse, are skipped, so that they
/// can never stand for root. Of two lines with one name the first counts. See passwd(5), group(5).
public struct AccountDatabase: Sendable {
  /// The most bytes that each of the two files can have: 1 MiB.
  public static let maximumSize = 1 << 20
  /// The most groups that a process can be in: NGROUPS_MAX.
  public static let maximumGroups = 65_536

  private let passwd: [UInt8]
  private let group: [UInt8]

  /// Takes the bytes of both files; empty where the root file system has none.
  ///
  /// - Throws: ``SpecError`` when one is larger than 1 MiB.
  public init(passwd: [UInt8], group: [UInt8]) throws(SpecError) {
    try AccountDatabase.checkSize(of: passwd, "passwd")
    try AccountDatabase.checkSize(of: group, "group")
    self.passwd = passwd
    self.group = group
  }

  private static func checkSize(of bytes: [UInt8], _ name: String) throws(SpecError) {
    guard bytes.count <= maximumSize else {
      throw SpecError("the image's /etc/\(name) is larger than 1 MiB", remedy: "shorten it")
    }
  }

  /// Looks a user up.
  ///
  /// As Docker does: an id without an entry gets group 0; supplementary groups are those that list
  /// the user's name, and none where the group is given. The primary group is always the first
  /// supplementary one, as initgroups(3) has it, so that no set-group-id program can shed it
  /// (CVE-2022-36109).
  ///
  /// - Throws: ``SpecError`` for a user or group that has no entry, with the nearest name.
  public func resolve(_ reference: UserReference) throws(SpecError) -> ResolvedUser {
    let (uid, entry): (UInt32, User?)
    switch reference.user {
    case .id(let id):
      (uid, entry) = (id, users.first { $0.uid == id })
    case .name(let name):
      guard let found = users.first(where: { $0.name.elementsEqual(name.utf8) }) else {
        throw unknown("user", name, names: users.map(\.name))
      }
      (uid, entry) = (found.uid, found)
    }
    let gid = try reference.group.map { value throws(SpecError) in try id(of: value) }
    let primary = gid ?? entry?.gid ?? 0
    var supplementary = [primary]
    if gid == nil, let entry {
      supplementary += try supplementaryGroups(of: entry.name, except: primary)
    }
    return ResolvedUser(
      uid: uid, gid: primary, supplementaryGroups: supplementary, home: entry?.home)
  }

  /// The name of a user, if there is one.
  public func name(of uid: UInt32) -> String? {
    users.first { $0.uid == uid }.map { String(decoding: $0.name, as: UTF8.self) }
  }

  private func id(of account: UserReference.Account) throws(SpecError) -> UInt32 {
    switch account {
    case .id(let id): return id
    case .name(let name):
      guard let entry = groups.first(where: { $0.name.elementsEqual(name.utf8) }) else {
        throw unknown("group", name, names: groups.map(\.name))
      }
      return entry.gid
    }
  }

  private func supplementaryGroups(
    of user: ArraySlice<UInt8>, except primary: UInt32
  ) throws(SpecError) -> [UInt32] {
    var ids = groups.filter { $0.hasMember(user) && $0.gid != primary }.map(\.gid).sorted()
    ids = ids.indices.filter { $0 == 0 || ids[$0] != ids[$0 - 1] }.map { ids[$0] }
    guard ids.count < AccountDatabase.maximumGroups else {
      throw SpecError(
        "the user \(String(quoting: user)) is in more than 65536 groups",
        remedy: "give the group, as in USER:GROUP")
    }
    return ids
  }

  private func unknown(_ kind: String, _ name: String, names: [ArraySlice<UInt8>]) -> SpecError {
    SpecError(
      "the image has no \(kind) \(String(quoting: name))",
      remedy: suggestion(
        for: name, in: names.lazy.map { String(decoding: $0, as: UTF8.self) },
        otherwise: "use a number, or a name from its /etc/\(kind == "user" ? "passwd" : "group")"))
  }

  private var users: some Sequence<User> { lines(of: passwd).lazy.compactMap(User.init(line:)) }

  private var groups: some Sequence<Group> { lines(of: group).lazy.compactMap(Group.init(line:)) }

  private func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
  }
}

/// A line of passwd(5): name, password, uid, gid, comment, home, shell.
private struct User {
  let name: ArraySlice<UInt8>
  let uid: UInt32
  let gid: UInt32
  let home: FilePath?

  init?(line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard fields.count >= 4, let first = line.first, !first.isMarker,
      !fields[0].isEmpty, let uid = UInt32(id: fields[2]), let gid = UInt32(id: fields[3])
    else { return nil }
    name = fields[0]
    self.uid = uid
    self.gid = gid
    home =
      if fields.count > 5, fields[5].first == UInt8(ascii: "/"),
        let path = try? ByteString(bytes: Array(fields[5]), subject: "a home directory")
      { FilePath(path) } else { nil }
  }
}

/// A line of group(5): name, password, gid, members.
private struct Group {
  let name: ArraySlice<UInt8>
  let gid: UInt32
  private let members: ArraySlice<UInt8>

  init?(line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard fields.count >= 3, let first = line.first, !first.isMarker,
      !fields[0].isEmpty, let gid = UInt32(id: fields[2])
    else { return nil }
    name = fields[0]
    self.gid = gid
    members = fields.count > 3 ? fields[3] : []
  }

  func hasMember(_ user: ArraySlice<UInt8>) -> Bool {
    members.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(user) }
  }
}

extension UInt8 {
  /// Whether it starts a comment, or an entry of the Network Information Service.
  fileprivate var isMarker: Bool {
    self == UInt8(ascii: "#") || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
  }
}
