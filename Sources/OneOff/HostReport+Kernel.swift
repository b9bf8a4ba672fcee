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

  /// Without root this process enters a user namespace of its own, as a run does.
  static func privileges(_ rootless: Rootless?) -> HostCheck {
    let name = "privileges"
    guard let rootless else { return HostCheck(name, .ok, "root") }
    do {
      try rootless.enter()
    } catch let error as SystemError {
      return HostCheck(
        name, .missing, "user \(rootless.caller.uid): \(firstLine(of: error))",
        remedy: error.hint ?? "use sudo")
    } catch {
      return HostCheck(name, .missing, firstLine(of: error), remedy: "use sudo")
    }
    return HostCheck(
      name, .ok, "user \(rootless.caller.uid), without root (docs/rootless.md says what it lacks)")
  }

  static func userNamespaces(_ rootless: Rootless?) -> HostCheck {
    let name = "user-namespaces"
    do {
      if rootless == nil {
        let ids = idMap
        _ = try UserNamespaceMaker().make(users: ids, groups: ids)
      } else {
        try tryUserNamespace()
      }
    } catch {
      return HostCheck(name, .missing, "\(firstLine(of: error))", remedy: namespaceRemedy)
    }
    return HostCheck(name, .ok, rootless?.isSingle == true ? "with a single id" : "with 65536 ids")
  }

  /// What stands in the way of a namespace, as far as the kernel's settings show it.
  private static var namespaceRemedy: String {
    if text(of: "/proc/sys/kernel/unprivileged_userns_clone") == "0" {
      return "sysctl -w kernel.unprivileged_userns_clone=1"
    }
    if text(of: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
      return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile for oneoff"
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
    var plan = LaunchPlan(namespaces: .isolated)
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
    var plan = LaunchPlan(namespaces: .isolated)
    plan.setup = [.resetSignals]
    plan.command = [.forbidNewPrivileges, .installSeccomp(.commandDefault)]
    return check(
      name, found: "the default policy can be loaded",
      remedy: "use a kernel with CONFIG_SECCOMP_FILTER", plan, DescriptorTable())
  }

  static var seccompNotification: HostCheck {
    SeccompAction.userNotification.isAvailable
      ? HostCheck("seccomp-notification", .ok, "user notification, for --seccomp-log")
      : HostCheck("seccomp-notification", .note, "no user notification: no --seccomp-log")
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

  static func overlay(_ access: Access, _ rootless: Rootless?) -> HostCheck {
    let name = "overlayfs"
    guard access == .full else { return unknown(name, access) }
    do {
      return check(
        name, found: rootless == nil ? "with redirect_dir" : "with userxattr",
        remedy: "load its module: modprobe overlay",
        overlayPlan(lower: nil, rootless), try overlayDescriptors())
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
  static func rootfs(_ path: FilePath, _ access: Access, _ rootless: Rootless?) -> HostCheck {
    let name = "rootfs"
    guard access == .full else { return unknown(name, access) }
    guard rootless == nil || path != "/" else {
      return HostCheck(name, .ok, "/: without root put together from parts")
    }
    do {
      try Image([path]).checkThatItIsNotEmpty()
      let mount = try DetachedMount(cloning: path)
      let type = try? mount.descriptor.fileSystemType()
      do throws(SystemError) {
        if rootless == nil { try mapIDs(of: mount, subject: "of \(path)") }
      } catch {
        let explained = error.explainingIDMap(of: path, role: "rootfs", on: type)
        return HostCheck(name, .missing, firstLine(of: error), remedy: explained.hint)
      }
      let descriptors = try overlayDescriptors()
      descriptors.adopt(mount.takeDescriptor(), as: .layer(0))
      return check(
        name, found: "\(path): \(rootless == nil ? "id-mapped mounts, " : "")overlayfs",
        remedy: "put it on ext4, xfs or btrfs", overlayPlan(lower: .layer(0), rootless),
        descriptors)
    } catch let error as SpecError {
      return HostCheck(name, .missing, error.message, remedy: error.remedy)
    } catch {
      return HostCheck(name, .missing, firstLine(of: error))
    }
  }

  /// The ids of a run in the first slot. What is wrong with the caller's choice of slots is said by
  /// the check of those.
  private static var idMap: IDMap {
    IDRange(slot: ((try? SlotPool.current()) ?? .standard).first).map
  }

  private static func mapIDs(
    of mount: borrowing DetachedMount, subject: String
  ) throws(SystemError) {
    let ids = idMap
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

  private static func overlayPlan(lower: DescriptorName?, _ rootless: Rootless?) -> LaunchPlan {
    func inScratch(_ name: String) -> LaunchPlan.Place {
      .init(name, below: .prepared(.scratch))
    }
    var plan = LaunchPlan(namespaces: .isolated)
    plan.setup = [.resetSignals, .makeMountsPrivate, .enterScratch(.scratch)]
    if let lower { plan.setup.append(.attach(lower, inScratch(ScratchLayout.layer(0)))) }
    plan.setup.append(
      .mount(
        LaunchSequence.overlay(
          lower: ScratchLayout.layer(0), upper: ScratchLayout.upper, work: ScratchLayout.work,
          becomes: .root, hasRoot: rootless == nil),
        inScratch(ScratchLayout.root)))
    guard lower != nil else { return plan }
    // What a run mounts there does not matter, but that it can be mounted.
    let cover = LaunchPlan.FileSystem(type: "tmpfs", options: [("size", "4096")])
    for path in ["/dev", "/proc", "/sys"] {
      let place = LaunchSequence.kernelDirectory(path, owner: .init(uid: 0, gid: 0))
      plan.setup.append(.mount(cover, place))
    }
    return plan
  }

  // MARK: Trials

  private static func check(
    _ name: String, found: String, remedy: String, _ plan: LaunchPlan,
    _ descriptors: DescriptorTable
  ) -> HostCheck {
    do throws(SystemError) {
      switch try trial(of: plan, with: descriptors) {
      case .succeeded: return HostCheck(name, .ok, found)
      case .failed(let failure):
        let operation = failure.operation(in: plan)
        let what = operation.map { " to \($0)" } ?? ""
        // Only of places in the image it is known better than by the check.
        let isPlace = [.tooManySymbolicLinkLevels, .notDirectory].contains(failure.errno)
        let hint = isPlace ? operation.flatMap { SetupFailure.hint(for: failure, $0) } : nil
        return HostCheck(
          name, .missing, "\(failure.call)\(what): \(failure.errno.name)", remedy: hint ?? remedy)
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
