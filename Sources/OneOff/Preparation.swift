public import ContainerSpec
import LinuxSystem
import SystemPackage

/// One thing that the supervisor makes before clone3(2): nothing of it is visible to any other
/// process, and all of it goes away with its descriptor.
enum Preparation: Sendable {
  case userNamespace(DescriptorName, users: IDMap, groups: IDMap)
  case cgroup
  case newNetwork
  case network(FilePath)
  case layer(DescriptorName, FilePath, idMap: DescriptorName?)
  case volume(DescriptorName, FilePath, isReadOnly: Bool, idMap: DescriptorName?)
  case scratch(ScratchContents)
  case devices(owner: LaunchPlan.Owner)
  case terminals(group: UInt32)
  case sharedMemory(owner: LaunchPlan.Owner)
  case temporary(DescriptorName, size: ByteCount, owner: LaunchPlan.Owner)
  case masks
  case landlockScope
  case standardStreams(owner: LaunchPlan.Owner)
  case listenerSocket
}

/// What the scratch file system holds before the command runs.
struct ScratchContents: Sendable {
  var size: ByteCount
  var layerCount: Int
  var hasApp: Bool
  var hostname: String
  var sharesHostNetwork: Bool
  /// The container's root, as host ids.
  var owner: LaunchPlan.Owner
}

extension Preparation: CustomStringConvertible {
  /// The preparation as one line.
  var description: String {
    switch self {
    case .userNamespace(let name, let users, _):
      "\(name): " + users.ranges.map(Self.text).joined(separator: ", ")
    case .cgroup: "cgroup: one of its own"
    case .newNetwork: "network namespace: one of its own, loopback up"
    case .network(let path): "network namespace: \(path)"
    case .layer(let name, let path, let map):
      "\(name): \(path), read-only, nosuid, nodev\(Self.mapped(map))"
    case .volume(let name, let path, let isReadOnly, let map):
      "\(name): \(path)\(isReadOnly ? ", read-only" : ""), nosuid, nodev\(Self.mapped(map))"
    case .scratch(let contents):
      "scratch: tmpfs of \(contents.size.bytes) bytes with /etc/{hostname,hosts,resolv.conf}"
    case .devices(let owner): "devices: tmpfs of \(owner.uid):\(owner.gid), nosuid, noexec"
    case .terminals(let group): "terminals: devpts, group \(group)"
    case .sharedMemory: "shared memory: tmpfs, nosuid, nodev"
    case .temporary(let name, let size, let owner):
      "\(name): tmpfs of \(size.bytes) bytes of \(owner.uid):\(owner.gid), nosuid, nodev"
    case .masks: "masks: an empty directory and the null device, read-only"
    case .landlockScope: "landlock scope: abstract sockets and signals"
    case .standardStreams(let owner):
      "standard streams: the null device, two pipes of \(owner.uid):\(owner.gid)"
    case .listenerSocket: "listener's socket: a pair, for the seccomp listener"
    }
  }

  private static func text(_ range: IDMap.Range) -> String {
    "\(range.inside)→\(range.host) ×\(range.count)"
  }

  private static func mapped(_ map: DescriptorName?) -> String {
    map.map { ", ids of \($0)" } ?? ""
  }
}

/// What a run would prepare and do, as text, without doing it and without privileges.
///
/// The ids are those of the first slot.
///
/// - Throws: what a run would throw for the same specification and host.
public func describePlan(of spec: RunSpec) throws(OneOffError) -> String {
  try OneOffError.wrap {
    try spec.validate()
    var subject = try LaunchSubject(
      spec, id: spec.id ?? RunID("run"), host: .current(),
      ids: spec.userNamespace == .host ? nil : IDRange(slot: SlotPool.current().first),
      usesCgroup: CgroupTree.ofHost() != nil)
    subject.filter = try CommandFilter(spec, host: subject.host, cache: nil)
    return LaunchSequence(subject).description
      + subject.filter.warnings.map { "warning: \($0.text)\n" }.joined()
  }
}

extension LaunchSequence {
  /// The sequence as `print-plan` shows it.
  var description: String {
    let lines = preparations.enumerated().map { "  \($0.offset + 1). \($0.element)\n" }
    return "prepared by the supervisor:\n" + lines.joined() + plan.description
  }
}
