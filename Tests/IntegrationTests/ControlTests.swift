import Foundation
import Glibc
import SystemPackage
import Testing

/// The control sockets of a test's runs.
enum Control {
  static func path(_ id: String) -> String {
    Workspace.current.path.appending("runtime/runs/\(id)").string
  }

  /// Starts a detached run; returns once its command was executed.
  static func detach(
    _ id: String, _ options: [String] = [], _ script: String = "sleep 300"
  ) throws {
    let done = try run(["--detach", "--name", id] + options, "sh", "-c", script)
    #expect(done.status == 0, "\(done.errors)")
    #expect(done.output == "\(id)\n")
  }

  /// Starts a detached run that ignores SIGTERM; returns once it does.
  static func detachDeafRun(_ id: String, grace: String) throws {
    try detach(
      id, ["--grace", grace], "trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    let log = Records.runs.appending("\(id)/log").string
    try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains("deaf") }
  }

  /// Ends a run at once, and waits for that.
  static func end(_ id: String) throws {
    #expect(try perform(["kill", "-s", "KILL", id]).status == 0)
    #expect(try perform(["wait", id]).status == 137)
  }

  /// How many are connected to a run.
  static func connections(_ id: String) throws -> Int {
    let sockets = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
    // Its path is that of a descriptor: see ControlSocket. What is connected has state 03.
    return sockets.split(separator: "\n").count { $0.hasSuffix("/\(id)") && $0.contains(" 03 ") }
  }

  /// A connection to a run, over which a test says whatever it likes.
  static func connect(_ id: String) throws -> FileDescriptor {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path(id).utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // Safe: the call reads the structure.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(number)
      throw Errno(rawValue: errno)
    }
    return FileDescriptor(rawValue: number)
  }
}

extension IntegrationTests {
  /// Runs that are reached from other processes while they go on.
  @Suite struct ControlTests {
    @Test func detachReturnsOnceTheCommandRunsAndLeavesItOnItsOwn() throws {
      try Control.detach("a", [], "echo begun; sleep 300")
      let log = Records.runs.appending("a/log").string
      try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains("begun") }
      #expect(try perform(["ps"]).lines.count == 2)
      let supervisor = try #require(
        HostSnapshot.processes(of: Workspace.current.path.string).first { process in
          let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
          return words?.hasPrefix("oneoff\0supervise") == true
        })
      #expect(getsid(pid_t(supervisor)) == pid_t(supervisor))
      #expect(HostSnapshot.target("/proc/\(supervisor)/cwd") == "/")
      for number in 0...2 {
        #expect(HostSnapshot.target("/proc/\(supervisor)/fd/\(number)") == "/dev/null")
      }
      #expect(try perform(["kill", "a"]).status == 0)
      #expect(try perform(["wait", "a"]).status == 143)
      #expect(try Records.object("a", "result.json")["reason"] as? String == "cancelled")
    }

    @Test func whatKeepsADetachedRunFromStartingIsToldWithItsStatus() throws {
      let missing = try run(["-d", "--name", "a"], "no-such-command")
      #expect(missing.status == 127 && missing.output == "")
      #expect(missing.errors.contains("no-such-command"), "\(missing.errors)")
      #expect(try Records.object("a", "result.json")["reason"] as? String == "setup-failed")
      let taken = try run(["-d", "--name", "a"], "true")
      #expect(taken.status == 125 && taken.errors.contains("oneoff rm"), "\(taken.errors)")
      let image = try run(["-d", "--name", "b"], rootfs: "/no/such/image", "true")
      #expect(image.status == 125 && image.errors.contains("/no/such/image"), "\(image.errors)")
      #expect(try perform(["ps"]).lines.count == 1)
    }

    @Test(arguments: [
      ["--events", "1"], ["--stats"], ["--on-caller-death", "kill"],
    ])
    func whatTakesACallerIsRefused(options: [String]) throws {
      let refused = try run(["--detach"] + options, "true")
      #expect(refused.status == 125)
      #expect(refused.errors.contains("--detach and \(options[0])"), "\(refused.errors)")
      #expect(Records.names == [])
    }

    @Test func filesThatTheCallerNamesAreFoundFromWhereHeIs() throws {
      let directory = try Workspace.current.make("files/here")
      let done = try perform(
        runArguments(
          ["-d", "--name", "a", "--events", "events", "--result", "result"],
          command: ["sh", "-c", "echo x; exit 3"]), wrapper: ["env", "-C", directory])
      #expect(done.status == 0, "\(done.errors)")
      #expect(try perform(["wait", "a"]).status == 3)
      #expect(try Events(file: directory + "/events").result?["status"] as? Int == 3)
      #expect(FileManager.default.fileExists(atPath: directory + "/result"))
    }

    @Test func aHookCanBeDetached() throws {
      let app = try Workspace.current.make("files/shop")
      try Workspace.current.write("shop/Procfile", "postdeploy: echo migrated; exit 4\n")
      let done = try perform([
        "hook", "--rootfs", Built.tiny, "--app-dir", app, "-d", "--name", "a",
      ])
      #expect(done.status == 0 && done.output == "a\n", "\(done.output)\(done.errors)")
      #expect(try perform(["wait", "a"]).status == 4)
    }

    @Test func aHundredDetachedRunsAtOnceAreEachReached() throws {
      let ids = (1...100).map { "run-\($0)" }
      for some in stride(from: 0, to: ids.count, by: 10) {
        let starts = try ids[some..<some + 10].map { id in
          try RunningProcess.quiet(
            [Built.program] + runArguments(["-d", "--name", id], command: ["sleep", "300"]))
        }
        for start in starts { #expect(try start.wait() == .code(0)) }
      }
      #expect(try perform(["ps"]).lines.count == 101)
      #expect(try perform(["kill", "-s", "KILL"] + ids).status == 0)
      for id in ids { #expect(try perform(["wait", id]).status == 137) }
    }
  }

  @Suite struct KillTests {
    @Test func signalsAreNamedInEveryWay() throws {
      let script =
        "trap 'echo one' USR1; trap 'echo two' USR2; echo ready; "
        + "while :; do sleep 0.05; done"
      try Control.detach("a", [], script)
      let log = Records.runs.appending("a/log").string
      try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains("ready") }
      for (name, word) in [("USR1", "one"), ("sigusr2", "two")] {
        #expect(try perform(["kill", "--signal", name, "a"]).status == 0)
        try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains(word) }
      }
      let wrong = try perform(["kill", "-s", "USR3", "a"])
      #expect(wrong.status == 125 && wrong.errors.contains("is not a signal"))
      #expect(try perform(["kill", "-s", "64", "a"]).status == 125)
      #expect(try perform(["kill", "-s", "9", "a"]).status == 0)
      #expect(try perform(["wait", "a"]).status == 137)
    }

    @Test func theGraceTimeAppliesAndKillDoesNotWaitForIt() throws {
      try Control.detachDeafRun("a", grace: "300ms")
      #expect(try perform(["kill", "a"]).status == 0)
      #expect(try perform(["wait", "a"]).status == 137)
      try Control.detachDeafRun("b", grace: "1h")
      #expect(try perform(["kill", "b"]).status == 0)
      try Control.end("b")
      let result = try Records.object("b", "result.json")
      #expect(result["reason"] as? String == "cancelled")
      #expect(result["signal_by"] as? String == "oneoff")
    }

    @Test func whatIsOverOrUnknownIsSaid() throws {
      #expect(try run(["--name", "over"], "true").status == 0)
      try Control.detach("alive")
      let all = try perform(["kill", "-s", "KILL", "over", "none", "ali"])
      #expect(all.status == 1)
      #expect(all.errors.contains("the run over is over"), "\(all.errors)")
      #expect(all.errors.contains("there is no record of a run 'none'"))
      #expect(try perform(["wait", "alive"]).status == 137)
    }

    @Test func aKilledSupervisorsSocketIsInNobodysWay() throws {
      for remover in [["rm", "a"], ["inspect", "a"]] {
        let process = try Records.start("a")
        try waitUntil { FileManager.default.fileExists(atPath: Control.path("a")) }
        process.send(SIGKILL)
        #expect(try process.wait() == .signal(SIGKILL))
        #expect(FileManager.default.fileExists(atPath: Control.path("a")))
        let late = try perform(["kill", "a"])
        #expect(late.status == 1 && late.errors.contains("is over"), "\(late.errors)")
        #expect(try perform(remover).status == 0)
        #expect(!FileManager.default.fileExists(atPath: Control.path("a")))
        _ = try perform(["rm", "a"])
      }
      // Also where nobody has removed it.
      let stale = Control.path("b")
      let listener = try RunningProcess.completion([
        "perl", "-MIO::Socket::UNIX", "-e", "IO::Socket::UNIX->new(Local => shift, Listen => 1)",
        stale,
      ])
      #expect(listener.status == 0, "\(listener.errors)")
      #expect(FileManager.default.fileExists(atPath: stale))
      try Control.detach("b")
      try Control.end("b")
    }

    @Test func anotherUserIsRefused() throws {
      try Control.detach("a")
      // The directory would be enough; the socket is asked here.
      let directory = Workspace.current.path.appending("runtime/runs").string
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: directory)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o666], ofItemAtPath: Control.path("a"))
      let script = """
        $SIG{PIPE} = "IGNORE"; my $s = IO::Socket::UNIX->new(Peer => shift) or die "connect: $!";
        print $s qq({"v":1,"do":"signal","signal":9}\\n); print "<", join("", <$s>), ">";
        """
      let ask = ["perl", "-MIO::Socket::UNIX", "-e", script, Control.path("a")]
      let other = try RunningProcess.completion(
        ["setpriv", "--reuid", "61234", "--regid", "61234", "--clear-groups"] + ask)
      #expect(other.output == "<>", "\(other.output)\(other.errors)")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o700], ofItemAtPath: directory)
      #expect(try perform(["ps"]).lines.count == 2)
      let root = try RunningProcess.completion(ask)
      #expect(root.output.contains(#""ok":true"#), "\(root.output)")
      #expect(try perform(["wait", "a"]).status == 137)
    }

    @Test func anOrdinaryUserReachesHisOwnRuns() throws {
      for user in OrdinaryUser.allCases {
        let id = "\(user)"
        #expect(try user.run(["-d", "--name", id], "sleep", "300").output == "\(id)\n")
        #expect(try user.perform(["kill", id]).status == 0)
        #expect(try user.perform(["wait", id]).status == 143)
      }
    }

    @Test func whoSaysTooMuchOrNothingIsSentAwayAndTheRunGoesOn() throws {
      try Control.detach("a")
      let garbage = try Control.connect("a")
      defer { try? garbage.close() }
      try garbage.writeAll(Array("what\n".utf8))
      #expect(try garbage.readLine().contains(#""ok":false"#))
      #expect(try garbage.readLine() == "")
      let huge = try Control.connect("a")
      defer { try? huge.close() }
      _ = try? huge.writeAll([UInt8](repeating: 0x61, count: 64 << 10))
      #expect((try? huge.readLine()) ?? "" == "")
      let silent = try (0..<40).map { _ in try Control.connect("a") }
      defer { for one in silent { try? one.close() } }
      try Control.end("a")
    }
  }

  @Suite struct AttachTests {
    @Test func everyoneWhoIsAttachedGetsTheRestAndTheStatus() throws {
      let script =
        "while [ ! -e /v/go ]; do sleep 0.01; done; "
        + "probe lines 2000; echo bad >&2; exit 7"
      let volume = try Workspace.current.make("files/v")
      try Control.detach("a", ["-v", "\(volume):/v"], script)
      let outputs = try (0..<3).map { _ in
        (try FileDescriptor.unnamedFile(), try FileDescriptor.unnamedFile())
      }
      defer { for (out, err) in outputs { try? out.close(); try? err.close() } }
      let readers = try outputs.map { out, err in
        try start(["attach", "a"], stdout: out, stderr: err)
      }
      let cut = try RunningProcess.quiet([Built.program, "attach", "a"])
      try waitUntil {
        let sockets = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
        return sockets.split(separator: "\n").filter { $0.hasSuffix("/a") && $0.contains(" 03 ") }
          .count >= 4
      }
      // Who leaves takes nothing with him.
      cut.send(SIGINT)
      #expect(try cut.wait() == .signal(SIGINT))
      try Workspace.current.write("v/go", "")
      for reader in readers { #expect(try reader.wait() == .code(7)) }
      for (out, err) in outputs {
        let lines = String(decoding: try out.contents(), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2000)
        #expect(String(decoding: try err.contents(), as: UTF8.self) == "bad\n")
      }
      #expect(try perform(["attach", "a"]).status == 125)
    }

    @Test func whoReadsTooSlowlyIsSentAwayAndNobodyWaits() throws {
      let volume = try Workspace.current.make("files/v")
      let script = "while [ ! -e /v/go ]; do sleep 0.01; done; head -c 30000000 /dev/zero; exit 5"
      try Control.detach("a", ["-v", "\(volume):/v"], script)
      let slow = try Control.connect("a")
      defer { try? slow.close() }
      try slow.writeAll(Array("{\"v\":1,\"do\":\"attach\"}\n".utf8))
      #expect(try slow.readLine().contains(#""ok":true"#))
      try Workspace.current.write("v/go", "")
      #expect(try perform(["wait", "a"]).status == 5)
      let result = try Records.object("a", "result.json")["log"] as? [String: Any]
      #expect(result?["stdout_bytes"] as? Int == 30_000_000)
      var rest: [UInt8] = []
      try slow.forEachChunk { rest += $0 }
      #expect(rest.count < 10_000_000)
      #expect(String(decoding: rest.suffix(200), as: UTF8.self).contains("was not read as fast"))
    }
  }
}
