import ContainerSpec
import LinuxSystem
import SystemPackage

/// A run's specification with everything looked up that its launch depends on.
struct LaunchSubject: Sendable {
  /// An app's release with its owners looked up.
  struct App: Sendable {
    var source: FilePath
    var mountPoint: FilePath
    /// The id maps that make its owner the run's user; nil where the layers' map does that.
    var idMaps: (users: IDMap, groups: IDMap)?
  }

  /// The specification, which was found valid.
  var spec: RunSpec
  /// The run's name.
  var id: RunID
  /// What the kernel can do.
  var host: HostFacts
  /// The host ids of this run; nil when it shares the host's user namespace.
  var ids: IDRange?
  /// How it comes about without root; nil when it is root's. Host ids are then those of the
  /// supervisor's own user namespace.
  var rootless: Rootless?
  /// The cgroups of the run; nil when it gets none of its own.
  var cgroups: CgroupPlan?
  /// The command's user, as seen inside.
  var resolvedUser: ResolvedUser
  /// The app's release.
  var app: App?
  /// The host's root file system, where it is the rootfs of a run without root.
  var hostTree: HostTree?
  /// For each volume whether its source is a directory.
  var volumeIsDirectory: [Bool]
  /// The niceness that the container inherits where it is given no lower one.
  var callerNiceness: Int32 = 0
  /// What the caller should know before the command runs.
  var warnings: [RunWarning] = []
  /// The command's seccomp program.
  var filter = CommandFilter.builtIn
  /// The scratch, where it is on disk and of a limited size.
  var scratchImage: ScratchImage?

  /// The id that the host has for an id inside. A single id is the command's user, and everybody.
  func hostID(_ inside: UInt32) -> UInt32 {
    rootless?.isSingle == true ? 0 : (ids?.base ?? 0) + inside
  }

  /// The maps of the user namespace that the command joins; nil for the host's.
  var commandMaps: (users: IDMap, groups: IDMap)? {
    if let rootless { return rootless.commandMaps(user: resolvedUser) }
    return ids.map { ($0.map, $0.map) }
  }

  /// The group of terminals, which is 5 in every distribution; nil where no such id exists.
  var terminalGroup: UInt32? { rootless?.isSingle == true ? nil : hostID(5) }

  /// In a user namespace, mknod(2) of a device is EPERM.
  var deviceSource: DeviceNode.Source { rootless == nil ? .made : .bound }

  /// Only the owner of a network namespace can mount sysfs in it.
  var bindsSysfs: Bool { rootless != nil && spec.network == .host }

  /// The container's root, as host ids: owner of what oneoff makes inside.
  var root: LaunchPlan.Owner { .init(uid: hostID(0), gid: hostID(0)) }

  /// The command's user, as host ids.
  var user: LaunchPlan.Owner {
    .init(uid: hostID(resolvedUser.uid), gid: hostID(resolvedUser.gid))
  }

  /// The user namespace through which layers and volumes are mapped.
  var layerIDMap: DescriptorName? { ids == nil || rootless != nil ? nil : .userNamespace }

  /// The host name as seen inside.
  var hostname: String { spec.hostname?.text ?? id.text }

  /// Whether the command sees its cgroup: those of v1 are no file system of a namespace's own, and
  /// without root /sys may be the host's.
  var showsCgroup: Bool { cgroups?.version == .v2 && rootless == nil }

  /// The most processes of the run's user, where no cgroup counts them.
  var processLimit: UInt64 {
    UInt64(max(Limits.defaultProcesses, spec.limits.processes ?? 0))
  }

  /// Only a shared network has sockets of others to keep away from.
  var usesLandlock: Bool { spec.network == .host && host.landlock >= 6 }

  /// The host's root file system alone has neither a fresh /run nor a fresh /tmp.
  var temporaryFileSystems: [TemporaryFileSystem] {
    guard spec.layers.first == "/" else { return spec.temporaryFileSystems }
    let fresh: [FilePath] = ["/run", "/tmp"]
    let missing = fresh.filter { path in
      !spec.temporaryFileSystems.contains { $0.destination == path }
    }
    return missing.map { TemporaryFileSystem(destination: $0) } + spec.temporaryFileSystems
  }

  /// Where the overlay's attributes are of the kind "user.", tmpfs may not do: a directory does.
  var usesScratchDirectory: Bool { rootless != nil && !host.tmpfsHasUserAttributes }

  /// Whether what the command writes goes to a disk in the end: into a scratch on disk, which has a
  /// size, or a scratch directory, which has none.
  var writesScratchToDisk: Bool { usesScratchDirectory || scratchImage != nil }

  /// What kind of file system the scratch is.
  var scratchPlace: ScratchContents.Place {
    if usesScratchDirectory { return .directory }
    return scratchImage.map { .image($0) } ?? .tmpfs(spec.scratch.size)
  }

  /// What the scratch holds before the command runs.
  var scratch: ScratchContents {
    ScratchContents(
      place: scratchPlace, layerCount: spec.layers.count, hasApp: app != nil,
      hostname: hostname,
      sharesHostNetwork: spec.network == .host, owner: root,
      unmappedID: rootless == nil ? nil : Rootless.unmappedID, hostTree: hostTree)
  }

  /// The environment as `NAME=VALUE`: the specification's, and PATH and HOME where it has none.
  var environment: [[UInt8]] {
    var variables = spec.environment.map {
      Array($0.name.utf8) + [UInt8(ascii: "=")] + $0.value.bytes
    }
    if !sets("PATH") {
      variables.append(Array("PATH=".utf8) + RunSpec.defaultPath.bytes)
    }
    if !sets("HOME") {
      variables.append(Array("HOME=\(resolvedUser.home?.string ?? "/")".utf8))
    }
    return variables
  }

  private func sets(_ name: String) -> Bool { spec.environment.contains { $0.name == name } }

  /// The directories in which a command without a slash is looked for, one after the other.
  private var searchPath: [ArraySlice<UInt8>] {
    let given = spec.environment.last { $0.name == "PATH" }?.value.bytes
    return (given ?? RunSpec.defaultPath.bytes)
      .split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
  }

  /// The execution of a command: what execvp(3) would try, in its order.
  func execution(of command: [ByteString], isOptional: Bool = false) -> LaunchPlan.Execution {
    let name = command[0].bytes
    var candidates = [name]
    if !name.contains(UInt8(ascii: "/")) {
      // An empty entry of PATH is the working directory.
      candidates = searchPath.map {
        ($0.isEmpty ? [UInt8(ascii: ".")] : Array($0)) + [UInt8(ascii: "/")] + name
      }
    }
    return LaunchPlan.Execution(
      candidates: candidates, arguments: command.map(\.bytes), environment: environment,
      isOptional: isOptional)
  }
}

/// A range of host ids that stands for the ids 0 to 65,535 inside.
struct IDRange: Sendable, Hashable {
  /// The host id of the container's id 0.
  var base: UInt32

  /// How many ids a run has.
  static let count: UInt32 = 65536

  /// Whether a run has both ids of an owner.
  static func holds(_ owner: LaunchPlan.Owner) -> Bool { max(owner.uid, owner.gid) < count }

  /// The range as a map of a user namespace.
  var map: IDMap { IDMap([.init(inside: 0, host: base, count: Self.count)]) }

  /// The map in which `owner` of the files appears as `user`, and the other way round, so that it
  /// stays one to one; nil when that is the range's own map.
  func map(showing owner: UInt32, as user: UInt32) -> IDMap? {
    guard owner != user else { return nil }
    var ranges: [IDMap.Range] = [.init(inside: owner, host: base + user, count: 1)]
    let isInRange = owner < Self.count
    if isInRange { ranges.append(.init(inside: user, host: base + owner, count: 1)) }
    // What lies between the exchanged ids maps as always.
    let exchanged = isInRange ? [min(owner, user), max(owner, user)] : [user]
    var next: UInt32 = 0
    for id in exchanged + [Self.count] {
      if id > next { ranges.append(.init(inside: next, host: base + next, count: id - next)) }
      next = id + 1
    }
    return IDMap(ranges)
  }
}
