internal import CLaunch
import SystemPackage

/// How this host has its cgroups: found by looking at /sys/fs/cgroup and not by reading the list of
/// mounts, which may be long.
public enum CgroupHost: Sendable, Hashable {
  /// v2 alone.
  case unified
  /// v1, with v2 beside it or without.
  case legacy
  /// None where they are usual.
  case none

  static let mountPoint: FilePath = "/sys/fs/cgroup"

  /// What this host has.
  public static func current() -> CgroupHost {
    switch fileSystem(of: mountPoint) {
    case .cgroup2: .unified
    case .temporary: .legacy
    default: .none
    }
  }

  /// The v2 tree: in the cgroup that was delegated to this process, else at the top; an ordinary
  /// user has only the former. nil where there is none.
  public static func unifiedTree(hasRoot: Bool) -> CgroupTree? {
    if let path = CgroupMemberships.ofSelf().unified,
      let base = delegated(at: path, below: mountPoint)
    {
      return CgroupTree(.v2, base: base, root: mountPoint)
    }
    return hasRoot ? CgroupTree(.v2, base: mountPoint, root: mountPoint) : nil
  }

  /// The v1 tree of a controller; nil where v1 does not have it.
  ///
  /// systemd notes in its own hierarchy which cgroups it has delegated.
  public static func legacyTree(
    of controller: CgroupController, in memberships: CgroupMemberships
  ) -> CgroupTree? {
    let root = mountPoint.appending(controller.legacyName)
    guard fileSystem(of: root) == .cgroup else { return nil }
    let tree = CgroupTree(.v1, base: root, root: root)
    let systemd = mountPoint.appending("systemd")
    guard let path = memberships.path(of: controller.legacyName), path != "/",
      let named = memberships.path(of: "name=systemd"),
      let base = delegated(at: named, below: systemd)
    else { return tree }
    let delegatedPath = String(base.string.dropFirst(systemd.string.utf8.count))
    guard path == delegatedPath || path.hasPrefix(delegatedPath + "/") else { return tree }
    return CgroupTree(.v1, base: FilePath(root.string + delegatedPath), root: root)
  }

  /// Every tree in which a run of root may have a cgroup.
  public func trees() -> [CgroupTree] {
    switch self {
    case .unified: return [Self.unifiedTree(hasRoot: true)].compactMap { $0 }
    case .legacy:
      let memberships = CgroupMemberships.ofSelf()
      return CgroupController.allCases.compactMap { Self.legacyTree(of: $0, in: memberships) }
    case .none: return []
    }
  }

  /// The nearest cgroup at or above `path` that was marked as delegated. See
  /// https://systemd.io/CGROUP_DELEGATION/
  static func delegated(at path: String, below root: FilePath) -> FilePath? {
    var cgroup = FilePath(path)
    // Outside of this process's cgroup namespace, paths begin with `/..`.
    guard cgroup.isAbsolute, !cgroup.components.contains(where: { $0.kind == .parentDirectory })
    else { return nil }
    while !cgroup.components.isEmpty {
      let directory = FilePath(root.string + cgroup.string)
      if isMarked(directory, "user.delegate") || isMarked(directory, "trusted.delegate") {
        return directory
      }
      cgroup.removeLastComponent()
    }
    return nil
  }

  private static func isMarked(_ directory: FilePath, _ attribute: String) -> Bool {
    // Safe: the kernel copies both strings before the call returns.
    unsafe directory.withPlatformString { unsafe ol_attribute_is_one($0, attribute) } == 1
  }

  private static func fileSystem(of path: FilePath) -> FileSystemType? {
    guard let directory = try? OwnedDescriptor(directory: path) else { return nil }
    return try? directory.fileSystemType()
  }
}
