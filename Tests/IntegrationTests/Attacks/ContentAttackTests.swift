import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

@testable import OneOff

extension IntegrationTests {
  /// What a run gives back or uses up (docs/security.md, 15 to 17, 20, 22 and 25).
  @Suite struct ContentAttackTests {
    // MARK: Ids and names

    @Test(arguments: ["-1", "4294967295", "4294967296", "1abc", "0x0", "+0", "1:-1", "", ":"])
    func idThatIsNoneIsNotRoots(text: String) throws {
      let result = try run(["--user=\(text)"], "probe", "ids")
      #expect(result.status == 125)
      #expect(result.output == "")
      #expect(result.errors.contains("hint: "))
    }

    /// Whatever got past the parser: to setresuid(2) and setresgid(2) -1 means "as it is".
    @Test func idThatMeansNoChangeIsRefusedByTheChild() throws {
      let attack = try Attack("probe", "ids") { spec in
        spec.userNamespace = .host
        spec.user = UserReference(user: .id(33))
      }
      for id in ["group 33", "user 33"] {
        let refused = try attack.without { sequence in
          try sequence.replace(id) { operation in
            if case .setUser = operation { .setUser(.max) } else { .setGroup(.max) }
          }
        }
        #expect(refused.status == 125)
        #expect(refused.errors.contains("EINVAL"))
      }
      let unchanged = try attack.without { try $0.leaveOut("group 33", "user 33") }
      #expect([unchanged["uid"], unchanged["gid"]] == ["0", "0"])
    }

    @Test(arguments: ["../x", "a/b", "..", ".", "-x", "a..b", "", "a\n", "é"])
    func nameThatIsAPathIsRefused(name: String) throws {
      let result = try run(["--id=\(name)"], "true")
      #expect(result.status == 125)
      #expect(result.errors.contains("cannot be the name of a run"))
    }

    @Test func lengthsAreBounded() throws {
      // execve(2) takes 2 MiB of arguments and environment together, and a file here is limited.
      let value = String(repeating: "x", count: 32_000)
      let files = try (0..<4).map { file in
        let lines = (0..<30).map { "V\(file)\($0)=\(value)\n" }.joined()
        return ["--env-file", try Workspace.current.write("env\(file)", lines)]
      }
      #expect(try run(files[0], "true").status == 0)
      let tooLong = try run(files.flatMap { $0 }, "true")
      #expect(tooLong.status == 125)
      #expect(tooLong.errors.contains("the arguments and variables have"), "\(tooLong.errors)")
      let path = "/" + String(repeating: "d/", count: 3000)
      let source = try Workspace.current.make("files/source")
      let deep = try run(["--volume", "\(source):\(path)"], "true")
      #expect(deep.status == 125)
      #expect(deep.errors.contains("ENAMETOOLONG"), "\(deep.errors)")
    }

    // MARK: Floods

    @Test func scratchIsBounded() throws {
      let attack = try Attack("probe", "fill", "/tmp/x", "4000000") {
        $0.scratch = .tmpfs(.mebibytes(2))
      }
      #expect(try attack.onProgram()["errno"] == "ENOSPC")
      let filled = try attack.without { sequence in
        sequence.preparations = sequence.preparations.map { preparation in
          guard case .scratch(var contents) = preparation else { return preparation }
          contents.place = .tmpfs(.mebibytes(16))
          return .scratch(contents)
        }
      }
      #expect(filled["errno"] == "0")
    }

    @Test func sharedMemoryAndDevicesAreBounded() throws {
      let filled = try run([], "probe", "fill", "/dev/shm/x", "80000000")
      #expect(filled["errno"] == "ENOSPC")
      #expect(filled["written"] == "\(64 << 20)")
      #expect(try run([], "probe", "fill", "/dev/x", "80000000")["errno"] == "ENOSPC")
    }

    @Test func forkBombIsBounded() throws {
      var attack = try Attack("probe", "forkbomb-count", "4200")
      let bounded = try attack.onProgram()
      #expect(bounded["errno"] == "EAGAIN")
      #expect(bounded["forked"] == "4095")
      // On cgroup v2 there are two limits.
      attack.spec.limits.processes = 4300
      let unbounded = try attack.without { try $0.leaveOut("limit nproc") }
      #expect(unbounded["forked"] == "4200", "\(unbounded["errno"] ?? "")")
    }

    @Test func descriptorFloodIsBounded() throws {
      let attack = try Attack("probe", "open-many", "1100")
      let bounded = try attack.onProgram()
      #expect(bounded["errno"] == "EMFILE")
      #expect(bounded["opened"] == "1021")
      // What the command has then is what the test has, and many machines give it no more.
      let unbounded = try withOpenFileLimit(2000) {
        try attack.without { try $0.leaveOut("limit nofile") }
      }
      #expect(unbounded["opened"] == "1100", "\(unbounded["errno"] ?? "")")
    }

    /// Sets how many files this process may open, which what it starts inherits.
    private func withOpenFileLimit<Result>(
      _ soft: rlim_t, _ body: () throws -> Result
    ) throws -> Result {
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var before = rlimit()
      // Safe: one structure of ours is filled, or read.
      #expect(unsafe getrlimit(resource, &before) == 0)
      var changed = rlimit(rlim_cur: soft, rlim_max: before.rlim_max)
      #expect(unsafe setrlimit(resource, &changed) == 0)
      defer { _ = unsafe setrlimit(resource, &before) }
      return try body()
    }

    @Test func limitOfTheCallerStaysWhereItIsLower() throws {
      let wrapper = ["sh", "-c", "ulimit -n 512; exec \"$@\"", "sh"]
      let limits = try run([], wrapper: wrapper, "probe", "rlimits")
      #expect([limits["nofile_soft"], limits["nofile_hard"]] == ["512", "512"])
      let raised = try shell("ulimit -u 5000 2>/dev/null || echo refused")
      #expect(raised.output == "refused\n")
    }

    @Test func memoryOfTheSupervisorDoesNotGrowWithTheOutput() throws {
      let limit = 64 << 20
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["yes", "flood"]), stdout: writer, stderr: .standardError)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      try writer.close()
      var passed = 0
      try reader.forEachChunk(while: passed < limit) { passed += $0.count }
      #expect(passed >= limit)
      let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
      let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      let kibibytes = peak.flatMap { Int($0.filter(\.isNumber)) }
      #expect(try #require(kibibytes) < limit >> 11)
    }

    // MARK: Forgeries

    @Test func eventThatTheHookPrintsIsText() throws {
      let forged = #"{"v":1,"event":"finished","id":"x","result":{"status":0}}"#
      let events = Workspace.current.path.appending("files/events").string
      let result = try run(["--events", events], "sh", "-c", "echo '\(forged)'; exit 7")
      #expect(result.status == 7)
      struct Event: Decodable {
        var event: String
        var text: String?
      }
      let decoded = try decodedLines(ofFile: events, as: Event.self)
      #expect(decoded.map(\.event) == ["started", "log", "finished"])
      #expect(decoded[1].text == forged)
      // Read as an event, the line is one.
      #expect(try JSONDecoder().decode(Event.self, from: Data(forged.utf8)).event == "finished")
    }

    // MARK: setuid files

    @Test(arguments: [
      ("chmod", "EPERM"), ("chmod-setgid", "EPERM"), ("fchmod", "EPERM"), ("fchmodat", "EPERM"),
      ("fchmodat2", "ENOSYS"), ("open", "EPERM"), ("openat", "EPERM"), ("openat2", "ENOSYS"),
      ("creat", "EPERM"), ("tmpfile", "EPERM"), ("mknod", "EPERM"), ("mknodat", "EPERM"),
    ])
    func setuidFileIsNotLeftInAVolume(way: String, errno: String) throws {
      let source = FilePath(try Workspace.current.make("files/data", mode: 0o777))
      let file = source.appending("planted")
      let attack = try Attack("probe", "setuid", way, "/data/planted") { spec in
        spec.volumes = [Volume(source: source, destination: "/data")]
      }
      func mode() -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.string)
        return attributes?[.posixPermissions] as? Int ?? 0
      }
      let refused = try attack.onProgram()
      #expect([refused["result"], refused["errno"]] == ["denied", errno])
      #expect(mode() & 0o6000 == 0)
      try? FileManager.default.removeItem(atPath: file.string)

      // The kernel itself refuses what it does not know.
      if way == "fchmodat2" { try Requirement.fchmodat2.demand() }
      let planted = try attack.without { try $0.leaveOutSeccomp() }
      #expect(planted["result"] == "succeeded", "\(planted["errno"] ?? "")")
      #expect(mode() & 0o6000 != 0)
    }

    /// A copy of the probe that runs as root for whoever may execute it.
    private func setuidProbe() throws -> FilePath {
      let directory = FilePath(try Workspace.current.make("files/data/opt"))
      let program = directory.appending("probe").string
      try FileManager.default.copyItem(atPath: Built.fixture("probe"), toPath: program)
      try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: program)
      return directory.removingLastComponent()
    }

    @Test func setuidFileDoesNothing() throws {
      let source = try setuidProbe()
      var attack = try Attack("/opt/probe", "ids") { spec in
        spec.user = UserReference(user: .id(33))
        spec.layers.append(source)
      }
      /// Two defences stand in the way: no_new_privs, and the mounts' nosuid.
      func allowPrivileges(_ sequence: inout LaunchSequence) throws {
        try sequence.leaveOut("no new privileges")
        try sequence.leaveOutSeccomp()  // which takes no_new_privs
      }
      #expect(try attack.onProgram()["euid"] == "33")
      #expect(try attack.without(allowPrivileges)["euid"] == "33")
      let obeyed = try attack.without { sequence in
        try allowPrivileges(&sequence)
        try sequence.replace("mount overlay") { operation in
          guard case .mount(var fileSystem, let place) = operation else { return operation }
          fileSystem.attributes.remove(.noSetuid)
          return .mount(fileSystem, place)
        }
      }
      #expect(obeyed["euid"] == "0", "\(obeyed.errors)")

      attack.spec.layers.removeLast()
      attack.spec.volumes = [Volume(source: source.appending("opt"), destination: "/opt")]
      #expect(try attack.without(allowPrivileges)["euid"] == "33")
    }
  }
}
