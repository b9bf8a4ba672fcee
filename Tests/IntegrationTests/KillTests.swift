import Foundation
import SystemPackage
import Testing

extension IntegrationTests {
  /// What `kill` does to runs, and who may ask for it.
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
}
