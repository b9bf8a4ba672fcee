import Foundation
import Glibc
import LinuxSystem
import TestRequirements

extension Requirement {
  static let program = Requirement("the program (make build)") {
    FileManager.default.isExecutableFile(atPath: Built.program)
  }

  /// The static release program: the debug one is larger in every respect.
  static let releaseProgram = Requirement("the release program (make build)") {
    Built.program.hasSuffix("build/oneoff")
  }

  /// What a scratch on disk is made with.
  static let diskScratch = Requirement("loop devices, and mkfs.ext4") {
    FileManager.default.fileExists(atPath: "/dev/loop-control")
      && FileManager.default.isExecutableFile(atPath: "/usr/sbin/mkfs.ext4")
  }

  /// A hierarchy of cgroups v2.
  static let cgroup2 = Requirement("cgroup v2") { HostSnapshot.cgroup2Root != nil }

  /// What limits memory, processes and processors, in either version of cgroups.
  static let controllers = Requirement("the cgroup controllers memory, pids, cpu and cpuset") {
    let names = ["memory", "pids", "cpu", "cpuset"]
    let unified = try? String(contentsOfFile: "/sys/fs/cgroup/cgroup.controllers", encoding: .utf8)
    let available =
      unified?.split { $0 == " " || $0 == "\n" }.map { String($0) }
      ?? HostSnapshot.entries("/sys/fs/cgroup")
    return names.allSatisfy { available.contains($0) }
  }

  /// Landlock that keeps signals and abstract sockets inside, from Linux 6.12 on. See landlock(7).
  static let landlockScope = Requirement("Landlock's scopes (Linux 6.12)") {
    HostFacts.current().landlock >= 6
  }

  /// A temporary file system on which an ordinary user's scratch can be, from Linux 6.6 on.
  static let tmpfsUserAttributes = Requirement("user attributes on tmpfs (Linux 6.6)") {
    HostFacts.current().tmpfsHasUserAttributes
  }

  /// What changes the mode of a file by a way of its own, from Linux 6.6 on. See fchmodat2(2).
  static let fchmodat2 = Requirement("fchmodat2 (Linux 6.6)") {
    HostFacts.current().kernel >= 6006
  }

  /// A processor whose speed is that of processors: where QEMU emulates one, nothing is quick.
  static let realProcessor = Requirement("a processor that is not emulated") {
    let processors = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    return processors?.contains("QEMU TCG") != true
  }

  /// User namespaces of ordinary users, with rights in them: AppArmor can give the one without the
  /// other, so it is tried.
  static let userNamespaces = Requirement("user namespaces for ordinary users") {
    OrdinaryUser.canMakeNamespaces
  }

  /// What maps an ordinary user's subordinate ids. See newuidmap(1).
  static let subordinateIDs = tool("/usr/bin/newuidmap")
}

extension OrdinaryUser {
  fileprivate static let canMakeNamespaces: Bool = {
    let id = "\(OrdinaryUser.id)"
    let attempt = try? RunningProcess(
      [
        "setpriv", "--reuid", id, "--regid", id, "--clear-groups",
        "unshare", "--user", "--map-root-user", "--mount", "true",
      ], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], descriptors: [])
    return (try? attempt?.wait()) == .code(0)
  }()
}
