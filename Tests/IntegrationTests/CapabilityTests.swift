import Foundation
import Glibc
import Testing

extension IntegrationTests {
  @Suite struct CapabilityTests {
    /// The options that give capabilities.
    private func adding(_ names: [String]) -> [String] { names.flatMap { ["--cap-add", $0] } }

    @Test(arguments: ["0", "app"]) func theCommandHasWhatWasAddedWhoeverItIs(user: String) throws {
      // CHOWN is number 0, SETUID 7, SYS_PTRACE 19.
      let ids = try run(
        ["--user", user] + adding(["chown", "CAP_SETUID", "sys_ptrace"]), "probe", "ids")
      expect(ids, everySetIs: "0000000000080081")
      #expect(ids["NoNewPrivs"] == "1")
      #expect(ids["uid"] == (user == "0" ? "0" : "1000"))
      let attributes = try run(["--user", user] + adding(["all"]), "probe", "prctl")
      #expect(attributes["securebits"] == "0")
      #expect(attributes["keepcaps"] == "0")
    }

    /// The capability, what else its use takes, and what the command sees without it.
    @Test(
      arguments: [
        ("CHOWN", [], "EPERM"), ("DAC_OVERRIDE", [], "EACCES"), ("DAC_READ_SEARCH", [], "EACCES"),
        ("FOWNER", ["CHOWN"], "EPERM"), ("KILL", ["SETUID"], "EPERM"), ("SETGID", [], "EPERM"),
        ("SETUID", [], "EPERM"), ("SETPCAP", [], "EPERM"), ("SYS_PTRACE", ["SETUID"], "EACCES"),
      ] as [(String, [String], String)])
    func aCapabilityIsOfUseOnceItIsAdded(
      name: String, besides: [String], without: String
    ) throws {
      #expect(try run(adding(besides), "probe", "use", name)["errno"] == without)
      #expect(try run(adding(besides + [name]), "probe", "use", name)["errno"] == "0")
      #expect(
        try run(["--user", "app"] + adding(besides + [name]), "probe", "use", name)["errno"] == "0")
    }

    @Test(arguments: ["SYS_CHROOT", "FSETID"]) func theSeccompPolicyStillRefuses(name: String)
      throws
    {
      #expect(try run(adding(["all"]), "probe", "use", name)["errno"] == "EPERM")
    }

    @Test func programsThatChangeUserWork() throws {
      let script = "su app -c 'id -u' && chown app /etc/passwd && stat -c %u /etc/passwd"
      #expect(try shell([], script).status != 0)
      let result = try shell(adding(["setuid", "setgid", "chown"]), script)
      #expect(result.lines == ["1000", "1000"], "\(result.errors)")
    }

    /// Whatever is added, the host and PID 1 are out of reach.
    @Test(
      arguments: AttemptOnFirstProcess.all.map(\.name) + [
        "sethostname", "umount-proc", "mount-tmpfs", "unshare-user", "write-sysctl",
        "chmod-setuid",
      ])
    func nothingIsGainedOverTheHost(attempt: String) throws {
      let without = try run([], "probe", "try", attempt)
      let with = try run(adding(["all"]), "probe", "try", attempt)
      #expect(without["result"] == "denied")
      #expect(with["result"] == "denied")
      #expect(with["errno"] == without["errno"])
    }

    @Test func aSetuidFileCannotBeMadeInAVolumeEither() throws {
      let volume = try Workspace.current.make("files/volume")
      let options = ["--volume", "\(volume):/volume"] + adding(["all"])
      let script = "cp /bin/true-static /volume/x && probe try chmod-setuid /volume/x"
      #expect(try shell(options, script)["errno"] == "EPERM")
      let mode = try FileManager.default.attributesOfItem(atPath: "\(volume)/x")[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o6000 } == 0)
    }

    @Test func aSetuidFileOfAVolumeLosesItsBitWhenItIsWritten() throws {
      let volume = try Workspace.current.make("files/volume")
      try Workspace.current.write("volume/x", "old", mode: 0o4755)
      let options = ["--volume", "\(volume):/volume"] + adding(["all"])
      #expect(try run(options, "probe", "write", "/volume/x", "new")["errno"] == "0")
      let mode = try FileManager.default.attributesOfItem(atPath: "\(volume)/x")[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o6000 } == 0)
    }

    @Test(arguments: [
      (["--cap-add", "sys_admin"], "the host owns the run's mounts"),
      (["--cap-add", "NET_BIND_SERVICE"], "--network none"),
      (["--cap-add", "setfcap"], "on a volume they would be the host's"),
      (["--cap-add", "chown", "--userns", "host"], "over the host"),
      (["--cap-add", "chwon"], "did you mean 'CAP_CHOWN'?"),
    ])
    func whatCannotWorkIsAnError(options: [String], text: String) throws {
      let result = try run(options, "true")
      #expect(result.status == 125)
      #expect(result.errors.contains(text), "\(result.errors)")
    }

    @Test func portsBelow1024AreFreeInANetworkOfItsOwn() throws {
      #expect(try run(["--user", "app"], "probe", "use", "NET_BIND_SERVICE")["errno"] == "0")
      // The host's network keeps its own rule.
      let host = try String(
        contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8)
      let firstFree = try #require(Int(host.trimmingCharacters(in: .newlines)))
      let shared = try run(
        ["--user", "app", "--network", "host"], "probe", "use", "NET_BIND_SERVICE")
      // The probe asks for port 80.
      #expect(shared["errno"] == (firstFree > 80 ? "EACCES" : "0"))
    }
  }
}
