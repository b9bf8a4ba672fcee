import LinuxSystem
import SystemPackage

// What a run's processes are given, and what of it this process may raise or the host keeps low.
extension HostReport {
  /// Whether a limit that was lowered can be raised again, by doing it with one that Linux ignores.
  static func resourceRights() -> HostCheck {
    do {
      return resourceRights(canRaise: try mayRaiseHardLimits())
    } catch {
      return HostCheck("resource-rights", .unknown, firstLine(of: error))
    }
  }

  static func resourceRights(canRaise: Bool) -> HostCheck {
    let name = "resource-rights"
    guard !canRaise else {
      return HostCheck(name, .ok, "hard limits can be raised, and the OOM score lowered")
    }
    return HostCheck(
      name, .note,
      "no CAP_SYS_RESOURCE in the host's user namespace: --ulimit above the caller's own hard "
        + "limits and a lower --oom-score-adj are refused, and PID 1 is not spared when memory "
        + "runs out",
      remedy: "let oneoff have it (root outside of containers has), or raise the caller's limits")
  }

  /// What inotify(7) keeps of all processes of a user. What a run has counts against root, too, who
  /// makes its user namespace.
  static func inotifyLimits() -> HostCheck {
    func limit(_ name: String) -> Int? {
      text(of: FilePath("/proc/sys/fs/inotify/max_user_\(name)")).flatMap { Int($0) }
    }
    guard let instances = limit("instances"), let watches = limit("watches") else {
      return HostCheck("inotify-limits", .unknown, "/proc/sys/fs/inotify cannot be read")
    }
    return inotifyLimits(instances: instances, watches: watches)
  }

  static func inotifyLimits(instances: Int, watches: Int) -> HostCheck {
    let name = "inotify-limits"
    let detail = "\(instances) instances and \(watches) watches of each user"
    let ofARun = LaunchSequence.inotifyLimits
    // The kernel's own default, and enough for four runs that use all that they may.
    let fewest = 4 * Int(ofARun.instances)
    guard instances < fewest || watches < ofARun.watches else {
      return HostCheck(name, .ok, detail)
    }
    return HostCheck(
      name, .note,
      "\(detail); one run may take \(ofARun.instances) and \(ofARun.watches), and oneoff logs -f "
        + "one instance",
      remedy: "sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288")
  }
}
