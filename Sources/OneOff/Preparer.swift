import ContainerSpec
import LinuxSystem
import SystemPackage

/// Carries out preparations: owns the descriptors that a launch needs until it is over.
struct Preparer: ~Copyable {
  /// The descriptors that the plan names.
  let descriptors = DescriptorTable()
  /// The supervisor's ends of the command's standard streams.
  private var streams: CommandStreams?

  /// The supervisor's end of the socket over which the seccomp listener comes.
  private(set) var listenerSocket: DescriptorSocket?

  /// The supervisor's end of the socket over which that comes from which exports are made.
  private var exportSocket: DescriptorSocket?

  private let namespaces = UserNamespaceMaker()
  private let network: NetworkNamespaceMaker?
  private let layerCount: Int
  private let cgroups: RunCgroups?
  private let scratchDirectory: FilePath?

  /// Makes a preparer for a run with that many layers, in these cgroups, with a network namespace
  /// that is in the making, and with that scratch directory.
  init(
    layerCount: Int, cgroups: RunCgroups?, network: NetworkNamespaceMaker?,
    scratchDirectory: FilePath?
  ) {
    self.network = network
    self.layerCount = layerCount
    self.cgroups = cgroups
    self.scratchDirectory = scratchDirectory
  }

  /// Waits for what goes on beside the preparations.
  private func finish() throws(SystemError) { try namespaces.finish() }

  /// Carries out all preparations, upon which the container is cloned.
  mutating func perform(_ preparations: [Preparation], _ trace: TimingTrace?) throws {
    trace?.noteStep("slot, host and image")
    for preparation in preparations {
      try perform(preparation)
      trace?.noteStep(preparation.description)
    }
    try finish()
    trace?.noteStep("wait for namespaces")
    trace?.begin("clone")
  }

  /// Carries out one preparation.
  private mutating func perform(_ preparation: Preparation) throws {
    switch preparation {
    case .hardLimit(let limit, let value):
      do throws(SystemError) {
        try raiseHardLimit(limit, to: value)
      } catch {
        throw error.explainingHardLimit(limit)
      }
    case .userNamespace(let name, let users, let groups, let limits):
      descriptors.adopt(
        try namespaces.make(users: users, groups: groups, limits: limits), as: name)
    case .cgroup(let index, _): try cgroups?.prepare(index, for: descriptors)
    case .newNetwork:
      guard let network else { preconditionFailure("it is started with the launch") }
      descriptors.adopt(try network.finish(), as: .network)
    case .network(let path):
      descriptors.adopt(try openNetworkNamespace(path), as: .network)
    case .layer(let name, let path, let map):
      try prepareBind(
        name, path, [.readOnly, .noSetuid, .noDevices], map,
        name == .app ? "app directory" : "layer")
    case .volume(let name, let path, let isReadOnly, let map, let submounts):
      let attributes: LaunchPlan.MountAttributes = isReadOnly ? [.readOnly] : []
      try prepareBind(
        name, path, attributes.union([.noSetuid, .noDevices]), map, "volume", submounts: submounts)
    case .hostPart(let name, let path):
      try prepareBind(name, path, [.readOnly, .noSetuid, .noDevices], nil, "part")
    case .scratch(let contents): try prepareScratch(contents)
    case .devices(let owner, let source): try prepareDevices(owner: owner, nodes: source)
    case .hostDevice(let name, let node): try prepareHostDevice(name, node)
    case .hostSysfs:
      let mount = try DetachedMount(cloning: "/sys", submounts: true)
      try mount.restrict(
        to: [.readOnly, .noSetuid, .noDevices, .noExecution], submounts: true, subject: "of /sys")
      descriptors.adopt(mount.takeDescriptor(), as: .hostSysfs)
    case .emptyDirectory(let name):
      let mount = try DetachedMount(
        type: "tmpfs", options: [("mode", "555")],
        attributes: [.readOnly, .noSetuid, .noDevices, .noExecution])
      descriptors.adopt(mount.takeDescriptor(), as: name)
    case .terminals(let group):
      // The kernel's own limit is one for the whole host.
      var options: [(key: String, value: String)] = [
        ("mode", "620"), ("ptmxmode", "666"), ("max", "64"),
      ]
      if let group { options.append(("gid", "\(group)")) }
      let mount = try DetachedMount(
        type: "devpts", options: options, attributes: [.noSetuid, .noExecution])
      descriptors.adopt(mount.takeDescriptor(), as: .terminals)
    case .sharedMemory(let owner):
      try prepareTemporary(.sharedMemory, size: .mebibytes(64), owner: owner)
    case .temporary(let name, let size, let owner):
      try prepareTemporary(name, size: size, owner: owner)
    case .masks(let source): try prepareMasks(null: source)
    case .landlockScope: descriptors.adopt(try makeLandlockScope(), as: .landlock)
    case .standardStreams(let owner, let kind):
      descriptors.adopt(try openNull(), as: .null)
      streams = try CommandStreams(kind, owner: owner, descriptors) { () throws(SystemError) in
        try openNull()
      }
    case .exportSocket:
      exportSocket = try DescriptorSocket(to: descriptors, as: .exportSocket)
    case .listenerSocket:
      listenerSocket = try DescriptorSocket(to: descriptors, as: .listenerSocket)
    }
  }

  private func openNetworkNamespace(_ path: FilePath) throws -> OwnedDescriptor {
    let remedy = "name a file such as /run/netns/NAME (ip netns add NAME) or /proc/PID/ns/net"
    guard (try? fileStatus(following: path)) != nil else {
      throw SpecError("the network namespace \(path) does not exist", remedy: remedy)
    }
    let descriptor = try OwnedDescriptor(opening: path, flags: .reading)
    guard try descriptor.fileSystemType() == .namespace else {
      throw SpecError("\(path) is not a network namespace", remedy: remedy)
    }
    return descriptor
  }

  /// A detached copy of a mount of the host, with fewer rights and with the run's ids.
  private func prepareBind(
    _ name: DescriptorName, _ path: FilePath, _ attributes: LaunchPlan.MountAttributes,
    _ map: DescriptorName?, _ role: String, submounts: Bool = false
  ) throws {
    let mount = try cloneMount(path, role, submounts: submounts)
    do {
      try mount.restrict(
        to: attributes, idMap: map.map { descriptors.number(of: $0) }, submounts: submounts,
        subject: "of the \(role) \(path)")
    } catch {
      guard map != nil else { throw error }
      throw error.explainingIDMap(of: path, role: role, on: try? mount.descriptor.fileSystemType())
    }
    descriptors.adopt(mount.takeDescriptor(), as: name)
  }

  private func cloneMount(
    _ path: FilePath, _ role: String, submounts: Bool
  ) throws(SystemError) -> DetachedMount {
    do {
      return try DetachedMount(cloning: path, submounts: submounts)
    } catch {
      throw error.explainingSubmounts(of: path, role: role)
    }
  }

  private func prepareTemporary(
    _ name: DescriptorName, size: ByteCount, owner: LaunchPlan.Owner
  ) throws {
    let mount = try DetachedMount(
      type: "tmpfs",
      options: Self.limits(size) + [
        ("mode", "1777"), ("uid", "\(owner.uid)"), ("gid", "\(owner.gid)"),
      ], attributes: [.noSetuid, .noDevices])
    descriptors.adopt(mount.takeDescriptor(), as: name)
  }

  /// Of what holds a few nodes or directories.
  private static let smallest = ByteCount(bytes: 64 << 10)

  /// The options that bound a tmpfs. As many files as pages: those without content, and extended
  /// attributes, would otherwise take memory that its size says nothing of.
  private static func limits(_ size: ByteCount) -> [(key: String, value: String)] {
    let pageSize: UInt64 = 4096
    return [("size", "\(size.bytes)"), ("nr_inodes", "\(max(256, size.bytes / pageSize))")]
  }

  // MARK: Scratch

  private func prepareScratch(_ contents: ScratchContents) throws {
    let scratch = try mountScratch(contents).takeDescriptor()
    let host = LaunchPlan.Owner(uid: 0, gid: 0)
    var mountPoints = (0..<layerCount).map(ScratchLayout.layer)
    mountPoints += [ScratchLayout.root, ScratchLayout.work, ScratchLayout.masks]
    if contents.hasApp { mountPoints += [ScratchLayout.app, ScratchLayout.appWork] }
    for name in mountPoints {
      try scratch.makeDirectory(name, permissions: 0o700, owner: host)
    }
    // An upper directory's own attributes are those of the merged one.
    let etc =
      try contents.hostTree.map { try makeParts(of: $0, in: scratch, contents) }
      ?? makeUpper(in: scratch, contents)
    if contents.hasApp { try makeLike(.app, "", ScratchLayout.appUpper, in: scratch, contents) }
    try writeNetworkFiles(contents, in: etc, of: scratch)
    descriptors.adopt(scratch, as: .scratch)
  }

  private func mountScratch(_ contents: ScratchContents) throws -> DetachedMount {
    let attributes: LaunchPlan.MountAttributes = [.noSetuid, .noDevices]
    switch contents.place {
    case .tmpfs(let size):
      return try DetachedMount(
        type: "tmpfs", options: Self.limits(size) + [("mode", "700")], attributes: attributes)
    case .image(let image): return try image.mount(attributes)
    case .directory:
      guard let scratchDirectory else { preconditionFailure("it is made with the launch") }
      let mount = try DetachedMount(cloning: scratchDirectory)
      try mount.restrict(to: attributes, subject: "of the scratch \(scratchDirectory)")
      return mount
    }
  }

  /// Makes the upper directory of the layers, and returns the one in it that becomes /etc.
  private func makeUpper(
    in scratch: borrowing OwnedDescriptor, _ contents: ScratchContents
  ) throws -> String {
    try makeLike(
      .layer(layerCount - 1), "", ScratchLayout.upper, in: scratch, contents)
    let directory = "\(ScratchLayout.upper)/etc"
    let layers = (0..<layerCount).reversed().map(DescriptorName.layer)
    let layer = try layers.first { try descriptors.status(of: $0, "etc") != nil }
    if let layer, try descriptors.status(of: layer, "etc")?.kind != .directory {
      throw SpecError(
        "/etc of the root file system is not a directory",
        remedy: "give a layer in which /etc is a directory, not a link or a file")
    }
    try makeLike(layer ?? layers[0], "etc", directory, in: scratch, contents)
    return directory
  }

  /// Makes a directory with the attributes that `path` has in a layer. What has no owner here
  /// belongs to the container's root.
  func makeLike(
    _ layer: DescriptorName, _ path: String, _ name: String, in scratch: borrowing OwnedDescriptor,
    _ contents: ScratchContents
  ) throws {
    let status = try descriptors.status(of: layer, path)
    var owner = status?.owner ?? contents.owner
    if owner.uid == contents.unmappedID { owner.uid = contents.owner.uid }
    if owner.gid == contents.unmappedID { owner.gid = contents.owner.gid }
    try scratch.makeDirectory(name, permissions: status?.permissions ?? 0o755, owner: owner)
  }

  /// Written before the overlay is mounted: cheaper than three mounts, and a link of that name in
  /// the image is simply covered.
  private func writeNetworkFiles(
    _ contents: ScratchContents, in directory: String, of scratch: borrowing OwnedDescriptor
  ) throws {
    let name = contents.hostname
    var hosts = Array("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 \(name)\n".utf8)
    var resolver: [UInt8] = []
    if contents.sharesHostNetwork {
      resolver = (try? readFile("/etc/resolv.conf", limit: 1 << 20)) ?? []
      if let known = try? readFile("/etc/hosts", limit: 1 << 20) {
        hosts = known + Array("\n127.0.1.1 \(name)\n".utf8)
      }
    }
    for (file, text) in [
      ("hostname", Array("\(name)\n".utf8)), ("hosts", hosts), ("resolv.conf", resolver),
    ] {
      try scratch.makeFile(
        "\(directory)/\(file)", contents: text, permissions: 0o644, owner: contents.owner)
    }
  }

  /// The supervisor's end of the listener's socket, if there is one; to be taken once.
  mutating func takeListenerSocket() -> DescriptorSocket? { listenerSocket.take() }

  /// The supervisor's end of the exports' socket, if there is one; to be taken once.
  mutating func takeExportSocket() -> DescriptorSocket? { exportSocket.take() }

  /// The supervisor's ends of the command's standard streams.
  func takeStreams() -> CommandStreams {
    guard let streams else { preconditionFailure("every plan has standard streams") }
    return streams
  }

  // MARK: Devices

  private func prepareDevices(owner: LaunchPlan.Owner, nodes: DeviceNode.Source) throws {
    let mount = try DetachedMount(
      type: "tmpfs",
      options: Self.limits(Self.smallest) + [
        ("mode", "755"), ("uid", "\(owner.uid)"), ("gid", "\(owner.gid)"),
      ], attributes: [.noSetuid, .noExecution])
    let devices = mount.takeDescriptor()
    for node in DeviceNode.all { try make(node, nodes, in: devices, owner: owner) }
    for (name, target) in Self.links {
      try devices.makeSymbolicLink(name, to: target, owner: owner)
    }
    for name in ["pts", "shm"] {
      try devices.makeDirectory(name, permissions: 0o755, owner: owner)
    }
    descriptors.adopt(devices, as: .devices)
  }

  /// Makes a node, or the file over which the host's will be mounted.
  private func make(
    _ node: DeviceNode, _ source: DeviceNode.Source, in directory: borrowing OwnedDescriptor,
    owner: LaunchPlan.Owner
  ) throws {
    switch source {
    case .made:
      try directory.makeDevice(node.name, major: node.major, minor: node.minor, owner: owner)
    case .bound:
      try directory.makeFile(node.name, contents: [], permissions: 0o444, owner: owner)
    }
  }

  /// The host's device, looked at before it is mounted, by the same descriptor.
  private func prepareHostDevice(_ name: DescriptorName, _ node: DeviceNode) throws {
    let path = FilePath("/dev/\(node.name)")
    let file = try OwnedDescriptor(opening: path, flags: [.pathOnly, .notFollowing])
    let status = try file.status()
    guard status.kind == .characterDevice, status.device == (node.major, node.minor) else {
      throw SpecError(
        "\(path) of the host is not the character device \(node.major):\(node.minor)",
        remedy: "without root it can only be taken from the host; mend it there")
    }
    let mount = try DetachedMount(cloning: file, subject: "of \(path)")
    try mount.restrict(to: [.noSetuid, .noExecution], subject: "of \(path)")
    descriptors.adopt(mount.takeDescriptor(), as: name)
  }

  private static let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
  ]

  /// What covers hidden files and directories; see ol_mask in CLaunch.
  private func prepareMasks(null: DeviceNode.Source) throws {
    let mount = try DetachedMount(
      type: "tmpfs", options: Self.limits(Self.smallest) + [("mode", "755")],
      attributes: [.noSetuid, .noExecution])
    let host = LaunchPlan.Owner(uid: 0, gid: 0)
    try make(.null, null, in: mount.descriptor, owner: host)
    try mount.descriptor.makeDirectory("directory", permissions: 0o555, owner: host)
    try mount.restrict(to: [.readOnly], subject: "of the masks")
    descriptors.adopt(mount.takeDescriptor(), as: .masks)
  }

  /// The container's own null device: a descriptor of the host's would lead to the host's mount.
  private func openNull() throws(SystemError) -> OwnedDescriptor {
    let bound = descriptors.number(of: .device(0))
    guard bound >= 0 else { return try descriptors.open(DeviceNode.null.name, below: .devices) }
    return try OwnedDescriptor(
      opening: FilePath("/proc/self/fd/\(bound)"), flags: .readingAndWriting)
  }
}
