import ContainerSpec
import LinuxSystem
import SystemPackage

extension LaunchSubject {
  /// Looks up what a specification names: layers, app, volumes, user, seccomp profile.
  ///
  /// - Parameters:
  ///   - slot: the host ids of the run's slot.
  ///   - programs: where seccomp programs of earlier runs are kept; nil to compile in any case, and
  ///     keep nothing.
  /// - Throws: an error that names what is missing or of the wrong kind.
  init(
    _ spec: RunSpec, id: RunID, slot: IDRange, cgroups: CgroupPlan?, rootless: Rootless?,
    programs: FilePath?
  ) throws {
    let ids = spec.userNamespace == .host ? nil : slot
    self.spec = spec
    self.id = id
    self.host = .current()
    self.ids = rootless == nil ? ids : rootless?.ids
    self.rootless = rootless
    self.cgroups = cgroups
    if spec.niceness != nil { self.callerNiceness = LinuxSystem.niceness() }
    let image = try Image(spec.layers)
    let owner = try spec.app.map { try Image.open($0.source, role: "app directory").owner() }
    self.resolvedUser = try Self.user(of: spec, appOwner: owner, image: image, rootless: rootless)
    if rootless != nil, spec.layers.contains("/") {
      guard spec.layers.count == 1 else {
        throw SpecError(
          "--rootfs / with further layers needs root: without, it is put together from parts",
          remedy: "use another --rootfs, volumes instead of layers, or sudo")
      }
      self.hostTree = try HostTree()
    }
    let volumes = try spec.volumes.map(Self.status)
    self.volumeIsDirectory = volumes.map { $0.kind == .directory }
    if ids != nil || rootless != nil {
      // Of the host's root file system it goes without saying.
      if hostTree == nil { self.warnings = try image.foreignOwners(rootless) }
      for (volume, status) in zip(spec.volumes, volumes) {
        // To read others' files is what an ordinary user has a read-only one for.
        if rootless != nil, volume.isReadOnly { continue }
        if let warning = RunWarning(
          "volume", volume.source, owner: status.owner, rootless: rootless)
        {
          warnings.append(warning)
        }
      }
    }
    if let app = spec.app, let rootless,
      let warning = RunWarning("app directory", app.source, owner: owner, rootless: rootless)
    {
      warnings.append(warning)
    }
    if let app = spec.app, let owner {
      self.app = App(
        source: app.source, mountPoint: app.mountPoint,
        // Without root no mount can be id-mapped: the owner is who the supervisor's namespace says.
        idMaps: rootless == nil ? Self.maps(showing: owner, as: resolvedUser, ids: ids) : nil)
    }
    if let cgroups { warnings += cgroups.warnings }
    if case .disk(let size) = spec.scratch {
      let image = try ScratchImage(size: size)
      self.scratchImage = image
      if let warning = image.warning() { warnings.append(warning) }
    }
    if spec.seccomp != .builtIn || spec.logsBlockedCalls {
      self.filter = try CommandFilter(
        spec, host: host, cache: programs.map(SeccompCache.init(directory:)))
      warnings += filter.warnings
    }
  }

  private static func status(of volume: Volume) throws(SpecError) -> FileStatus {
    let status: FileStatus
    do throws(SystemError) {
      status = try fileStatus(following: volume.source)
    } catch {
      throw SpecError(
        "the source \(volume.source) of a volume cannot be used: \(error.errno.name) "
          + "(\(error.errno.description))",
        remedy: "name a file or directory that exists on the host")
    }
    guard status.kind != .characterDevice, status.kind != .blockDevice else {
      throw SpecError(
        "the source \(volume.source) of a volume is a device, which no command could open there",
        remedy: "leave it out: /dev inside has null, zero, full, random, urandom and tty, and "
          + "others cannot be had")
    }
    return status
  }

  // MARK: Users

  /// Ids above this are not in the range of a run.
  private static let lastID = IDRange.count - 1

  private static func user(
    of spec: RunSpec, appOwner: LaunchPlan.Owner?, image: Image, rootless: Rootless?
  ) throws -> ResolvedUser {
    let appUser = appOwner.map { rootless?.reference(to: $0) ?? Self.reference(to: $0, in: spec) }
    let reference = spec.user ?? appUser ?? .root
    let limit = AccountDatabase.maximumSize
    let passwd = try image.read("etc/passwd", limit: limit)
    if passwd == nil { try image.checkThatItIsNotEmpty() }
    let accounts = try AccountDatabase(
      passwd: passwd ?? [],
      group: try reference.needsGroupFile ? image.read("etc/group", limit: limit) ?? [] : [])
    let user = try accounts.resolve(reference)
    let hasEveryID = spec.userNamespace == .host || rootless?.isSingle == true
    guard hasEveryID || IDRange.holds(.init(uid: user.uid, gid: user.gid)) else {
      throw SpecError(
        "user \(user.uid):\(user.gid) is outside of the run's ids, which go from 0 to \(lastID)",
        remedy: rootless == nil
          ? "choose another user, or --userns host"
          : "choose another user, or --userns single, with which every number is good")
    }
    return user
  }

  /// The owner of the app's directory as a user inside. Its own ids where the run has them;
  /// otherwise those that useradd(8) gives to a system's first user.
  private static func reference(
    to owner: LaunchPlan.Owner, in spec: RunSpec
  ) -> UserReference {
    let firstUser: UInt32 = 1000
    func inside(_ id: UInt32) -> UInt32 {
      spec.userNamespace == .host || id <= lastID ? id : firstUser
    }
    return UserReference(user: .id(inside(owner.uid)), group: .id(inside(owner.gid)))
  }

  private static func maps(
    showing owner: LaunchPlan.Owner, as user: ResolvedUser, ids: IDRange?
  ) -> (users: IDMap, groups: IDMap)? {
    guard let ids else { return nil }
    let users = ids.map(showing: owner.uid, as: user.uid)
    let groups = ids.map(showing: owner.gid, as: user.gid)
    guard users != nil || groups != nil else { return nil }
    return (users ?? ids.map, groups ?? ids.map)
  }
}

extension UserReference {
  /// Whether /etc/group says anything about it: with a group by number there is nothing to look up.
  fileprivate var needsGroupFile: Bool {
    if case .id? = group { false } else { true }
  }
}

extension OwnedDescriptor {
  /// The owner of the file.
  fileprivate consuming func owner() throws -> LaunchPlan.Owner {
    try status().owner
  }
}
