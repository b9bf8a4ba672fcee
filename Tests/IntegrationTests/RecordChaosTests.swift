import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// Killed supervisors, full disks: no record is unreadable, no status wrong.
  @Suite struct RecordChaosTests {
    @Test func aSupervisorKilledAtAnyMomentLeavesAReadableRecordOrNone() throws {
      var (ended, lost, unmade) = (0, 0, 0)
      let command = ["sh", "-c", "echo begin; probe lines 2000; exit 5"]
      let begin = ContinuousClock.now
      #expect(try perform(runArguments(["--name", "whole"], command: command)).status == 5)
      let step = (ContinuousClock.now - begin) / 40
      #expect(try perform(["rm", "whole"]).status == 0)
      for number in 1...60 {
        let id = "chaos-\(number)"
        let process = try RunningProcess.quiet(
          [Built.program]
            + runArguments(["--name", id], command: command))
        // From before the record is made until after the result is written.
        usleep(UInt32(step * number / .microseconds(1)))
        process.send(SIGKILL)
        let end = try process.wait()
        let waited = try perform(["wait", id])
        if waited.errors.contains("there is no record") {
          unmade += 1
          continue
        }
        let shown = try Records.inspect(id)
        let result = try #require(shown["result"] as? [String: Any])
        switch shown["state"] as? String {
        case "ended":
          ended += 1
          #expect(result["status"] as? Int == 5)
          #expect(waited.status == 5)
        case "lost":
          lost += 1
          #expect(end == .signal(SIGKILL))
          #expect(result["reason"] as? String == "supervisor-lost")
          #expect(waited.status == 137)
          try expectTotals(of: id, in: result)
        default: Issue.record("\(shown)")
        }
      }
      #expect(lost > 0 && ended > 0, "\(ended) ended, \(lost) lost, \(unmade) never made")
      // Halves go, and the records stay.
      #expect(try perform(["gc"]).status == 0)
      #expect(Records.names.count == ended + lost)
      #expect(try perform(["ps", "--all"]).lines.count == 1 + ended + lost)
    }

    /// What the result says that was written is what the log has.
    private func expectTotals(of id: String, in result: [String: Any]) throws {
      let path = Records.runs.appending("\(id)/log").string
      let log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      // A write that a signal has ended may leave the beginning of a record at the end.
      let whole = log[..<(log.lastIndex(of: "\n") ?? log.startIndex)]
      let bytes = whole.split(separator: "\n").filter { $0.contains(" stdout F ") }
        .map { $0.utf8.count - 40 + 1 }.reduce(0, +)
      #expect((result["log"] as? [String: Any])?["stdout_bytes"] as? Int == bytes)
    }

    @Test func aSupervisorThatIsKilledWhileItWritesTheResultIsLost() throws {
      // What such a supervisor leaves: half of a result, under the name that none has.
      let process = try Records.start("half")
      try waitUntil { Records.files("half").contains("log") }
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      let draft = Records.runs.appending("half/result.draft").string
      try Data(#"{"status":0,"reason":"comp"#.utf8).write(to: URL(fileURLWithPath: draft))
      #expect(try perform(["wait", "half"]).status == 137)
      #expect(try Records.object("half", "result.json")["reason"] as? String == "supervisor-lost")
      #expect(try Records.object("half", "result.json")["finished"] is NSNull)
      #expect(!Records.files("half").contains("result.draft"))
    }

    @Test func readersAtOnceSayTheSameOfALostRun() throws {
      for round in 1...5 {
        let id = "lost-\(round)"
        let process = try Records.start(id)
        let waiters = try (0..<6).map { _ in try RunningProcess.quiet([Built.program, "wait", id]) }
        process.send(SIGKILL)
        #expect(try process.wait() == .signal(SIGKILL))
        for waiter in waiters { #expect(try waiter.wait() == .code(137)) }
        #expect(try Records.inspect(id)["state"] as? String == "lost")
      }
    }

    @Test func aFullDiskEndsNoRunAndHidesNoStatus() throws {
      try Records.onSmallDisk("256k") {
        let events = Workspace.current.path.appending("files/events").string
        let done = try run(
          ["--name", "big", "--events", events], "sh", "-c", "probe lines 20000; exit 6")
        #expect(done.status == 6)
        #expect(done.lines.count == 20000)
        #expect(done.errors.contains("the stored log of the run lacks output"), "\(done.errors)")
        let result = try Records.object("big", "result.json")
        #expect(result["status"] as? Int == 6)
        let log = try #require(result["log"] as? [String: Any])
        let unstored = try #require(log["unstored_bytes"] as? Int)
        let written = try #require(log["stdout_bytes"] as? Int)
        #expect(unstored > 0 && unstored < written)
        let stored = try String(
          contentsOfFile: Records.runs.appending("big/log").string, encoding: .utf8)
        let messages = stored.split(separator: "\n").map { $0.utf8.count - 40 + 1 }
        #expect(messages.reduce(0, +) == written - unstored)
        let warnings = try Events(file: events).all.compactMap { $0["code"] as? String }
        #expect(warnings == ["log-store"])
        #expect(try perform(["wait", "big"]).status == 6)
        // There is no room for another record.
        let hook = try run(["--name", "next"], "true")
        #expect(hook.status == 125)
        #expect(hook.errors.contains("ENOSPC"), "\(hook.errors)")
        #expect(Records.names == ["big"])
      }
    }

    @Test func aLostRunOnAFullDiskIsLostAllTheSame() throws {
      try Records.onSmallDisk("128k") {
        let process = try Records.start("a", command: ["sh", "-c", "probe lines 9000; sleep 300"])
        let state = Workspace.current.state.string
        try waitUntil {
          let free = try FileManager.default.attributesOfFileSystem(forPath: state)[.systemFreeSize]
          return free as? Int == 0
        }
        process.send(SIGKILL)
        #expect(try process.wait() == .signal(SIGKILL))
        #expect(try perform(["wait", "a"]).status == 137)
        #expect(try Records.inspect("a")["state"] as? String == "lost")
        #expect(try perform(["rm", "a"]).status == 0)
      }
    }

    @Test(arguments: ["a link", "a link to the log", "a pipe as result"])
    func aHostileStateDirectoryLeadsNowhere(kind: String) throws {
      #expect(try run(["--name", "a"], "echo", "x").status == 0)
      let outside = try Workspace.current.write("outside/spec.json", "{}")
      let runs = Records.runs
      switch kind {
      case "a link":
        try FileManager.default.createSymbolicLink(
          atPath: runs.appending("b").string,
          withDestinationPath: FilePath(outside).removingLastComponent().string)
        #expect(try perform(["rm", "b"]).status == 1)
        #expect(try perform(["gc", "--keep", "0s"]).status == 0)
        #expect(FileManager.default.fileExists(atPath: outside))
      case "a link to the log":
        let log = runs.appending("a/spec.json").string
        try FileManager.default.removeItem(atPath: log)
        try FileManager.default.createSymbolicLink(atPath: log, withDestinationPath: outside)
        let shown = try perform(["inspect", "a"])
        #expect(shown.status == 125 && shown.errors.contains("ELOOP"), "\(shown.errors)")
        #expect(try perform(["rm", "a"]).status == 0)
        #expect(FileManager.default.fileExists(atPath: outside))
      default:
        let result = runs.appending("a/result.json").string
        try FileManager.default.removeItem(atPath: result)
        try RunningProcess.output(["mkfifo", result])
        let shown = try perform(["inspect", "a"])
        #expect(shown.status == 125 && shown.errors.contains("EINVAL"), "\(shown.errors)")
        #expect(try perform(["rm", "a"]).status == 0)
      }
    }
  }
}
