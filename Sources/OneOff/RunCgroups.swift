import LinuxSystem
import SystemPackage

/// The cgroups of one run: made before its container, removed after it.
struct RunCgroups: Sendable {
  /// Where they are and what they are told.
  let plan: CgroupPlan
  /// What they are called: the number of the slot.
  private let name: String

  /// Makes the cgroups.
  ///
  /// - Throws: nothing of them is left behind then.
  init(making plan: CgroupPlan, slot: Int) throws {
    self.plan = plan
    self.name = "\(slot)"
    do {
      for place in plan.places { _ = try place.tree.make(name) }
    } catch {
      remove()
      throw error
    }
  }

  /// Writes the limits, and opens what the launch needs to put the container into a cgroup.
  func prepare(_ index: Int, for descriptors: DescriptorTable) throws {
    let place = plan.places[index]
    let cgroup = place.tree.path.appending(name)
    if plan.version == .v1, place.controllers.contains(.cpuset) {
      try place.tree.inheritProcessors(to: name)
    }
    for setting in place.settings {
      do throws(SystemError) {
        try writeKernelFile(cgroup.appending(setting.file), setting.text)
      } catch let error where error.errno == .noSuchFileOrDirectory && setting.isOptional {
        continue
      } catch {
        throw setting.explaining(error)
      }
    }
    switch plan.version {
    case .v1:
      descriptors.adopt(
        try OwnedDescriptor(opening: cgroup.appending("cgroup.procs"), flags: .writing),
        as: .cgroupMembers(index))
    case .v2: descriptors.adopt(try OwnedDescriptor(directory: cgroup), as: .cgroup)
    }
  }

  /// What they have measured. BEFORE they are removed.
  func figures() -> CgroupFigures {
    CgroupFigures(plan.version) { controller, file in
      path(of: file, controller).flatMap(readKernelFile)
    }
  }

  /// Opens what tells, again and again, how the run is doing.
  func makeMeter() -> CgroupMeter {
    CgroupMeter(plan.version) { controller, file in
      path(of: file, controller).flatMap { KernelFile($0) }
    }
  }

  /// Where a controller's file is; nil where the run is in none of its cgroups.
  private func path(of file: String, _ controller: CgroupController) -> FilePath? {
    // On v2 the processor time is measured without any controller.
    let place = plan.places.first { plan.version == .v2 || $0.controllers.contains(controller) }
    return place?.tree.path.appending(name).appending(file)
  }

  /// Removes them. What cannot be removed now is removed by the slot's next owner.
  func remove() {
    for place in plan.places { try? place.tree.remove(name) }
  }
}

extension CgroupSetting {
  /// What the kernel's refusal of the value means.
  fileprivate func explaining(_ error: SystemError) -> SystemError {
    var explained = error
    switch (file, error.errno) {
    case ("cpuset.cpus", _):
      explained.hint = "this host, or the cgroup around it, does not have all of these processors"
    case ("memory.memsw.limit_in_bytes", .noSuchFileOrDirectory),
      ("memory.swap.max", .noSuchFileOrDirectory):
      explained.hint =
        "this kernel does not limit swap: leave --memory-swap out, or boot with swapaccount=1"
    default: break
    }
    return explained
  }
}
