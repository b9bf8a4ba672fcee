import ContainerSpec
import LinuxSystem
import SystemPackage

/// The order in which a container comes to be: what the supervisor prepares, and what the child
/// does. The reasons for the order are in docs/launch-sequence.md.
///
/// A value computed from values: it can be printed and tested without privileges.
struct LaunchSequence: Sendable {
  /// What the supervisor does before clone3(2), in order.
  var preparations: [Preparation] = []
  /// What the child does.
  var plan: LaunchPlan

  let subject: LaunchSubject

  /// How the run comes about without root, which the launch has seen to beforehand.
  var rootless: Rootless? { subject.rootless }

  /// Writes the sequence for a run.
  init(_ subject: LaunchSubject) {
    self.subject = subject
    self.plan = LaunchPlan(namespaces: .isolated)
    for limit in subject.spec.resourceLimits {
      preparations.append(.hardLimit(.init(limit.resource), limit.hard))
    }
    prepareUserNamespaces()
    isolateFromHost()
    buildRoot()
    mountKernelFileSystems()
    mountVolumes()
    hideKernelFiles()
    enterRoot()
    plan.setup.append(.setHostname(subject.hostname))
    // BEFORE PID 1 gives its capabilities up: lowering one of these takes some.
    plan.setup += Self.standing(of: subject)
    changeFirstProcess()
    guardFirstProcess()
    confineCommand()
    execute()
  }

  // MARK: Set-up, in PID 1

  /// As many as a run has use for, and a fraction of the host's.
  static let inotifyLimits = InotifyLimits(instances: 32, watches: 16384)

  private mutating func prepareUserNamespaces() {
    guard let maps = subject.commandMaps else { return }
    let limits = Self.inotifyLimits
    preparations.append(
      .userNamespace(.userNamespace, users: maps.users, groups: maps.groups, limits: limits))
    if let app = subject.app, let map = app.idMaps {
      preparations.append(
        .userNamespace(.appUserNamespace, users: map.users, groups: map.groups, limits: nil))
    }
  }

  private mutating func isolateFromHost() {
    // BEFORE everything else: /proc/1 would show the host's command line and environment.
    plan.setup.append(.eraseArguments(newName: "oneoff-init"))
    plan.setup.append(.resetSignals)
    enterCgroups()
    // AFTER the child is in its cgroup: CLONE_NEWCGROUP would take the supervisor's as root.
    // Without a cgroup of its own it still hides where the supervisor's is.
    plan.setup.append(.newCgroupNamespace)
    switch subject.spec.network {
    case .host, .none: break
    case .path(let path): preparations.append(.network(path))
    }
    // BEFORE sysfs is mounted, which shows the network of whoever mounts it.
    if subject.spec.network != .host { plan.setup.append(.joinNetwork(.network)) }
    plan.setup.append(.makeMountsPrivate)
  }

  private mutating func buildRoot() {
    let layers = subject.hostTree == nil ? subject.spec.layers.indices : 0..<0
    for index in layers {
      preparations.append(
        .layer(.layer(index), subject.spec.layers[index], idMap: subject.layerIDMap))
    }
    if let app = subject.app {
      let map: DescriptorName? = app.idMaps == nil ? subject.layerIDMap : .appUserNamespace
      preparations.append(.layer(.app, app.source, idMap: map))
    }
    if let tree = subject.hostTree { prepare(tree) }
    preparations.append(.scratch(subject.scratch))
    if !subject.spec.exports.isEmpty { preparations.append(.exportSocket) }
    plan.setup.append(.enterScratch(.scratch))
    for index in layers {
      plan.setup.append(.attach(.layer(index), inScratch(ScratchLayout.layer(index))))
    }
    plan.setup.append(
      .mount(
        overlay(
          lower: layerNames, upper: ScratchLayout.upper, work: ScratchLayout.work, becomes: .root),
        inScratch(ScratchLayout.root)))
    sendForExport("")
    if let tree = subject.hostTree { mount(tree, isReadOnly: subject.spec.isReadOnly) }
    guard let app = subject.app else { return }
    // AFTER the root: an overlay does not show what is mounted below its layers.
    plan.setup.append(.attach(.app, inScratch(ScratchLayout.app)))
    plan.setup.append(
      .mount(
        overlay(
          lower: ScratchLayout.app, upper: ScratchLayout.appUpper, work: ScratchLayout.appWork),
        inside(app.mountPoint.string)))
    sendForExport(app.mountPoint.string)
  }

  /// The layers as overlayfs takes them, the topmost first. Not by joined(separator:), for which
  /// the runtime makes metadata in 50 µs.
  private var layerNames: String {
    var names = ""
    for index in subject.spec.layers.indices.reversed() {
      if !names.isEmpty { names += ":" }
      names += ScratchLayout.layer(index)
    }
    return names
  }

  func overlay(
    lower: String, upper: String, work: String, becomes: LaunchPlan.Base? = nil
  ) -> LaunchPlan.FileSystem {
    Self.overlay(
      lower: lower, upper: upper, work: work, becomes: becomes,
      hasRoot: subject.rootless == nil, isVolatile: subject.writesScratchToDisk)
  }

  private mutating func mountKernelFileSystems() {
    mountDevices()
    plan.setup.append(.attach(.terminals, .init("pts", below: .prepared(.devices))))
    plan.setup.append(.attach(.sharedMemory, .init("shm", below: .prepared(.devices))))
    plan.setup.append(
      .mount(
        .init(type: "proc", attributes: [.noSetuid, .noDevices, .noExecution], becomes: .proc),
        kernelDirectory("/proc")))
    if subject.bindsSysfs {
      preparations.append(.hostSysfs)
      plan.setup.append(.attach(.hostSysfs, kernelDirectory("/sys")))
      // What is mounted below comes with it, and the cgroups of others are none of the run's.
      preparations.append(.emptyDirectory(.cgroupCover))
      plan.setup.append(
        .attach(
          .cgroupCover,
          .init("fs/cgroup", below: .prepared(.hostSysfs), refusesSymbolicLinks: true)))
    } else {
      plan.setup.append(
        .mount(
          .init(
            type: "sysfs", attributes: [.readOnly, .noSetuid, .noDevices, .noExecution],
            becomes: .sys),
          kernelDirectory("/sys")))
    }
    if subject.showsCgroup {
      // Runtimes size their heaps and thread pools from it.
      plan.setup.append(
        .mount(
          .init(type: "cgroup2", attributes: [.readOnly, .noSetuid, .noDevices, .noExecution]),
          .init("fs/cgroup", below: .sys, refusesSymbolicLinks: true)))
    }
  }

  private mutating func mountDevices() {
    let source = subject.deviceSource
    preparations.append(.devices(owner: subject.root, source))
    preparations.append(.terminals(group: subject.terminalGroup))
    preparations.append(.sharedMemory(owner: subject.root))
    plan.setup.append(.attach(.devices, kernelDirectory("/dev")))
    guard source == .bound else { return }
    for (index, node) in DeviceNode.all.enumerated() {
      preparations.append(.hostDevice(.device(index), node))
      plan.setup.append(.attach(.device(index), .init(node.name, below: .prepared(.devices))))
    }
  }

  private mutating func mountVolumes() {
    var mounts: [(depth: Int, operation: LaunchPlan.Operation)] = []
    for (index, fileSystem) in subject.temporaryFileSystems.enumerated() {
      preparations.append(
        .temporary(.temporary(index), size: fileSystem.size, owner: subject.user))
      mounts.append(
        (
          fileSystem.destination.components.count,
          .attach(.temporary(index), inside(fileSystem.destination.string))
        ))
    }
    for (index, volume) in subject.spec.volumes.enumerated() {
      preparations.append(
        .volume(
          .volume(index), volume.source, isReadOnly: volume.isReadOnly,
          idMap: subject.layerIDMap, submounts: subject.rootless != nil))
      let place = inside(
        volume.destination.string, isDirectory: subject.volumeIsDirectory[index])
      mounts.append((volume.destination.components.count, .attach(.volume(index), place)))
    }
    // Parents BEFORE what lies in them, or they would cover it: what is then written to a tmpfs
    // in a volume would land on the host.
    let deepest = mounts.reduce(0) { max($0, $1.depth) }
    for depth in 0...deepest {
      for mount in mounts where mount.depth == depth { plan.setup.append(mount.operation) }
    }
  }

  private mutating func hideKernelFiles() {
    let source = subject.deviceSource
    preparations.append(.masks(source))
    plan.setup.append(.attach(.masks, inScratch(ScratchLayout.masks)))
    if source == .bound {
      preparations.append(.hostDevice(.maskingDevice, .null))
      plan.setup.append(
        .attach(.maskingDevice, .init(DeviceNode.null.name, below: .prepared(.masks))))
    }
    for path in KernelFiles.maskedInProc {
      plan.setup.append(.mask(.init(path, below: .proc), with: .masks))
    }
    let sys: LaunchPlan.Base = subject.bindsSysfs ? .prepared(.hostSysfs) : .sys
    for path in KernelFiles.maskedInSys {
      plan.setup.append(.mask(.init(path, below: sys), with: .masks))
    }
    for path in KernelFiles.readOnlyInProc {
      plan.setup.append(.makeReadOnly(.init(path, below: .proc)))
    }
  }

  private mutating func enterRoot() {
    // AFTER the last mount point below the root was made.
    if subject.spec.isReadOnly { plan.setup.append(.makeReadOnly(.init("", below: .root))) }
    plan.setup.append(.pivot)
  }

  /// As root, PID 1 has an id that nobody inside has: the host's 0. Without root its id would be
  /// that of root inside, who could set its limits and its scheduling.
  private mutating func changeFirstProcess() {
    guard let id = subject.rootless?.firstProcess else { return }
    // BEFORE the command's process is made, which finds PID 1 so, however fast it is.
    // AFTER everything that makes files or mounts, which belong to the container's root.
    plan.setup += [
      .keepCapabilitiesOnUserChange, .setGroups([]), .setGroup(id), .setUser(id),
      // All that there are: the command's process needs them still.
      .keepCapabilities(mask: CapabilitySet.all.rawValue),
    ]
  }

  // MARK: PID 1 confines itself

  private mutating func guardFirstProcess() {
    let kill = CapabilitySet(.kill).rawValue  // of what the command leaves: its ids are others
    let confinement: [LaunchPlan.Operation] = [
      // BEFORE the others are given up: it takes CAP_SETPCAP.
      .boundCapabilities(mask: kill), .keepCapabilities(mask: kill), .forbidNewPrivileges,
      .forbidDumping,
    ]
    // BEFORE the command is there, where PID 1 owns the user namespace that it joins: an owner
    // needs no capability for that (user_namespaces(7)).
    if subject.commandMaps != nil, subject.rootless?.firstProcess == nil {
      plan.setup += confinement
    } else {
      plan.guarding = confinement
    }
    // AFTER the command is there, which would inherit it.
    plan.guarding.append(.installSeccomp(.firstProcess))
  }

  // MARK: The command's process

  private mutating func confineCommand() {
    preparations.append(.standardStreams(owner: subject.user, .init(subject.spec)))
    // AFTER everything else: the kernel makes the namespace meanwhile, and here we wait for it.
    if subject.spec.network == .none { preparations.append(.newNetwork) }
    plan.command.append(.newSession)
    if subject.spec.terminal == nil {
      plan.command.append(
        .useStandardStreams(
          .standardInput, .standardOutput,
          subject.spec.mergesOutput ? .standardOutput : .standardError))
    } else {
      plan.command.append(.useStandardStreams(.terminal, .terminal, .terminal))
      // AFTER the new session, which has none yet.
      plan.command.append(.takeControllingTerminal)
    }
    plan.command.append(.setUmask(0o022))
    // BEFORE the ids are set, which are those of this namespace. From here on the process has no
    // rights over any other namespace of the container: the host's user namespace owns them.
    if subject.commandMaps != nil { plan.command.append(.joinUserNamespace(.userNamespace)) }
    let capabilities = subject.spec.capabilities.rawValue
    // BEFORE the user changes: it takes CAP_SETPCAP.
    plan.command.append(.boundCapabilities(mask: capabilities))
    // BEFORE the user changes: groups and user take CAP_SETGID and CAP_SETUID. Also when there are
    // none, or those of the supervisor would stay.
    if subject.rootless?.isSingle != true {
      plan.command.append(.setGroups(subject.resolvedUser.supplementaryGroups))
    }
    plan.command.append(.setGroup(subject.resolvedUser.gid))
    // BEFORE the user changes, which otherwise takes them all from root.
    if capabilities != 0 { plan.command.append(.keepCapabilitiesOnUserChange) }
    plan.command.append(.setUser(subject.resolvedUser.uid))
    plan.command.append(.setCapabilities(mask: capabilities))
    plan.command.append(.forbidNewPrivileges)
    // AFTER the ids: a keyring belongs to whoever made it, and counts against its quota.
    plan.command.append(.newKeyring)
    plan.command.append(.forbidDumping)
    if subject.usesLandlock {
      preparations.append(.landlockScope)
      // AFTER no_new_privs, without which it takes CAP_SYS_ADMIN.
      plan.command.append(.restrictWithLandlock(.landlock))
    }
    plan.command += Self.processLimits(of: subject)
    // The socket goes when the command is executed, after the listener was sent over it.
    plan.command.append(
      .closeDescriptors(keeping: subject.filter.answers == nil ? nil : .listenerSocket))
    // AFTER the descriptors are closed, or a link of the image's could lead over one of them. AFTER
    // the ids, so that it is the run's user who needs the right.
    plan.command.append(.enterWorkingDirectory(subject.spec.workingDirectory.string))
    installFilter()
  }

  private mutating func installFilter() {
    guard let program = subject.filter.program else { return }
    // Last, so that the program need not allow anything of the above.
    guard subject.filter.answers != nil else {
      plan.command.append(.installSeccomp(program))
      return
    }
    preparations.append(.listenerSocket)
    plan.command.append(.installSeccomp(program, listener: .listenerSocket))
  }

  private mutating func execute() {
    let spec = subject.spec
    if let fallback = spec.fallbackCommand {
      plan.command.append(.execute(subject.execution(of: spec.command, isOptional: true)))
      plan.command.append(.execute(subject.execution(of: fallback)))
    } else {
      plan.command.append(.execute(subject.execution(of: spec.command)))
    }
  }

  // MARK: Places

  func inScratch(_ name: String) -> LaunchPlan.Place {
    .init(name, below: .prepared(.scratch))
  }

  func inside(_ path: String, isDirectory: Bool = true) -> LaunchPlan.Place {
    .init(
      path, below: .root,
      missing: isDirectory
        ? .makeDirectory(owner: subject.root) : .makeFile(owner: subject.root))
  }

  /// Where the kernel's own file systems go: an image that makes a link of it is refused.
  static func kernelDirectory(_ path: String, owner: LaunchPlan.Owner) -> LaunchPlan.Place {
    .init(path, below: .root, missing: .makeDirectory(owner: owner), refusesSymbolicLinks: true)
  }

  private func kernelDirectory(_ path: String) -> LaunchPlan.Place {
    Self.kernelDirectory(path, owner: subject.root)
  }
}

/// Names in the scratch file system. Short, because the list of layers has to fit into one page.
enum ScratchLayout {
  static let root = "root"
  static let upper = "upper"
  static let work = "work"
  static let app = "app"
  static let appUpper = "app-upper"
  static let appWork = "app-work"
  static let masks = "masks"

  static func layer(_ index: Int) -> String { "l\(index)" }
  static func part(_ index: Int) -> String { "p\(index)" }
  static func partUpper(_ index: Int) -> String { "p\(index)-upper" }
  static func partWork(_ index: Int) -> String { "p\(index)-work" }
}

/// What of /proc and /sys the command does not see, or cannot change.
enum KernelFiles {
  static let maskedInProc = [
    "acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi",
    "timer_list", "timer_stats", "sysrq-trigger",
  ]
  static let maskedInSys = ["firmware", "devices/virtual/powercap"]
  static let readOnlyInProc = ["bus", "fs", "irq", "sys"]
}
