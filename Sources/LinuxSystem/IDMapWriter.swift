internal import CLaunch
import Glibc
public import SystemPackage

/// Who writes the maps of a user namespace. See user_namespaces(7).
public enum IDMapWriter: Sendable, Hashable {
  /// This process, which has CAP_SETUID and CAP_SETGID over the ids.
  case ourselves
  /// This process without capabilities: the kernel lets it map its own two ids, and only once
  /// setgroups(2) is denied in the namespace, so that no group can be shed.
  case ordinaryUser
  /// newuidmap(1) and newgidmap(1), which are set-user-id root and let an ordinary user map the
  /// ids that subuid(5) and subgid(5) give to him.
  case programs(IDMapPrograms)

  func write(users: IDMap, groups: IDMap, of process: Int32) throws(SystemError) {
    switch self {
    case .ourselves: break
    case .ordinaryUser: try writeFile("/proc/\(process)/setgroups", Array("deny".utf8))
    case .programs(let programs):
      try programs.write(users, with: programs.users, of: process)
      try programs.write(groups, with: programs.groups, of: process)
      return
    }
    try writeFile("/proc/\(process)/uid_map", users.text)
    try writeFile("/proc/\(process)/gid_map", groups.text)
  }

  private func writeFile(_ path: String, _ text: [UInt8]) throws(SystemError) {
    // One write(2): the kernel takes a map whole.
    try OwnedDescriptor(opening: FilePath(path), flags: .writing).write(text)
  }
}

/// The programs of Debian's package uidmap.
public struct IDMapPrograms: Sendable, Hashable {
  /// newuidmap(1).
  public var users: FilePath
  /// newgidmap(1).
  public var groups: FilePath

  /// Where distributions have them. PATH is not asked: it is the caller's, and may be anything.
  private static let directories: [FilePath] = ["/usr/bin", "/run/wrappers/bin"]

  /// Those of this machine; nil where one of them is missing.
  public static func installed() -> IDMapPrograms? {
    for directory in directories {
      let programs = IDMapPrograms(
        users: directory.appending("newuidmap"), groups: directory.appending("newgidmap"))
      if isExecutable(programs.users), isExecutable(programs.groups) { return programs }
    }
    return nil
  }

  fileprivate func write(
    _ map: IDMap, with program: FilePath, of process: Int32
  ) throws(SystemError) {
    let numbers = map.ranges.flatMap { ["\($0.inside)", "\($0.host)", "\($0.count)"] }
    let arguments = [program.lastComponent?.string ?? "", "\(process)"] + numbers
    guard let said = try runQuietly(program, arguments) else { return }
    throw SystemError(
      call: program.string, subject: "to map the ids of subuid(5)", errno: .notPermitted,
      hint: "it said '\(said)'; --userns single does without it")
  }
}

/// Makes this process root of a user namespace that a child of it has, and of a mount namespace in
/// which nothing of it is seen by others.
///
/// - Throws: EPERM where the host's policy takes the capabilities away again; ENOSPC at a limit on
///   mount namespaces. See setns(2), unshare(2).
public func becomeRoot(of userNamespace: borrowing OwnedDescriptor) throws(SystemError) {
  _ = try checkNegated(
    ol_join_user_namespace(userNamespace.number), "setns(2)", "of the supervisor's user namespace")
  _ = try checkNegated(
    ol_new_mount_namespace(), "unshare(2)", "of the supervisor's mount namespace")
}
