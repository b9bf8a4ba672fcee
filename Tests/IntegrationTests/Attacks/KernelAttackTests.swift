import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

@testable import OneOff

extension IntegrationTests {
  /// What the kernel offers to an attacker (docs/security.md, 7 to 12 and 19).
  @Suite struct KernelAttackTests {
    // MARK: Capabilities and groups

    @Test(arguments: ["0", "33"]) func capabilitiesAreGivenUp(user: String) throws {
      let uid = try #require(UInt32(user))
      let attack = try Attack("probe", "ids") { $0.user = UserReference(user: .id(uid)) }
      let given = try attack.onProgram()
      let left = try attack.without { sequence in
        try sequence.leaveOut("bounding set: none", "capabilities: none")
      }
      expect(given, everySetIs: Capabilities.none)
      #expect(left["CapBnd"] != Capabilities.none)
      // A user other than root gives them up with root's id.
      if uid == 0 { #expect(left["CapEff"] != Capabilities.none) }
    }

    @Test func withoutCapabilitiesRootChangesNoOwner() throws {
      try expect(Attack("probe", "chown", "33", "/etc/passwd"), isDeniedWith: "EPERM") {
        try $0.leaveOut("bounding set: none", "capabilities: none")
      }
    }

    @Test func groupOfTheCallerIsNotKept() throws {
      let group: UInt32 = 4
      let secret = try Workspace.current.write("secret", "of the group", mode: 0o640)
      try FileManager.default.setAttributes([.groupOwnerAccountID: group], ofItemAtPath: secret)
      let volume = Volume(source: FilePath(secret), destination: "/secret")
      let attack = try Attack("cat", "/secret") { spec in
        spec.userNamespace = .host
        spec.user = UserReference(user: .id(33))
        spec.volumes = [volume]
      }
      // As if the caller were in the group.
      func joinGroup(_ sequence: inout LaunchSequence) {
        sequence.plan.command.insert(.setGroups([group]), at: 0)
      }
      #expect(try attack.without(joinGroup).output == "")
      let kept = try attack.without { sequence in
        try sequence.leaveOut("supplementary groups ")
        joinGroup(&sequence)
      }
      #expect(kept.output == "of the group", "\(kept.errors)")
    }

    // MARK: cgroups

    @Test func cgroupNamespaceIsTheRunsOwn() throws {
      let host = HostSnapshot.target("/proc/self/ns/cgroup")
      let attack = try Attack("readlink", "/proc/self/ns/cgroup")
      #expect(try attack.onProgram().lines.first != host)
      let shared = try attack.without { try $0.leaveOut("unshare the cgroup namespace") }
      #expect(shared.lines.first == host)
    }

    @Test func cgroupsCannotBeMounted() throws {
      let script = "mount -t cgroup2 none /tmp && test -w /tmp/cgroup.procs && echo in"
      let attack = try Attack("sh", "-c", script)
      #expect(try attack.onProgram().output == "")
      var unprotected = attack
      unprotected.spec.userNamespace = .host
      let mounted = try unprotected.without { try $0.leavePrivileges() }
      #expect(mounted.output == "in\n", "\(mounted.errors)")
    }

    @Test func noReleaseAgentIsThere() throws {
      let attack = try Attack("find", "/sys", "-name", "release_agent")
      #expect(try attack.onProgram().output == "")
      // The same search finds one where there is one.
      let workspace = Workspace.current
      try workspace.write("v1/release_agent", "")
      let directory = FilePath(workspace.path.appending("files/v1").string)
      var exposed = attack
      exposed.spec.volumes = [Volume(source: directory, destination: "/sys/fs/cgroup")]
      #expect(try exposed.onProgram().output == "/sys/fs/cgroup/release_agent\n")
    }

    // MARK: System calls

    @Test(arguments: [
      ("unshare-user", "EPERM"), ("clone-newuser", "EPERM"), ("clone3", "ENOSYS"),
      ("af-vsock", "EPERM"), ("io-uring", "EPERM"), ("userfaultfd", "EPERM"), ("perf", "EPERM"),
      ("keyctl", "EPERM"), ("add-key", "EPERM"),
    ])
    func systemCallIsRefused(name: String, errno: String) throws {
      try expect(Attack("probe", "try", name), isDeniedWith: errno) {
        try $0.leaveOutSeccomp()
      }
    }

    /// The host's writers would wait until the lease is broken, with a lease on a read-only volume.
    @Test func leaseOnAFileOfTheHostIsRefused() throws {
      try Workspace.current.write("volume/file", "")
      let volume = FilePath(Workspace.current.path.appending("files/volume").string)
      let attack = try Attack("probe", "try", "lease", "/v/file") {
        $0.volumes = [Volume(source: volume, destination: "/v", isReadOnly: true)]
      }
      try expect(attack, isDeniedWith: "EACCES") { try $0.leaveOutSeccomp() }
    }

    /// Only the limit of 1 byte keeps a dump from a program that the host pipes dumps to.
    @Test func limitOfCoreDumpsStaysAboveZero() throws {
      try expect(Attack("probe", "try", "lower-core-limit"), isDeniedWith: "0") {
        try $0.leaveOutSeccomp()
      }
    }

    /// Two defences stand in the way: the filter, and the missing capabilities.
    @Test(arguments: [
      ("unshare-mount", "EPERM"), ("mount-tmpfs", "EPERM"), ("umount-proc", "EPERM"),
      ("sethostname", "EPERM"), ("bpf", "EPERM"), ("tiocsti-own-terminal", "EIO"),
    ])
    func privilegedSystemCallIsRefused(name: String, errno: String) throws {
      let attack = try Attack("probe", "try", name)
      try expect(attack, isDeniedWith: errno, inHostsUserNamespace: true) {
        try $0.leavePrivileges()
      }
    }

    /// Whether the kernel has such sockets or not, the question does not get as far as to it.
    @Test func cryptographicSocketIsRefusedByTheFilter() throws {
      let attack = try Attack("probe", "try", "af-alg")
      #expect(try attack.onProgram()["errno"] == "EPERM")
      let asked = try attack.without { try $0.leaveOutSeccomp() }
      #expect(["0", "EAFNOSUPPORT"].contains(asked["errno"]))
    }

    #if arch(x86_64)
      @Test func foreignArchitecturesAreKilled() throws {
        let killed = 128 + SIGSYS
        let i386 = try Attack("probe", "try", "i386")
        #expect(try i386.onProgram().status == killed)
        #expect(try i386.without { try $0.leaveOutSeccomp() }["result"] == "succeeded")
        // getpid(2) of x32, which few kernels have.
        let x32 = try Attack("probe", "syscall", "0x40000027")
        #expect(try x32.onProgram().status == killed)
        #expect(try x32.without { try $0.leaveOutSeccomp() }.status == 0)
      }
    #endif

    @Test func systemCallNewerThanThePolicyDoesNotExist() throws {
      // statmount(2) of Linux 6.8, which refuses a structure at address 0.
      let attack = try Attack("probe", "syscall", "457")
      #expect(try attack.onProgram()["errno"] == "ENOSYS")
      let isKnown = HostFacts.current().kernel >= 6008
      let asked = try attack.without { try $0.leaveOutSeccomp() }
      #expect(asked["errno"] == (isKnown ? "EFAULT" : "ENOSYS"))
    }

    // MARK: Keyrings and terminals

    private func keyctl(_ operation: Int, _ argument: Int, _ more: Int) throws -> Int {
      typealias Call = @convention(c) (Int, Int, Int, Int) -> Int
      #if arch(x86_64)
        let number = 250  // SYS_keyctl
      #else
        let number = 219
      #endif
      // Safe: syscall(2) is variadic, and takes integers like any other function on this ABI.
      let symbol = unsafe try #require(unsafe dlsym(nil, "syscall"))
      return unsafe unsafeBitCast(symbol, to: Call.self)(number, operation, argument, more)
    }

    @Test func keyringOfTheCallerIsNotTheCommands() throws {
      let join = 1  // KEYCTL_JOIN_SESSION_KEYRING, of this thread, which makes the launch
      let find = 0  // KEYCTL_GET_KEYRING_ID
      let session = -3  // KEY_SPEC_SESSION_KEYRING
      #expect(try keyctl(join, 0, 0) > 0)
      let own = try keyctl(find, session, 0)
      let attack = try Attack("probe", "keyring")
      // Were keyctl(2) allowed, it would find the run's own.
      let ofRun = try attack.without { try $0.leaveOutSeccomp() }
      #expect(ofRun["errno"] == "0")
      #expect(ofRun["serial"] != "\(own)")
      let ofCaller = try attack.without { sequence in
        try sequence.leaveOutSeccomp()
        try sequence.leaveOut("new session keyring")
      }
      #expect(ofCaller["serial"] == "\(own)")
    }

    @Test func terminalOfTheCallerIsNotPassedOn() throws {
      func seen(_ command: [String]) throws -> [Substring] {
        // script(1) gives it a terminal as controlling terminal and standard streams.
        let line = command.joined(separator: " ")
        return try RunningProcess.output(["script", "-qec", line, "/dev/null"])
          .split { $0.isNewline }
      }
      let program = [Built.program] + runArguments([], command: [])
      #expect(try seen(program + ["probe", "session"]).contains("tty=none"))
      let inside = try seen(program + ["probe", "isatty"])
      #expect(inside == ["stdin=0", "stdout=0", "stderr=0"])
      // Without a container the same probe has all of it.
      let probe = Built.fixture("probe")
      #expect(try !seen([probe, "session"]).contains("tty=none"))
      #expect(try seen([probe, "isatty"]) == ["stdin=1", "stdout=1", "stderr=1"])
    }

    @Test(arguments: ["tiocsti", "tiocsti-high-bits", "tioclinux"])
    func typingIsRefusedBeforeItIsLookedAt(name: String) throws {
      let attack = try Attack("probe", "try", name)
      #expect(try attack.onProgram()["errno"] == "EIO")
      // The kernel itself looks at the standard input, which is no terminal.
      let asked = try attack.without { try $0.leaveOutSeccomp() }
      #expect(asked["errno"] == "ENOTTY")
    }

    // MARK: A shared network

    @Test(.requires(.landlockScope)) func abstractSocketOfTheHostIsOutOfReach() throws {
      let name = "oneoff-attack-\(getpid())"
      let listener = try AbstractListener(name)
      defer { listener.close() }
      let attack = try Attack("probe", "try", "abstract-connect", name) {
        $0.network = .host
      }
      try expect(attack, isDeniedWith: "EPERM") { try $0.leaveOut("restrict with landlock") }
    }
  }
}
