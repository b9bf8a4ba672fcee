import ContainerSpec
import SystemPackage

extension FuzzTarget {
  /// A user as `--user` takes one, the image's /etc/passwd, and its /etc/group, with `---` between.
  static let accounts = FuzzTarget(name: "accounts") { bytes in
    let parts = bytes.sections(3)
    let text = parts[0].last == 10 ? Array(parts[0].dropLast()) : parts[0]
    guard let reference = try? UserReference(parsing: ByteString(bytes: text, subject: "the user")),
      let accounts = try? AccountDatabase(passwd: parts[1], group: parts[2])
    else { return }
    try hold(
      Array(reference.printed.utf8) == text, "a user that was read is printed as it was written")
    let user: ResolvedUser
    do {
      user = try accounts.resolve(reference)
    } catch let error as SpecError {
      try hold(error.remedy != nil, "an error says what to do")
      return
    }
    let ids = [user.uid, user.gid] + user.supplementaryGroups
    try hold(!ids.contains(.max), "no id is -1")
    try hold(user.supplementaryGroups.first == user.gid, "the primary group comes first")
    try hold(
      Set(user.supplementaryGroups).count == user.supplementaryGroups.count, "a group is there once"
    )
    try hold(user.home?.isAbsolute ?? true, "a home directory is absolute")
    try checkSource(of: user, for: reference, passwd: parts[1], group: parts[2])
  }

  /// Every id was given, or stands in a line of the files, or is Docker's group 0.
  private static func checkSource(
    of user: ResolvedUser, for reference: UserReference, passwd: [UInt8], group: [UInt8]
  ) throws {
    switch reference.user {
    case .id(let id): try hold(user.uid == id, "an id that was given is kept")
    case .name(let name):
      let lines = entries(passwd).filter { $0[0].elementsEqual(name.utf8) }
      try hold(lines.contains { $0.has(user.uid, 2) }, "a user's line has the id")
    }
    switch reference.group {
    case .id(let id): try hold(user.gid == id, "a group id that was given is kept")
    case .name(let name):
      let lines = entries(group).filter { $0[0].elementsEqual(name.utf8) }
      try hold(lines.contains { $0.has(user.gid, 2) }, "a group's line has the id")
    case nil:
      let lines = entries(passwd).filter { $0.has(user.uid, 2) }
      try hold(
        user.gid == 0 || lines.contains { $0.has(user.gid, 3) }, "a user's line has the group")
    }
    for id in user.supplementaryGroups.dropFirst() {
      try hold(reference.group == nil, "a group that is given is the only one")
      try hold(entries(group).contains { $0.has(id, 2) }, "a supplementary group has a line")
    }
  }

  private static func entries(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    bytes.split { $0 == 10 || $0 == 13 }.map {
      $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    }.filter { $0.count > 2 }
  }
}

extension [ArraySlice<UInt8>] {
  /// Whether a field is exactly this id.
  fileprivate func has(_ id: UInt32, _ index: Int) -> Bool {
    index < count && self[index].elementsEqual("\(id)".utf8)
  }
}

extension UserReference {
  fileprivate var printed: String {
    ([user] + (group.map { [$0] } ?? [])).map { account in
      switch account {
      case .id(let id): "\(id)"
      case .name(let name): name
      }
    }.joined(separator: ":")
  }
}
