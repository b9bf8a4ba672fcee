import Foundation
import Glibc
import SystemPackage
import Testing

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
}
