import ContainerSpec
import Foundation
import Glibc
import OneOff
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What the command of an ordinary user cannot do, and what he himself is refused.
  @Suite(.requires(.tool("/usr/bin/setpriv"), .userNamespaces))
  struct RootlessIsolationTests {
    @Test(
      arguments: OrdinaryUser.allCases,
      [
        ("sethostname", "EPERM"), ("umount-proc", "EPERM"), ("mount-tmpfs", "EPERM"),
        ("unshare-user", "EPERM"), ("clone-newuser", "EPERM"), ("write-sysctl", "EACCES"),
        ("chmod-setuid", "EPERM"), ("keyctl", "EPERM"),
      ])
    func attemptIsDenied(user: OrdinaryUser, attempt: (name: String, errno: String)) throws {
      let result = try user.run([], "probe", "try", attempt.name)
      #expect(result["result"] == "denied")
      #expect(result["errno"] == attempt.errno)
    }

    @Test(
      arguments: OrdinaryUser.allCases,
      AttemptOnFirstProcess.deniedToEveryID + [AttemptOnFirstProcess.joining])
    func firstProcessIsOutOfReach(user: OrdinaryUser, attempt: AttemptOnFirstProcess) throws {
      let result = try user.run([], "probe", "try", attempt.name)
      #expect(result["result"] == "denied")
      #expect(result["errno"] == attempt.errno)
    }

    /// With ranges PID 1 has an id of its own. A single id it has to share with the command.
    @Test(arguments: OrdinaryUser.allCases, AttemptOnFirstProcess.deniedByItsID)
    func firstProcessHasAnIDOfItsOwnWhereThereIsOne(
      user: OrdinaryUser, attempt: AttemptOnFirstProcess
    ) throws {
      let result = try user.run([], "probe", "try", attempt.name)
      #expect(result["result"] == (user == .single ? "succeeded" : "denied"))
      #expect(result["errno"] == (user == .single ? "0" : attempt.errno))
    }

    @Test func signalsToTheFirstProcessDoNothing() throws {
      let result = try OrdinaryUser.single.shell(
        "for signal in KILL STOP TERM HUP USR1; do kill -$signal 1; done; kill -0 1 && echo alive")
      #expect(result.lines == ["alive"])
      #expect(result.status == 0)
    }

    @Test(arguments: OrdinaryUser.allCases)
    func thereIsNoCapability(user: OrdinaryUser) throws {
      let ids = try user.run([], "probe", "ids")
      expect(ids, everySetIs: Capabilities.none)
      let status = try user.shell(onceFirstProcessIsConfined("cat /proc/1/status"))
      #expect(status.lines.contains("CapEff:\t0000000000000020"))
      #expect(status.lines.contains("NoNewPrivs:\t1"))
      #expect(status.lines.contains("Seccomp:\t2"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func processesOfTheHostAreNotThere(user: OrdinaryUser) throws {
      let result = try user.run([], "probe", "try", "kill-pid", "\(getpid())")
      #expect(result["errno"] == "ESRCH")
      let listed = try user.shell("ls -d /proc/[0-9]*")
      #expect(Set(listed.lines.prefix(2)) == ["/proc/1", "/proc/2"])
      #expect(listed.lines.count <= 3)
    }

    @Test(arguments: OrdinaryUser.allCases, ["mnt", "pid", "ipc", "uts", "net", "user"])
    func everyNamespaceIsTheRunsOwn(user: OrdinaryUser, kind: String) throws {
      let result = try user.run([], "readlink", "/proc/self/ns/\(kind)")
      #expect(result.lines.first?.hasPrefix("\(kind):[") == true)
      #expect(result.lines.first != HostSnapshot.target("/proc/self/ns/\(kind)"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func kernelFilesAreHidden(user: OrdinaryUser) throws {
      let files = ["kcore", "keys", "sysrq-trigger"]
      let result = try user.shell(
        "for file in \(files.joined(separator: " ")); do test -c /proc/$file && echo $file; done; "
          + "ls -A /sys/firmware; echo 1 > /proc/sys/kernel/hostname; touch /sys/x")
      // Which of them there are is the kernel's configuration.
      let existing = files.filter { FileManager.default.fileExists(atPath: "/proc/\($0)") }
      #expect(result.lines == existing)
      #expect(result.errors.contains("/proc/sys/kernel/hostname"))
      #expect(result.errors.contains("/sys/x: Read-only file system"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func hostsNetworkComesWithAReadOnlySysfs(user: OrdinaryUser) throws {
      let result = try user.shell(
        ["--network", "host"],
        "readlink /proc/self/ns/net; ls -A /sys/fs/cgroup /sys/firmware; touch /sys/x; "
          + "test -d /sys/class/net/lo && echo lo")
      #expect(
        result.lines
          == [
            HostSnapshot.target("/proc/self/ns/net"), "/sys/firmware:", "", "/sys/fs/cgroup:", "lo",
          ].compactMap { $0 }.filter { !$0.isEmpty }, "\(result.errors)")
      #expect(result.errors.contains("/sys/x: Read-only file system"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func privateNetworkHasALoopbackThatIsUp(user: OrdinaryUser) throws {
      let result = try user.run([], "probe", "network")
      #expect(result.all("interface") == ["lo,up,loopback"])
      #expect(result["loopback_tcp"] == "ok")
    }

    // MARK: The end

    @Test(arguments: OrdinaryUser.allCases)
    func nothingOutlivesAKilledSupervisor(user: OrdinaryUser) throws {
      for round in 0..<20 {
        let mark = "4717.\(round)"
        let process = try user.start([], command: ["probe", "sleep", mark])
        if round % 2 == 0 { try waitUntil { HostSnapshot.processes(of: mark).count > 1 } }
        usleep(UInt32.random(in: 0...10_000))
        process.send(SIGKILL)
        _ = try process.wait()
        try waitUntil(.seconds(1)) { OrdinaryUser.processes().isEmpty }
      }
    }

    @Test(arguments: OrdinaryUser.allCases)
    func signalsAreForwarded(user: OrdinaryUser) throws {
      let process = try user.start(["--grace", "5s"], command: ["probe", "sleep", "60"])
      _ = try commandProcess(of: process)
      process.send(SIGTERM)
      #expect(try process.wait(.seconds(4)) == .code(143))
      #expect(OrdinaryUser.processes().isEmpty)
    }

    // MARK: Other verbs

    @Test(arguments: OrdinaryUser.allCases)
    func planIsThatOfTheUser(user: OrdinaryUser) throws {
      let arguments = runArguments([], rootfs: try OrdinaryUser.rootfs(), command: ["true"])
      let plan = try user.perform(["print-plan"] + arguments.dropFirst())
      let map =
        user == .single ? "0→61234 ×1; a single id" : "0→61234 ×1, 1→7000000 ×65536\n"
      #expect(plan.lines[1].hasPrefix("  1. user and mount namespace of the supervisor's own: "))
      #expect(plan.output.contains(map))
      #expect(plan.output.contains("userxattr"))
    }

    @Test func nothingIsLeftToBeCollected() throws {
      let result = try OrdinaryUser.single.perform(["gc"])
      #expect(result.output == "0 leftovers removed\n0 records removed\n")
      #expect(result.status == 0)
    }

    @Test(arguments: OrdinaryUser.allCases)
    func scratchOnDiskOfADeadRunIsCollected(user: OrdinaryUser) throws {
      let parent = "/var/tmp/oneoff-\(OrdinaryUser.id)"
      defer { _ = try? RunningProcess.output(["rm", "-rf", parent]) }
      // As overlayfs leaves it: a directory that not even its owner may enter; and in ranges a file
      // of another id. Slot 6 is alive.
      let owner = user == .single ? OrdinaryUser.id : OrdinaryUser.firstSubordinateID
      let program = try OrdinaryUser.program()
      let slots = Workspace.current.path.appending("runtime/slots").string
      let script = """
        set -e
        mkdir -p $0/5/work/work/x $0/6 $0/other $1; touch $0/5/file $1/6
        chown -R $2:$2 $0 $1; chown $3:$3 $0/5/file; chmod 0 $0/5/work/work; chmod 700 $0
        """
      try RunningProcess.output(
        ["sh", "-c", script, parent, slots, "\(OrdinaryUser.id)", "\(owner)"])
      let alive = try RunningProcess.quiet(["flock", "--no-fork", "\(slots)/6", "sleep", "60"])
      defer {
        alive.send(SIGKILL)
        _ = try? alive.wait()
      }
      try waitUntil {
        try RunningProcess.completion(["flock", "-n", "\(slots)/6", "true"]).status == 1
      }
      let result = try RunningProcess.completion(user.wrapper() + [program, "gc"])
      #expect(result.output == "1 leftover removed\n0 records removed\n", "\(result.errors)")
      #expect(Set(HostSnapshot.entries(parent)) == ["6", "other"])
    }

    @Test func scratchesOnDiskThatSomebodyElseHasMadeAreRefused() throws {
      let parent = "/var/tmp/oneoff-\(OrdinaryUser.id)"
      defer { try? FileManager.default.removeItem(atPath: parent) }
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
      let result = try OrdinaryUser.single.perform(["gc"])
      #expect(result.status != 0)
      #expect(result.errors.contains("\(parent) is not a directory that only its owner"))
      #expect(result.errors.contains("hint: remove it"))
      #expect(!result.errors.contains("ONEOFF_RUNTIME_DIR"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func libraryRunsWithoutRootToo(user: OrdinaryUser) throws {
      unsafe setenv("ONEOFF_RUNTIME_DIR", Workspace.current.path.appending("runtime").string, 1)
      let words = try user.wrapper() + [OrdinaryUser.program()]
      let program = try Workspace.current.write(
        "as-user",
        "#!/bin/sh\nexec \(words.map { "'\($0)'" }.joined(separator: " ")) \"$@\"\n", mode: 0o755)
      let spec = RunSpec(
        layers: [FilePath(try OrdinaryUser.rootfs())], command: ["sh", "-c", "id -u; exit 9"])
      var lines: [String] = []
      let result = try OneOffContainer(spec, program: FilePath(program)).run { event in
        if case .log(let line) = event { lines.append(String(decoding: line.bytes, as: UTF8.self)) }
      }
      #expect(lines == ["0"])
      #expect(result.status == 9)
    }
  }
}
