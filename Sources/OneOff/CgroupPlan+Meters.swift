import ContainerSpec
import LinuxSystem

// What measures a run that nothing limits.
extension CgroupPlan {
  /// The controllers that measure memory, processes and processor time, in this order; the latter
  /// takes none on v2.
  static func meters(of version: CgroupVersion) -> [CgroupController] {
    version == .v1 ? [.memory, .pids, .cpuacct] : [.memory, .pids]
  }

  /// Finds the cgroups for a run, and what there is to say about what they do not measure.
  ///
  /// - Parameter enabling: lets them have their controllers at once, as a run needs it.
  /// - Throws: what keeps a limit from being enforced; what is only not measured is a warning.
  static func find(
    for spec: RunSpec, rootless: Rootless?, enabling: Bool
  ) throws -> (plan: CgroupPlan?, warnings: [RunWarning]) {
    var warnings: [RunWarning] = []
    if spec.isMeasured {
      do {
        let plan = try CgroupPlan(spec.limits, isMeasured: true, rootless: rootless)
        if enabling { try plan?.enableControllers() }
        return (plan, RunWarning(missingMetersOf: plan).map { [$0] } ?? [])
      } catch {
        // Of a limit it is thrown again.
        warnings = [RunWarning(unmeasured: "\(error)")]
      }
    }
    let plan = try CgroupPlan(spec.limits, isMeasured: false, rootless: rootless)
    if enabling { try plan?.enableControllers() }
    return (plan, warnings)
  }

  /// Adds what measures the run on v1, where the host has it.
  mutating func addMeters() {
    let memberships = CgroupMemberships.ofSelf()
    for controller in Self.meters(of: .v1) where !has(controller) {
      // A cgroup that is there already is not made, nor joined, a second time.
      let together = places.firstIndex { place in
        place.controllers.contains { memberships.share($0, controller) }
      }
      if let together {
        places[together].controllers.append(controller)
      } else if let tree = CgroupHost.legacyTree(of: controller, in: memberships) {
        places.append(Place(tree: tree, controllers: [controller], settings: []))
      }
    }
  }

  private func has(_ controller: CgroupController) -> Bool {
    places.contains { $0.controllers.contains(controller) }
  }

  /// The controllers that would measure the run and are not there.
  fileprivate var missingMeters: [CgroupController] {
    Self.meters(of: version).filter { !has($0) }
  }
}

extension RunWarning {
  /// What is not measured for want of controllers; nil when everything is.
  fileprivate init?(missingMetersOf plan: CgroupPlan?) {
    guard let plan else {
      self.init(unmeasured: "this host has no cgroups on /sys/fs/cgroup")
      return
    }
    let missing = plan.missingMeters
    guard !missing.isEmpty else { return nil }
    var names = ""
    for controller in missing { names += names.isEmpty ? "" : ", "; names += controller.rawValue }
    self.init(unmeasured: "this host has no cgroup controller \(names)")
  }

  /// Why a run is not measured as it was asked for.
  fileprivate init(unmeasured reason: String) {
    self.code = "not-measured"
    self.text = "not everything that --stats shows is known here: \(reason)"
  }
}
