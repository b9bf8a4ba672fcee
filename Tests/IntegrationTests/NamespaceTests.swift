import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  @Suite struct NamespaceTests {
    @Test(arguments: ["mnt", "pid", "ipc", "uts", "net", "user"])
    func commandHasANamespaceOfItsOwn(kind: String) throws {
      let result = try run([], "readlink", "/proc/self/ns/\(kind)")
      #expect(result.lines.first?.hasPrefix("\(kind):[") == true)
      #expect(result.lines.first != HostSnapshot.target("/proc/self/ns/\(kind)"))
    }

    @Test func namespacesButTheUsersBelongToTheHost() throws {
      // Root inside has no rights over a namespace whose owner is the host's user namespace.
      for attempt in ["sethostname", "umount-proc", "mount-tmpfs"] {
        #expect(try run([], "probe", "try", attempt)["errno"] == "EPERM", "\(attempt)")
      }
    }

    @Test func idRangeIsASlotsAndNoOtherRunHasIt() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let command = ["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; sleep 60"]
      let other = try start(
        runArguments([], command: command), stdout: writer, stderr: .standardError)
      try writer.close()
      let theirs = try reader.readLine().split(separator: " ")
      let ours = try run([], "cat", "/proc/self/uid_map").output.split(separator: " ")
      other.send(SIGTERM)
      _ = try other.wait()
      for map in [ours, theirs] {
        #expect(map[0] == "0")
        #expect(map[2].prefix { $0.isNumber } == "65536")
        let base = try #require(UInt32(map[1]))
        #expect(base >= 0x7000_0000 && base % 65536 == 0)
      }
      #expect(ours[1] != theirs[1])
    }

    @Test func idsAreTheHostsWhenTheUserNamespaceIs() throws {
      let result = try run(["--userns", "host"], "readlink", "/proc/self/ns/user")
      #expect(result.lines.first == HostSnapshot.target("/proc/self/ns/user"))
    }

    @Test(arguments: ["0", "33"]) func noCapabilityOfTheHostIsPassedOn(user: String) throws {
      // As a service with AmbientCapabilities= would start it; joining a user namespace would
      // clear them by itself.
      let wrapper = ["setpriv", "--inh-caps", "+chown,+kill", "--ambient-caps", "+chown,+kill"]
      let ids = try run(
        ["--userns", "host", "--user", user], wrapper: wrapper, "probe", "ids")
      #expect(ids["uid"] == user)
      expect(ids, everySetIs: Capabilities.none)
    }

    @Test func hostNameIsTheRunsOwn() throws {
      let host = try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
      let result = try run(["--hostname", "itest"], "probe", "hostname")
      #expect(result["hostname"] == "itest")
      #expect(try run(["--id", "my-run"], "probe", "hostname")["hostname"] == "my-run")
      #expect(try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8) == host)
    }

    @Test func sharedMemoryOfTheHostIsNotVisible() throws {
      let made = try RunningProcess.output(["ipcmk", "--shmem", "4096"])
      let id = try #require(made.split(separator: " ").last.map { $0.prefix { $0.isNumber } })
      defer { _ = try? RunningProcess.output(["ipcrm", "--shmem-id", "\(id)"]) }
      #expect(try run([], "cat", "/proc/sysvipc/shm").lines.count == 1)
    }
  }

  @Suite struct NetworkTests {
    @Test func loopbackIsUpAndAlone() throws {
      let result = try run([], "probe", "network")
      #expect(result.all("interface") == ["lo,up,loopback"])
      #expect(result["loopback_tcp"] == "ok")
    }

    @Test func hostNetworkIsShared() throws {
      let result = try run(["--network", "host"], "readlink", "/proc/self/ns/net")
      #expect(result.lines.first == HostSnapshot.target("/proc/self/ns/net"))
    }

    @Test func networkOfAPathIsJoined() throws {
      let helper = try RunningProcess.quiet(["unshare", "--net", "sleep", "60"])
      defer {
        helper.send(SIGKILL)
        _ = try? helper.wait()
      }
      let own = HostSnapshot.target("/proc/self/ns/net")
      let path = "/proc/\(helper.pid)/ns/net"
      try waitUntil { HostSnapshot.target(path).map { $0 != own } ?? false }
      let result = try shell(
        ["--network", "path:\(path)"], "readlink /proc/self/ns/net; ls /sys/class/net")
      #expect(result.lines.first == HostSnapshot.target(path))
      // sysfs shows the network of whoever mounted it: it must have been joined before.
      #expect(result.lines.dropFirst() == ["lo"])
    }

    @Test func hostsFilesAreThoseOfTheNetwork() throws {
      let alone = try shell(["--hostname", "itest"], "cat /etc/hostname /etc/hosts")
      #expect(alone.lines.first == "itest")
      #expect(alone.output.contains("127.0.0.1 localhost"))
      #expect(alone.output.contains("127.0.1.1 itest"))
      let resolver = try String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)
      #expect(try run(["--network", "host"], "cat", "/etc/resolv.conf").output == resolver)
      #expect(try run([], "cat", "/etc/resolv.conf").output == "")
    }

    @Test func linkAtResolvConfLeadsNowhere() throws {
      let layer = try Workspace.current.make("files/layer")
      try Workspace.current.make("files/layer/etc")
      let target = try Workspace.current.write("target", "untouched")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/etc/resolv.conf", withDestinationPath: target)
      let result = try run(
        ["--layer", layer, "--network", "host"], "probe", "stat", "/etc/resolv.conf")
      #expect(result["type"] == "file")
      #expect(try String(contentsOfFile: target, encoding: .utf8) == "untouched")
    }

    /// With the host's ids and network nothing but the Landlock scope keeps root from signalling
    /// PID 1, which is outside of it.
    @Test(.requires(.landlockScope)) func signalsDoNotLeaveTheLandlockScope() throws {
      let options = ["--userns", "host"]
      let alone = try run(options, "probe", "try", "kill-pid", "1")
      #expect(alone["result"] == "succeeded")
      let shared = try run(options + ["--network", "host"], "probe", "try", "kill-pid", "1")
      #expect(shared["errno"] == "EPERM")
      // Within it they do go.
      let inside = try run(
        options + ["--network", "host"], "sh", "-c", "sleep 9 & kill $!; wait $!")
      #expect(inside.status == 128 + SIGTERM)
    }

    @Test(.requires(.landlockScope)) func abstractSocketsOfTheHostAreOutOfReach() throws {
      let name = "oneoff-itest-\(getpid())"
      let listener = try AbstractListener(name)
      defer { listener.close() }
      // Without a defence it works: the host itself can.
      #expect(
        try RunningProcess.output([Built.fixture("probe"), "try", "abstract-connect", name])
          .contains("result=succeeded"))
      let alone = try run([], "probe", "try", "abstract-connect", name)
      #expect(alone["errno"] == "ECONNREFUSED")
      let shared = try run(["--network", "host"], "probe", "try", "abstract-connect", name)
      #expect(shared["errno"] == "EPERM")
    }
  }
}
