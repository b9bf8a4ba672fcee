import ContainerSpec
import LinuxSystem

// What bounds the run as a whole: its cgroups.
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
}
