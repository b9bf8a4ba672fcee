import ContainerSpec
import LinuxSystem

// What bounds the run: its cgroups, and the resource limits of its command.
extension LaunchSequence {
  mutating func enterCgroups() {
    guard let cgroups = subject.cgroups else { return }
    for (index, place) in cgroups.places.enumerated() {
      preparations.append(.cgroup(index, place))
      switch cgroups.version {
      // v1 knows no clone3(2) into a cgroup.
      case .v1: plan.setup.append(.joinCgroup(.cgroupMembers(index)))
      case .v2: plan.cgroup = .cgroup
      }
    }
  }

  /// What bounds a command without a cgroup. A lower limit of the caller's stays.
  mutating func limitResources() {
    // A core dump may be piped to a program of the host's (core(5)).
    plan.command.append(.setResourceLimit(.coreSize, soft: 0, hard: 0))
    plan.command.append(.setResourceLimit(.openFiles, soft: 1024, hard: 65536))
    // These two count against the host's root as well, whom a run could otherwise leave none.
    plan.command.append(.setResourceLimit(.pendingSignals, soft: 4096, hard: 4096))
    plan.command.append(.setResourceLimit(.messageQueues, soft: 131_072, hard: 131_072))
    // The kernel counts by user id and user namespace, and not at all for the host's root: in the
    // host's user namespace it would count everything else that this user has running.
    if subject.commandMaps != nil {
      let limit = subject.processLimit
      plan.command.append(.setResourceLimit(.processes, soft: limit, hard: limit))
    }
  }
}
