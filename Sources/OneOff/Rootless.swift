import ContainerSpec
import LinuxSystem
import SystemPackage

/// How the run of an ordinary user comes about: the supervisor first becomes root of a user
/// namespace of its own. From then on it is as with root, but for what that namespace cannot give:
/// see docs/rootless.md.
struct Rootless: Sendable, Hashable {
  /// The caller's ids on the host, which are 0 in the supervisor's namespace.
  var caller: LaunchPlan.Owner
  /// The first of the caller's subordinate ids, which are 1 and so on there; nil when the caller's
  /// own id is the only one.
  var subordinate: LaunchPlan.Owner?

  /// As many as the container has, and one more for its PID 1.
  static let subordinateCount = IDRange.count

  /// Whether there is no id but the caller's.
  var isSingle: Bool { subordinate == nil }

  /// The user that PID 1 becomes: one that nothing inside can have.
  var firstProcess: UInt32? { isSingle ? nil : IDRange.count }

  /// What the kernel shows for an id that the namespace does not have: see proc(5), overflowuid.
  static let unmappedID: UInt32 = 65534

  /// The ids of a run; nil for the single one.
  var ids: IDRange? { isSingle ? nil : IDRange(base: 0) }

  /// Whose files are somebody's inside.
  var ownersInWords: String {
    "user \(caller.uid) and group \(caller.gid)\(isSingle ? "" : " or their subordinate ids")"
  }

  /// The owner of an app as a user inside: root where that is the caller, or nobody known.
  func reference(to owner: LaunchPlan.Owner) -> UserReference {
    func inside(_ id: UInt32) -> UInt32 { isSingle || id == Self.unmappedID ? 0 : id }
    return UserReference(user: .id(inside(owner.uid)), group: .id(inside(owner.gid)))
  }

  /// The maps of the supervisor's user namespace.
  var users: IDMap { Self.map(caller.uid, subordinate?.uid) }
  var groups: IDMap { Self.map(caller.gid, subordinate?.gid) }

  /// The maps of the user namespace that the command joins.
  func commandMaps(user: ResolvedUser) -> (users: IDMap, groups: IDMap) {
    guard !isSingle else {
      return (
        IDMap([.init(inside: user.uid, host: 0, count: 1)]),
        IDMap([.init(inside: user.gid, host: 0, count: 1)])
      )
    }
    // In two ranges, as in the map above it: the kernel looks up each of them there as a whole.
    let map = IDMap([
      .init(inside: 0, host: 0, count: 1), .init(inside: 1, host: 1, count: IDRange.count - 1),
    ])
    return (map, map)
  }

  private static func map(_ caller: UInt32, _ subordinate: UInt32?) -> IDMap {
    let root = IDMap.Range(inside: 0, host: caller, count: 1)
    guard let subordinate else { return IDMap([root]) }
    return IDMap([root, .init(inside: 1, host: subordinate, count: subordinateCount)])
  }

  /// How a specification would be run by this process; nil when it is root.
  ///
  /// - Throws: what root alone can have, or an ordinary user alone, and was asked for.
  init?(_ spec: RunSpec) throws(SpecError) {
    let caller = effectiveOwner()
    guard caller.uid != 0 else {
      guard spec.userNamespace != .single else {
        throw SpecError(
          "--userns single is for ordinary users: root has ids for every run",
          remedy: "leave it out, or use --userns host")
      }
      return nil
    }
    try Self.checkThatItCanBeHad(spec)
    self.init(caller: caller, spec.userNamespace)
  }

  /// Looks the subordinate ids of an ordinary user up, unless he wants to do without.
  init(caller: LaunchPlan.Owner, _ mode: UserNamespaceMode) {
    self.caller = caller
    guard mode == .auto, IDMapPrograms.installed() != nil else { return }
    self.subordinate = Self.subordinateIDs(of: caller.uid)
  }

  /// States everything, for tests.
  init(caller: LaunchPlan.Owner, subordinate: LaunchPlan.Owner?) {
    self.caller = caller
    self.subordinate = subordinate
  }

  private static func checkThatItCanBeHad(_ spec: RunSpec) throws(SpecError) {
    guard spec.userNamespace != .host else {
      throw SpecError(
        "--userns host needs root: an ordinary user has rights only in a user namespace of his own",
        remedy: "leave it out (inside, your own id is root's), or use sudo")
    }
    if case .disk = spec.scratch {
      throw SpecError(
        "--scratch \(spec.scratch) needs root: an ordinary user has no loop devices",
        remedy: "use --scratch tmpfs:SIZE, --volume for what is to be on disk, or sudo")
    }
    if case .path(let path) = spec.network {
      throw SpecError(
        "--network path:\(path) needs root: the namespace belongs to another user namespace",
        remedy: "use --network none or --network host, or sudo")
    }
  }

  private static func subordinateIDs(of uid: UInt32) -> LaunchPlan.Owner? {
    let name = (try? readFile("/etc/passwd", limit: AccountDatabase.maximumSize))
      .flatMap { try? AccountDatabase(passwd: $0, group: []) }?.name(of: uid)
    func first(in file: FilePath) -> UInt32? {
      guard let bytes = try? readFile(file, limit: SubordinateIDs.maximumSize) else { return nil }
      return SubordinateIDs(bytes).firstID(of: uid, named: name, count: subordinateCount)
    }
    guard let users = first(in: "/etc/subuid"), let groups = first(in: "/etc/subgid") else {
      return nil
    }
    return .init(uid: users, gid: groups)
  }

  /// Makes this process root of its own user and mount namespaces.
  ///
  /// - Throws: an error with a hint where the host keeps ordinary users from it.
  func enter() throws {
    do throws(SystemError) {
      let writer: IDMapWriter =
        if !isSingle, let programs = IDMapPrograms.installed() {
          .programs(programs)
        } else {
          .ordinaryUser
        }
      let namespace = try UserNamespaceMaker().make(users: users, groups: groups, by: writer)
      try becomeRoot(of: namespace)
    } catch {
      throw error.explainingRootless()
    }
  }
}

extension LaunchPlan.Owner {
  /// Whether a run has no id for one of the two. Without root, that is asked inside of the
  /// supervisor's own user namespace, which shows all that it does not have as one.
  func isForeign(to rootless: Rootless?) -> Bool {
    guard IDRange.holds(self) else { return true }
    return rootless != nil && (uid == Rootless.unmappedID || gid == Rootless.unmappedID)
  }
}
