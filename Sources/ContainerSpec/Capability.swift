/// A right of capabilities(7) that root has over everything that its user namespace owns.
public enum Capability: UInt8, Sendable, Hashable, CaseIterable {
  case chown, dacOverride, dacReadSearch, fowner, fsetid, kill, setgid, setuid, setpcap
  case linuxImmutable, netBindService, netBroadcast, netAdmin, netRaw, ipcLock, ipcOwner, sysModule
  case sysRawio, sysChroot, sysPtrace, sysPacct, sysAdmin, sysBoot, sysNice, sysResource, sysTime
  case sysTTYConfig, mknod, lease, auditWrite, auditControl, setfcap, macOverride, macAdmin, syslog
  case wakeAlarm, blockSuspend, auditRead, perfmon, bpf, checkpointRestore

  /// The name as capabilities(7) and Docker's seccomp profiles write it, such as `CAP_CHOWN`.
  public var name: String { "CAP_" + Capability.names[Int(rawValue)] }

  /// The names without `CAP_`, in the order of their numbers.
  private static let names = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
  ]

  /// The capability of a name, with or without `CAP_`, in any case; nil when there is none.
  init?(name: String) {
    guard let index = Capability.names.firstIndex(of: Capability.bareName(name)) else { return nil }
    self.init(rawValue: UInt8(index))
  }

  /// A name in capitals and without `CAP_`.
  static func bareName(_ name: String) -> String {
    let upper = String(decoding: name.utf8.map(\.uppercased), as: UTF8.self)
    return upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper
  }

  /// Why the capability would do nothing, or harm, in a run, and what to do instead; nil for those
  /// that the kernel checks against the command's own user namespace.
  var obstacle: (reason: String, remedy: String)? {
    switch self {
    case .chown, .dacOverride, .dacReadSearch, .fowner, .fsetid, .kill, .setgid, .setuid,
      .setpcap, .sysChroot, .sysPtrace:
      nil
    case .netBindService:
      (
        "the host owns the run's network",
        "with --network none every port is free to use already; with the host's network use a port "
          + "above 1023, or lower net.ipv4.ip_unprivileged_port_start on the host"
      )
    case .netAdmin, .netRaw, .netBroadcast:
      (
        "the host owns the run's network",
        "set the network up on the host: ip netns add NAME, and --network path:/run/netns/NAME"
      )
    case .sysAdmin:
      (
        "the host owns the run's mounts, host name and network",
        "let oneoff do it: --volume, --tmpfs, --hostname, --network"
      )
    case .mknod:
      (
        "the kernel lets nobody outside of the host's user namespace make devices",
        "the usual devices are in /dev already"
      )
    case .setfcap:
      (
        "file capabilities count for nothing in a run, and on a volume they would be the host's",
        "set them on the host, with setcap"
      )
    case .ipcOwner:
      (
        "the host owns the run's System V IPC",
        "give the objects to the user that needs them, with shmctl, semctl or msgctl"
      )
    case .ipcLock, .sysResource, .sysNice:
      (
        "the kernel asks the host's user namespace before it raises a limit or a priority",
        "raise it for oneoff itself, with ulimit, prlimit or nice; the run inherits it"
      )
    default:
      (
        "it is a right over the machine, which the kernel checks against the host's user namespace",
        "do on the host what needs it"
      )
    }
  }
}

/// A set of capabilities, as the kernel's bit masks have it.
public struct CapabilitySet: OptionSet, Sendable, Hashable {
  /// Bit N stands for the capability of number N.
  public let rawValue: UInt64

  /// Makes a set from a bit mask.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Makes a set of one.
  public init(_ capability: Capability) { self.init(rawValue: 1 << capability.rawValue) }

  /// Every one that Linux has.
  public static let all = CapabilitySet(
    rawValue: (1 << (UInt64(Capability.checkpointRestore.rawValue) + 1)) - 1)

  /// Those that mean something to a run's command.
  public static let grantable = Capability.allCases.reduce(into: CapabilitySet()) { set, member in
    if member.obstacle == nil { set.insert(CapabilitySet(member)) }
  }

  /// The members, by number.
  public var members: [Capability] {
    Capability.allCases.filter { contains(CapabilitySet($0)) }
  }

  /// Reads the name of a capability, with or without `CAP_`, or `all` for those that can work.
  ///
  /// - Throws: ``SpecError`` for another word, and for a capability that cannot work in a run.
  public init(parsing text: ByteString) throws(SpecError) {
    let name = text.description
    if name.utf8.elementsEqual("all".utf8, by: { $0.lowercased == $1 }) {
      self = .grantable
      return
    }
    guard !name.utf8.elementsEqual("none".utf8, by: { $0.lowercased == $1 }) else {
      throw SpecError(
        "'none' is not a capability", remedy: "leave it out: a command has none by default")
    }
    guard let capability = Capability(name: name) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a capability",
        remedy: suggestion(
          for: "CAP_" + Capability.bareName(name), in: Capability.allCases.map(\.name),
          otherwise: "capabilities(7) lists them"))
    }
    self.init(capability)
    try validate()
  }

  /// Checks that each of them can work in a run.
  func validate() throws(SpecError) {
    guard rawValue & ~CapabilitySet.all.rawValue == 0 else {
      throw SpecError("a capability has a number that there is not", remedy: "use those of Linux")
    }
    for capability in members {
      guard let obstacle = capability.obstacle else { continue }
      throw SpecError(
        "\(capability.name) cannot work in a run: \(obstacle.reason)", remedy: obstacle.remedy)
    }
  }
}
