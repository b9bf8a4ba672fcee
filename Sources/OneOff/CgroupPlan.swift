import ContainerSpec
import LinuxSystem
import SystemPackage

/// In which cgroups a run will be, and what they are told.
struct CgroupPlan: Sendable, Hashable {
  /// One cgroup of the run.
  struct Place: Sendable, Hashable {
    /// Where it is made.
    var tree: CgroupTree
    /// The controllers that limit or measure the run there.
    var controllers: [CgroupController]
    /// Those that the tree has to be given first; of v1 none.
    var toEnable: [CgroupController] = []
    /// What is written before the run is in it.
    var settings: [CgroupSetting]
  }

  /// The interface: on v2 there is one place.
  var version: CgroupVersion
  /// The run's cgroups.
  var places: [Place]
  /// The limits in force, defaults included.
  var limits: Limits
  /// What the caller should know.
  var warnings: [RunWarning] = []

  /// States everything, for tests.
  init(_ version: CgroupVersion, places: [Place], limits: Limits) {
    self.version = version
    self.places = places
    self.limits = limits
  }

  /// Finds the cgroups for a run; nil when it gets none.
  ///
  /// - Parameter isMeasured: whether it gets, besides those that limit it, what measures it.
  /// - Throws: an error that names the controller that a limit needs and the host lacks.
  init?(_ limits: Limits, isMeasured: Bool, rootless: Rootless?) throws {
    let controllers = limits.controllers
    let isAskedFor = isMeasured || !controllers.isEmpty
    switch CgroupHost.current() {
    case .unified:
      guard rootless == nil || isAskedFor else { return nil }
      guard let tree = CgroupHost.unifiedTree(hasRoot: rootless == nil) else {
        throw Self.missingDelegation(limits)
      }
      try self.init(limits, isMeasured: isMeasured, in: tree)
    case .legacy:
      guard isAskedFor else { return nil }
      guard rootless == nil else { throw Self.missingDelegation(limits) }
      try self.init(legacy: limits)
      if isMeasured { addMeters() }
    case .none:
      if let controller = controllers.first { throw Self.missing(controller, limits, in: nil) }
      return nil
    }
    warnings = try places.flatMap { try limits.excess(over: $0.tree, $0.controllers) }
  }

  /// Whether the controllers are there that some limits need.
  static func canEnforce(_ limits: Limits, rootless: Rootless?) -> Bool {
    switch CgroupHost.current() {
    case .unified:
      let tree = CgroupHost.unifiedTree(hasRoot: rootless == nil)
      let available = tree?.available ?? []
      return limits.controllers.allSatisfy { available.contains($0) }
    case .legacy:
      let memberships = CgroupMemberships.ofSelf()
      return rootless == nil
        && limits.controllers.allSatisfy {
          $0 != .io && CgroupHost.legacyTree(of: $0, in: memberships) != nil
        }
    case .none: return false
    }
  }

  /// Lets the cgroups of a run that is about to begin have their controllers.
  func enableControllers() throws(SystemError) {
    for place in places where !place.toEnable.isEmpty { try Self.enable(place) }
  }

  private static func enable(_ place: Place) throws(SystemError) {
    do {
      try place.tree.enable(place.toEnable)
    } catch let error where error.errno == .resourceBusy {
      var explained = error
      explained.hint =
        "processes of others are in \(place.tree.base) itself, which therefore can limit nothing "
        + "below it: give the service DelegateSubgroup=supervisor (systemd 254), or start oneoff "
        + "with systemd-run --scope -p Delegate=yes"
      throw explained
    }
  }

  private init(_ limits: Limits, isMeasured: Bool, in tree: CgroupTree) throws {
    var required = limits.controllers
    var meters: [CgroupController] = []
    if isMeasured {
      let available = tree.available
      meters = Self.meters(of: .v2).filter { !required.contains($0) && available.contains($0) }
      required += meters
    }
    var enabled = tree.enabled
    var toEnable: [CgroupController] = []
    // What costs a run nothing, where the tree can have it without a change around it.
    let welcome: [CgroupController] = tree.isDelegated ? [] : [.memory, .pids, .io]
    if !(required + welcome).allSatisfy({ enabled.contains($0) }) {
      let offered = tree.offered
      let available = tree.available
      if let missing = required.first(where: { !available.contains($0) }) {
        throw Self.missing(missing, limits, in: tree)
      }
      toEnable = required + welcome.filter { !required.contains($0) && offered.contains($0) }
      toEnable.removeAll { enabled.contains($0) }
      enabled += toEnable
    }
    // What was enabled for the sake of figures limits nothing.
    let free = tree.enabled + tree.offered.filter(welcome.contains)
    meters.removeAll { free.contains($0) }
    let inForce = limits.withDefaults(of: enabled.filter { !meters.contains($0) })
    let devices = try limits.deviceNumbers()
    var settings: [CgroupSetting] = []
    for controller in inForce.controllers {
      settings += inForce.settings(of: controller, .v2, devices: devices)
    }
    let place = Place(
      tree: tree, controllers: enabled, toEnable: toEnable, settings: settings)
    self.init(.v2, places: [place], limits: inForce)
  }

  private init(legacy limits: Limits) throws {
    let memberships = CgroupMemberships.ofSelf()
    var places: [Place] = []
    for controller in limits.controllers {
      // v1 does not see what is written through the page cache: such a limit would not hold.
      guard controller != .io,
        let tree = CgroupHost.legacyTree(of: controller, in: memberships)
      else { throw Self.missing(controller, limits, in: nil) }
      places.append(
        Place(
          tree: tree, controllers: [controller],
          settings: limits.settings(of: controller, .v1)))
    }
    self.init(.v1, places: places, limits: limits)
  }

  // MARK: Errors

  private static func missing(
    _ controller: CgroupController, _ limits: Limits, in tree: CgroupTree?
  ) -> SpecError {
    let message =
      "\(limits.options(of: controller)) needs the cgroup controller '\(controller.rawValue)', "
    guard controller != .io || tree != nil else {
      return SpecError(
        message + "of cgroup v2, which this host does not have",
        remedy: "leave the limit out, or boot with systemd.unified_cgroup_hierarchy=1")
    }
    guard let tree else {
      let directory = "/sys/fs/cgroup/\(controller.legacyName)"
      return SpecError(
        message + "which is not mounted on \(directory)",
        remedy: "leave the limit out, or mount it: mount -t cgroup -o \(controller.legacyName) "
          + "cgroup \(directory)")
    }
    return SpecError(
      message + "which is not in \(tree.base)/cgroup.controllers",
      remedy: tree.isDelegated
        ? "leave the limit out, or have it delegated: Delegate=\(controller.rawValue)"
        : "leave the limit out; a kernel that was booted with cgroup_disable= has it off")
  }

  private static func missingDelegation(_ limits: Limits) -> SpecError {
    let options = limits.controllers.map { limits.options(of: $0) }
    guard !options.isEmpty else {
      return SpecError(
        "without root, memory, processes and processor time are measured only in a cgroup (v2) "
          + "that was delegated to you",
        remedy: "systemd-run --user --scope -p Delegate=yes oneoff …, or use sudo")
    }
    var list = ""
    for option in options { list += list.isEmpty ? option : ", \(option)" }
    return SpecError(
      "\(list): without root, a limit needs a cgroup (v2) that was delegated to you",
      remedy: "leave it out, or systemd-run --user --scope -p Delegate=yes oneoff …, or use sudo")
  }
}

extension Limits {
  /// Processes of a run that nobody has limited.
  static let defaultProcesses: UInt32 = 4096

  /// These limits, and defaults where a controller is there that makes them free.
  func withDefaults(of controllers: [CgroupController]) -> Limits {
    var limits = self
    if controllers.contains(.pids), processes == nil { limits.processes = Self.defaultProcesses }
    if controllers.contains(.memory), memory == nil {
      limits.memory = ByteCount(bytes: hostMemory() / 4 * 3)
    }
    return limits
  }

  /// The numbers of the limited devices, `MAJOR:MINOR`.
  fileprivate func deviceNumbers() throws(SpecError) -> [String] {
    var numbers: [String] = []
    for limit in devices {
      guard let status = try? fileStatus(following: limit.device), status.kind == .blockDevice
      else {
        throw SpecError(
          "\(limit.device) is not a block device of this host",
          remedy: "name one of those that lsblk shows, such as /dev/sda")
      }
      numbers.append("\(status.device.major):\(status.device.minor)")
    }
    return numbers
  }

  /// What is limited to more than the host, or the cgroup around the tree, has.
  fileprivate func excess(
    over tree: CgroupTree, _ controllers: [CgroupController]
  ) throws -> [RunWarning] {
    var warnings: [RunWarning] = []
    if let memory, controllers.contains(.memory) {
      let file = tree.version == .v1 ? "memory.limit_in_bytes" : "memory.max"
      let limit = tree.lowestLimit(file).map { ByteCount(bytes: $0.value) }
      let host = ByteCount(bytes: hostMemory())
      let most = min(limit ?? host, host)
      if memory > most {
        warnings.append(.excess("--memory", "\(memory)", "\(most)", isHost: most == host))
      }
    }
    if let processors, controllers.contains(.cpu) {
      let host = hostProcessors()
      if Int(processors.thousandths) > host * 1000 {
        warnings.append(.excess("--cpus", "\(processors)", "\(host)", isHost: true))
      }
    }
    if let processes, controllers.contains(.pids),
      let limit = tree.lowestLimit("pids.max"), processes > limit.value
    {
      warnings.append(.excess("--pids", "\(processes)", "\(limit.value)", isHost: false))
    }
    return warnings
  }
}

extension RunWarning {
  /// A limit that something else is below.
  fileprivate static func excess(
    _ option: String, _ given: String, _ most: String, isHost: Bool
  ) -> RunWarning {
    RunWarning(
      code: "limit-above-host",
      text: "\(option) \(given) is more than "
        + (isHost ? "this host has: \(most)" : "the cgroup around it allows: \(most)"))
  }
}
