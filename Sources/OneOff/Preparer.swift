import ContainerSpec
import LinuxSystem
import SystemPackage

/// Carries out preparations: owns the descriptors that a launch needs until it is over.
struct Preparer: ~Copyable {
  /// The descriptors that the plan names.
  let descriptors = DescriptorTable()
  /// The supervisor's ends of the output pipes.
  private(set) var outputs: (stdout: InputReader, stderr: InputReader)?

  /// The supervisor's end of the socket over which the seccomp listener comes.
  private(set) var listenerSocket: ListenerSocket?

  private let namespaces = UserNamespaceMaker()
  private let network: NetworkNamespaceMaker?
  private let layerCount: Int
  private let cgroup: FilePath?

  /// Makes a preparer for a run with that many layers, in that cgroup, with a network namespace
  /// that is in the making.
  init(layerCount: Int, cgroup: FilePath?, network: NetworkNamespaceMaker?) {
    self.network = network
    self.layerCount = layerCount
    self.cgroup = cgroup
  }

  /// Carries out one preparation.
  mutating func perform(_ preparation: Preparation) throws {
    switch preparation {
    case .userNamespace(let name, let users, let groups):
      descriptors.adopt(try namespaces.make(users: users, groups: groups), as: name)
    case .cgroup:
      if let cgroup { descriptors.adopt(try OwnedDescriptor(directory: cgroup), as: .cgroup) }
    case .newNetwork:
      guard let network else { preconditionFailure("it is started with the launch") }
      descriptors.adopt(try network.finish(), as: .network)
    case .network(let path):
      descriptors.adopt(try openNetworkNamespace(path), as: .network)
    case .layer(let name, let path, let map):
      try prepareBind(
        name, path, [.readOnly, .noSetuid, .noDevices], map,
        name == .app ? "app directory" : "layer")
    case .volume(let name, let path, let isReadOnly, let map):
      let attributes: LaunchPlan.MountAttributes = isReadOnly ? [.readOnly] : []
      try prepareBind(name, path, attributes.union([.noSetuid, .noDevices]), map, "volume")
    case .scratch(let contents): try prepareScratch(contents)
    case .devices(let owner): try prepareDevices(owner: owner)
    case .terminals(let group):
      let mount = try DetachedMount(
        type: "devpts",
        options: [("gid", "\(group)"), ("mode", "620"), ("ptmxmode", "666")],
        attributes: [.noSetuid, .noExecution])
      descriptors.adopt(mount.takeDescriptor(), as: .terminals)
    case .sharedMemory(let owner):
      try prepareTemporary(.sharedMemory, size: .mebibytes(64), owner: owner)
    case .temporary(let name, let size, let owner):
      try prepareTemporary(name, size: size, owner: owner)
    case .masks: try prepareMasks()
    case .landlockScope: descriptors.adopt(try makeLandlockScope(), as: .landlock)
    case .standardStreams(let owner): try prepareStreams(owner: owner)
    case .listenerSocket:
      listenerSocket = try ListenerSocket(to: descriptors, as: .listenerSocket)
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
    _ map: DescriptorName?, _ role: String
  ) throws {
    let mount = try DetachedMount(cloning: path)
    do {
      try mount.restrict(
        to: attributes, idMap: map.map { descriptors.number(of: $0) },
        subject: "of the \(role) \(path)")
    } catch {
      throw error.explainingIDMap(of: path, role: role, on: try? mount.descriptor.fileSystemType())
    }
    descriptors.adopt(mount.takeDescriptor(), as: name)
  }

  private func prepareTemporary(
    _ name: DescriptorName, size: ByteCount, owner: LaunchPlan.Owner
  ) throws {
    let mount = try DetachedMount(
      type: "tmpfs",
      options: [
        ("size", "\(size.bytes)"), ("mode", "1777"), ("uid", "\(owner.uid)"),
        ("gid", "\(owner.gid)"),
      ], attributes: [.noSetuid, .noDevices])
    descriptors.adopt(mount.takeDescriptor(), as: name)
  }

  // MARK: Scratch

  private func prepareScratch(_ contents: ScratchContents) throws {
    let mount = try DetachedMount(
      type: "tmpfs", options: [("size", "\(contents.size.bytes)"), ("mode", "700")],
      attributes: [.noSetuid, .noDevices])
    let scratch = mount.takeDescriptor()
    let host = LaunchPlan.Owner(uid: 0, gid: 0)
    var mountPoints = (0..<layerCount).map(ScratchLayout.layer)
    mountPoints += [ScratchLayout.root, ScratchLayout.work, ScratchLayout.masks]
    if contents.hasApp { mountPoints += [ScratchLayout.app, ScratchLayout.appWork] }
    for name in mountPoints {
      try scratch.makeDirectory(name, permissions: 0o700, owner: host)
    }
    // The upper directory's own attributes are those of the merged one.
    let top = DescriptorName.layer(layerCount - 1)
    try makeLike(top, "", ScratchLayout.upper, in: scratch, fallback: contents.owner)
    if contents.hasApp {
      try makeLike(.app, "", ScratchLayout.appUpper, in: scratch, fallback: contents.owner)
    }
    try writeNetworkFiles(contents, in: scratch)
    descriptors.adopt(scratch, as: .scratch)
  }

  /// Makes a directory with the attributes that `path` has in a layer.
  private func makeLike(
    _ layer: DescriptorName, _ path: String, _ name: String, in scratch: borrowing OwnedDescriptor,
    fallback: LaunchPlan.Owner
  ) throws {
    let status = try descriptors.status(of: layer, path)
    try scratch.makeDirectory(
      name, permissions: status?.permissions ?? 0o755, owner: status?.owner ?? fallback)
  }

  /// Written before the overlay is mounted: cheaper than three mounts, and a link of that name in
  /// the image is simply covered.
  private func writeNetworkFiles(
    _ contents: ScratchContents, in scratch: borrowing OwnedDescriptor
  ) throws {
    let directory = "\(ScratchLayout.upper)/etc"
    let layers = (0..<layerCount).reversed().map(DescriptorName.layer)
    let layer = try layers.first { try descriptors.status(of: $0, "etc") != nil }
    if let layer, try descriptors.status(of: layer, "etc")?.kind != .directory {
      throw SpecError(
        "/etc of the root file system is not a directory",
        remedy: "give a layer in which /etc is a directory, not a link or a file")
    }
    try makeLike(layer ?? layers[0], "etc", directory, in: scratch, fallback: contents.owner)
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
  mutating func takeListenerSocket() -> ListenerSocket? { listenerSocket.take() }

  // MARK: Devices

  private func prepareDevices(owner: LaunchPlan.Owner) throws {
    let mount = try DetachedMount(
      type: "tmpfs",
      options: [
        ("size", "65536"), ("mode", "755"), ("uid", "\(owner.uid)"), ("gid", "\(owner.gid)"),
      ], attributes: [.noSetuid, .noExecution])
    let devices = mount.takeDescriptor()
    for (name, major, minor) in Self.nodes {
      try devices.makeDevice(name, major: major, minor: minor, owner: owner)
    }
    for (name, target) in Self.links {
      try devices.makeSymbolicLink(name, to: target, owner: owner)
    }
    for name in ["pts", "shm"] {
      try devices.makeDirectory(name, permissions: 0o755, owner: owner)
    }
    descriptors.adopt(devices, as: .devices)
  }

  /// Names and numbers of Documentation/admin-guide/devices.txt in the kernel's source.
  private static let nodes: [(String, UInt32, UInt32)] = [
    ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
    ("tty", 5, 0),
  ]

  private static let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
  ]

  /// What covers hidden files and directories; see ol_mask in CLaunch.
  private func prepareMasks() throws {
    let mount = try DetachedMount(
      type: "tmpfs", options: [("size", "65536"), ("mode", "755")],
      attributes: [.noSetuid, .noExecution])
    let host = LaunchPlan.Owner(uid: 0, gid: 0)
    try mount.descriptor.makeDevice("null", major: 1, minor: 3, owner: host)
    try mount.descriptor.makeDirectory("directory", permissions: 0o555, owner: host)
    try mount.restrict(to: [.readOnly], subject: "of the masks")
    descriptors.adopt(mount.takeDescriptor(), as: .masks)
  }

  private mutating func prepareStreams(owner: LaunchPlan.Owner) throws {
    // The container's own null device: a descriptor of the host's would lead to the host's mount.
    let null = try descriptors.open("null", below: .devices)
    descriptors.adopt(try descriptors.open("null", below: .devices), as: .null)
    descriptors.adopt(null, as: .standardInput)
    let stdout = try makeOutputPipe(.standardOutput, owner: owner)
    let stderr = try makeOutputPipe(.standardError, owner: owner)
    outputs = (stdout, stderr)
  }

  /// Owned by the run's user, who may otherwise not open /dev/stderr.
  private func makeOutputPipe(
    _ name: DescriptorName, owner: LaunchPlan.Owner
  ) throws -> InputReader {
    let pipe = try Pipe()
    try pipe.writer.setOwner(owner)
    return try InputReader(descriptors.adoptWriter(of: pipe, as: name))
  }
}
