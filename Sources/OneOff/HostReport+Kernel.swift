import ContainerSpec
import LinuxSystem
import SystemPackage

// What the kernel does for a run, found out by asking it to.
extension HostReport {
  static func kernel(_ host: HostFacts) -> HostCheck {
    let release =
      text(of: "/proc/sys/kernel/osrelease") ?? "\(host.kernel / 1000).\(host.kernel % 1000)"
    guard host.kernel >= 6001 else {
      return HostCheck("kernel", .missing, release, remedy: "oneoff needs Linux 6.1 or newer")
    }
    return HostCheck("kernel", .ok, release)
  }

  static func privileges(isRoot: Bool) -> HostCheck {
    isRoot
      ? HostCheck("privileges", .ok, "root")
      : HostCheck(
        "privileges", .missing, "user \(effectiveUserID()); a run takes root",
        remedy: "use sudo; 'oneoff print-plan' works without")
  }

  static func userNamespaces(isRoot: Bool) -> HostCheck {
    let name = "user-namespaces"
    do {
      if isRoot {
        let ids = IDRange(slot: try SlotPool.current().first).map
        _ = try UserNamespaceMaker().make(users: ids, groups: ids)
      } else {
        try tryUserNamespace()
      }
    } catch {
      return HostCheck(
        name, isRoot ? .missing : .note, "\(firstLine(of: error))", remedy: namespaceRemedy)
    }
    if !isRoot, text(of: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
      return HostCheck(
        name, .note, "AppArmor takes the capabilities from those that users make",
        remedy: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile for oneoff")
    }
    return HostCheck(name, .ok, isRoot ? "with 65536 ids" : "also for users")
  }

  /// What stands in the way of a namespace, as far as the kernel's settings show it.
  private static var namespaceRemedy: String {
    if text(of: "/proc/sys/kernel/unprivileged_userns_clone") == "0" {
      return "sysctl -w kernel.unprivileged_userns_clone=1"
    }
    if text(of: "/proc/sys/user/max_user_namespaces") == "0" {
      return "sysctl -w user.max_user_namespaces=10000"
    }
    return "in a container oneoff needs to be privileged (Docker, Podman: --privileged); see also "
      + "/proc/sys/user/max_*_namespaces"
  }

  static func namespaces(_ access: Access) -> HostCheck {
    let name = "namespaces"
    guard access == .full else { return unknown(name, access) }
    var plan = LaunchPlan(namespaces: trialNamespaces)
    plan.setup = [.resetSignals, .newCgroupNamespace, .makeMountsPrivate]
    return check(
      name, found: "mount, pid, ipc, uts, cgroup", remedy: namespaceRemedy, plan, DescriptorTable())
  }

  static func networkNamespaces(_ access: Access) -> HostCheck {
    let name = "network-namespaces"
    guard access == .full else { return unknown(name, access) }
    do {
      _ = try NetworkNamespaceMaker().finish()
      return HostCheck(name, .ok, "with loopback up")
    } catch {
      return HostCheck(
        name, .missing, "\(firstLine(of: error))",
        remedy: "\(namespaceRemedy); or run with --network host")
    }
  }

  static func seccomp(_ access: Access) -> HostCheck {
    let name = "seccomp"
    guard SeccompAction.errno.isAvailable else {
      return HostCheck(
        name, .missing, "the kernel has no filters",
        remedy: "use a kernel with CONFIG_SECCOMP_FILTER")
    }
    guard access == .full else { return HostCheck(name, .ok, "filters") }
    var plan = LaunchPlan(namespaces: trialNamespaces)
    plan.setup = [.resetSignals]
    plan.command = [.forbidNewPrivileges, .installSeccomp(.commandDefault)]
    return check(
      name, found: "the default policy can be loaded",
      remedy: "use a kernel with CONFIG_SECCOMP_FILTER", plan, DescriptorTable())
  }

  /// Nothing that oneoff does today takes it.
  static var seccompNotification: HostCheck {
    SeccompAction.userNotification.isAvailable
      ? HostCheck("seccomp-notification", .ok, "user notification")
      : HostCheck("seccomp-notification", .note, "no user notification")
  }

  static func landlock(_ host: HostFacts) -> HostCheck {
    let name = "landlock"
    switch host.landlock {
    case 6...: return HostCheck(name, .ok, "version \(host.landlock), with scopes")
    case 0:
      return HostCheck(name, .note, "none; \(scopeLoss)", remedy: scopeRemedy)
    default:
      return HostCheck(
        name, .note, "version \(host.landlock), without scopes; \(scopeLoss)",
        remedy: scopeRemedy)
    }
  }

  private static let scopeLoss =
    "with --network host abstract Unix sockets of the host can be reached"
  private static let scopeRemedy =
    "use Linux 6.12 or newer with lsm=…,landlock, or a network of the run's own"

  // MARK: File systems

  static func overlay(_ access: Access) -> HostCheck {
    let name = "overlayfs"
    guard access == .full else { return unknown(name, access) }
    do {
      return check(
        name, found: "with redirect_dir", remedy: "load its module: modprobe overlay",
        overlayPlan(lower: nil), try overlayDescriptors())
    } catch {
      return HostCheck(name, .missing, "\(firstLine(of: error))")
    }
  }

  static func temporaryIDMaps(_ access: Access) -> HostCheck {
    let name = "id-mapped-tmpfs"
    guard access == .full else { return unknown(name, access) }
    do {
      try mapIDs(of: DetachedMount(type: "tmpfs", options: [("size", "4096")]), subject: "of tmpfs")
      return HostCheck(name, .ok, "layers and volumes may be on tmpfs")
    } catch let error where error.errno == .invalidArgument {
      return HostCheck(
        name, .note, "layers and volumes on tmpfs cannot be id-mapped",
        remedy: "use Linux 6.3 or newer, or --userns host for them")
    } catch {
      return HostCheck(name, .unknown, firstLine(of: error))
    }
  }

  /// Whether the root file system can be the lowest layer of a run.
  static func rootfs(_ path: FilePath, _ access: Access) -> HostCheck {
    let name = "rootfs"
    guard access == .full else { return unknown(name, access) }
    do {
      let mount = try DetachedMount(cloning: path)
      let type = try? mount.descriptor.fileSystemType()
      do throws(SystemError) {
        try mapIDs(of: mount, subject: "of \(path)")
      } catch {
        let explained = error.explainingIDMap(of: path, role: "rootfs", on: type)
        return HostCheck(name, .missing, firstLine(of: error), remedy: explained.hint)
      }
      let descriptors = try overlayDescriptors()
      descriptors.adopt(mount.takeDescriptor(), as: .layer(0))
      return check(
        name, found: "\(path): id-mapped mounts, overlayfs",
        remedy: "put it on ext4, xfs or btrfs", overlayPlan(lower: .layer(0)), descriptors)
    } catch let error as SystemError where error.errno == .noSuchFileOrDirectory {
      return HostCheck(
        name, .missing, "\(path) does not exist", remedy: "name a directory with a root file system"
      )
    } catch {
      return HostCheck(name, .missing, firstLine(of: error))
    }
  }

  private static func mapIDs(
    of mount: borrowing DetachedMount, subject: String
  ) throws(SystemError) {
    let ids = IDMap([
      .init(inside: 0, host: IDRange(slot: SlotPool.standard.first).base, count: 65536)
    ])
    let namespace = try UserNamespaceMaker().make(users: ids, groups: ids)
    try mount.restrict(
      to: [.readOnly, .noSetuid, .noDevices], idMap: namespace.number, subject: subject)
  }

  private static func overlayDescriptors() throws -> DescriptorTable {
    let descriptors = DescriptorTable()
    let scratch = try DetachedMount(type: "tmpfs", options: [("size", "65536"), ("mode", "700")])
      .takeDescriptor()
    let root = LaunchPlan.Owner(uid: 0, gid: 0)
    for name in [
      ScratchLayout.layer(0), ScratchLayout.upper, ScratchLayout.work, ScratchLayout.root,
    ] {
      try scratch.makeDirectory(name, permissions: 0o700, owner: root)
    }
    descriptors.adopt(scratch, as: .scratch)
    return descriptors
  }

  private static func overlayPlan(lower: DescriptorName?) -> LaunchPlan {
    func inScratch(_ name: String) -> LaunchPlan.Place {
      .init(name, below: .prepared(.scratch))
    }
    var plan = LaunchPlan(namespaces: trialNamespaces)
    plan.setup = [.resetSignals, .makeMountsPrivate, .enterScratch(.scratch)]
    if let lower { plan.setup.append(.attach(lower, inScratch(ScratchLayout.layer(0)))) }
    plan.setup.append(
      .mount(
        LaunchSequence.overlay(
          lower: ScratchLayout.layer(0), upper: ScratchLayout.upper, work: ScratchLayout.work),
        inScratch(ScratchLayout.root)))
    return plan
  }

  // MARK: Trials

  private static let trialNamespaces: LaunchPlan.Namespaces = [.mount, .pid, .ipc, .uts]

  private static func check(
    _ name: String, found: String, remedy: String, _ plan: LaunchPlan,
    _ descriptors: DescriptorTable
  ) -> HostCheck {
    do throws(SystemError) {
      switch try trial(of: plan, with: descriptors) {
      case .succeeded: return HostCheck(name, .ok, found)
      case .failed(let failure):
        let what = failure.operation(in: plan).map { " to \($0)" } ?? ""
        return HostCheck(
          name, .missing, "\(failure.call)\(what): \(failure.errno.name)", remedy: remedy)
      }
    } catch {
      return HostCheck(name, .missing, firstLine(of: error), remedy: remedy)
    }
  }

  /// An error without its hint.
  static func firstLine(of error: any Error) -> String {
    "\(error)".split(separator: "\n").first.map { String($0) } ?? ""
  }

  /// A setting of the kernel's; nil where there is no such file, or nobody may read it.
  static func text(of path: FilePath) -> String? {
    guard let bytes = try? readFile(path, limit: 64 << 10) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.last == "\n" ? String(text.dropLast()) : text
  }
}
