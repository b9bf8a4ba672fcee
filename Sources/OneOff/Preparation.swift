package import ContainerSpec
import LinuxSystem
import SystemPackage

/// One thing that the supervisor makes before clone3(2): nothing of it is visible to any other
/// process, and all of it goes away with its descriptor.
enum Preparation: Sendable {
  case hardLimit(LaunchPlan.ResourceLimit, UInt64)
  case userNamespace(DescriptorName, users: IDMap, groups: IDMap, limits: InotifyLimits?)
  case cgroup(Int, CgroupPlan.Place)
  case newNetwork
  case network(FilePath)
  case layer(DescriptorName, FilePath, idMap: DescriptorName?)
  case volume(
    DescriptorName, FilePath, isReadOnly: Bool, idMap: DescriptorName?, submounts: Bool)
  case hostPart(DescriptorName, FilePath)
  case scratch(ScratchContents)
  case devices(owner: LaunchPlan.Owner, DeviceNode.Source)
  case hostDevice(DescriptorName, DeviceNode)
  case hostSysfs
  case emptyDirectory(DescriptorName)
  case terminals(group: UInt32?)
  case sharedMemory(owner: LaunchPlan.Owner)
  case temporary(DescriptorName, size: ByteCount, owner: LaunchPlan.Owner)
  case masks(DeviceNode.Source)
  case landlockScope
  case standardStreams(owner: LaunchPlan.Owner, CommandStreams.Kind)
  case listenerSocket
  case exportSocket
}

/// What the scratch file system holds before the command runs.
struct ScratchContents: Sendable {
  /// What kind of file system.
  enum Place: Sendable, Hashable {
    /// In memory.
    case tmpfs(ByteCount)
    /// In a file on disk.
    case image(ScratchImage)
    /// A directory of the host's, which has no limit of its own.
    case directory
  }

  var place: Place
  var layerCount: Int
  var hasApp: Bool
  var hostname: String
  var sharesHostNetwork: Bool
  /// The container's root, as host ids.
  var owner: LaunchPlan.Owner
  /// The id that stands for those that the supervisor's user namespace does not have, if it has
  /// one of its own.
  var unmappedID: UInt32?
  /// The parts of which the root file system is made, if it is made of parts.
  var hostTree: HostTree?
}

extension Preparation: CustomStringConvertible {
  /// The preparation as one line.
  var description: String {
    switch self {
    case .hardLimit(let limit, let value):
      "hard limit \(limit.name): at least \(LaunchPlan.ResourceLimit.text(value))"
    case .userNamespace(let name, let users, _, let limits):
      "\(name): \(users.text)"
        + (limits.map { "; inotify: \($0.instances) instances, \($0.watches) watches" } ?? "")
    case .cgroup(let index, let place): "cgroup\(place.suffix(index))"
    case .newNetwork: "network namespace: one of its own, loopback up"
    case .network(let path): "network namespace: \(path)"
    case .layer(let name, let path, let map):
      "\(name): \(path), read-only, nosuid, nodev\(Self.mapped(map))"
    case .volume(let name, let path, let isReadOnly, let map, let submounts):
      "\(name): \(path)\(submounts ? " and the mounts below it" : "")"
        + "\(isReadOnly ? ", read-only" : ""), nosuid, nodev\(Self.mapped(map))"
    case .hostPart(let name, let path): "\(name): \(path), read-only, nosuid, nodev"
    case .scratch(let contents):
      "scratch: \(contents.place) with /etc/{hostname,hosts,resolv.conf}"
    case .devices(let owner, let source):
      "devices: tmpfs of \(owner.uid):\(owner.gid)\(source.suffix), nosuid, noexec"
    case .hostDevice(let name, let node):
      "\(name): /dev/\(node.name), must be \(node.major):\(node.minor), nosuid, noexec"
    case .hostSysfs: "sysfs of the host: /sys and the mounts below it, ro, nosuid, nodev, noexec"
    case .emptyDirectory(let name): "\(name): an empty directory, read-only"
    case .terminals(let group?): "terminals: devpts, group \(group)"
    case .terminals(nil): "terminals: devpts"
    case .sharedMemory: "shared memory: tmpfs, nosuid, nodev"
    case .temporary(let name, let size, let owner):
      "\(name): tmpfs of \(size.bytes) bytes of \(owner.uid):\(owner.gid), nosuid, nodev"
    case .masks(let source):
      "masks: an empty directory and the null device\(source.suffix), read-only"
    case .landlockScope: "landlock scope: abstract sockets and signals"
    case .standardStreams(let owner, let kind):
      "standard streams: \(kind.text) of \(owner.uid):\(owner.gid)"
    case .listenerSocket: "listener's socket: a pair, for the seccomp listener"
    case .exportSocket: "exports' socket: a pair, for what is exported from"
    }
  }

  private static func mapped(_ map: DescriptorName?) -> String {
    map.map { ", ids of \($0)" } ?? ""
  }
}

/// What a run would prepare and do, as text, without doing it and without privileges.
///
/// The ids are those of the first slot. An ordinary user's own namespaces are entered: without
/// them nobody could say who the owners inside are.
///
/// - Throws: what a run would throw for the same specification and host.
package func describePlan(of spec: RunSpec) throws(OneOffError) -> String {
  try OneOffError.wrap {
    try spec.validate()
    let rootless = try Rootless(spec)
    try rootless?.enter()
    let cgroups = try CgroupPlan.find(for: spec, rootless: rootless, enabling: false)
    var subject = try LaunchSubject(
      spec, id: spec.id ?? RunID("run"), slot: IDRange(slot: SlotPool.current().first),
      cgroups: cgroups.plan, rootless: rootless, programs: nil)
    subject.warnings += cgroups.warnings
    let sequence = LaunchSequence(subject)
    try sequence.checkExports()
    return sequence.description
      + subject.warnings.map { "warning: \($0.text)\n" }.joined()
  }
}

extension ScratchContents.Place: CustomStringConvertible {
  /// What is made.
  var description: String {
    switch self {
    case .tmpfs(let size): "tmpfs of \(size.bytes) bytes"
    case .image(let image):
      "ext4 of \(image.size.bytes) bytes in a file without a name in \(image.directory)"
    case .directory: "directory of the host"
    }
  }
}

extension CgroupPlan.Place {
  /// What it is for, and what it is told.
  fileprivate func suffix(_ index: Int) -> String {
    var text = ": one of its own"
    if tree.version == .v1 {
      text = " \(index): one of its own for"
      for controller in controllers { text += " \(controller.legacyName)" }
    }
    for setting in settings { text += "; \(setting)" }
    return text
  }
}

extension Rootless {
  /// What is entered, as one line.
  fileprivate var preparation: String {
    "user and mount namespace of the supervisor's own: \(users.text)"
      + (isSingle ? "; a single id: setgroups(2) is denied, so groups stay the caller's" : "")
  }
}

extension IDMap {
  fileprivate var text: String {
    ranges.map { "\($0.inside)→\($0.host) ×\($0.count)" }.joined(separator: ", ")
  }
}

extension LaunchSequence {
  /// The sequence as `print-plan` shows it. Namespaces of the supervisor's own are entered BEFORE
  /// everything else, and before the specification's paths are looked at.
  var description: String {
    let texts = [rootless?.preparation].compactMap { $0 } + preparations.map(\.description)
    let lines = texts.enumerated().map { "  \($0.offset + 1). \($0.element)\n" }
    return "prepared by the supervisor:\n" + lines.joined() + plan.description
  }
}
