import Foundation
import SystemPackage
import Testing

/// `--heartbeat`: a line after a time without output.
extension IntegrationTests {
  @Suite struct HeartbeatTests {
    private static let line = "… still running after "

    private func hook(_ script: String, _ options: String...) throws -> Completion {
      let procfile = try Workspace.current.write("app/Procfile", "postdeploy: \(script)\n")
      let app = String(procfile.dropLast("/Procfile".count))
      return try perform(
        ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--network", "none"] + options)
    }

    @Test func itComesInSilenceAndIsNoneOfTheCommands() throws {
      let events = Workspace.current.path.appending("files/events").string
      let done = try hook(
        "echo begin; sleep 1.5; echo end", "--heartbeat", "300ms", "--id", "a", "--events", events)
      #expect(done.status == 0)
      let lines = done.hookLines
      #expect(lines.first == "begin" && lines.last == "end")
      #expect((2...5).contains(lines.count - 2), "\(lines)")
      #expect(lines.dropFirst().dropLast().allSatisfy { $0.hasPrefix(Self.line) })
      #expect(done.errors == "")
      #expect(try perform(["logs", "a"]).output == "begin\nend\n")
      let found = try Events(String(contentsOfFile: events, encoding: .utf8))
      #expect(found.lines.compactMap { $0["text"] as? String } == ["begin", "end"])
      #expect(found.names == ["started", "log", "log", "finished"])
    }

    @Test func itDoesNotComeAmongSteadyOutput() throws {
      let script = "n=0; while [ $n -lt 45 ]; do echo $n; n=$((n+1)); sleep 0.1; done"
      let done = try hook(script, "--heartbeat", "2s")
      #expect(done.hookLines == (0..<45).map(String.init))
      #expect(done.errors == "")
    }

    @Test func itIsNoOutputForTheTimeOfSilence() throws {
      let done = try hook("sleep 60", "--heartbeat", "300ms", "--silence-timeout", "1s")
      #expect(done.status == 124)
      #expect(done.output.contains(Self.line))
    }

    @Test func itBreaksNoLine() throws {
      let script = "printf half; sleep 1; printf 'line\\n'"
      let apart = try hook(script, "--heartbeat", "200ms")
      #expect(apart.hookLines == ["halfline"])
      // Where nobody is in the middle of a line.
      #expect(apart.errors.hasPrefix("       \(Self.line)"))
      let shared = try Terminal.output(
        of: [
          "hook", "--rootfs", Built.tiny, "--app-dir",
          Workspace.current.path.appending("files/app").string, "--heartbeat", "200ms",
        ])
      #expect(shared.contains("\r\n       halfline\r\n"), "\(shared)")
      #expect(!shared.contains(Self.line))
    }

    @Test func whatIsThrownAwayIsSilenceForWhoeverLooks() throws {
      let done = try hook(
        "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.15; done", "--heartbeat", "500ms",
        "--log-max", "4")
      #expect(done.hookLines.prefix(2) == ["1", "2"])
      #expect(done.output.contains(Self.line), "\(done.output)")
    }

    @Test func besideEventsItIsOnStandardError() throws {
      let done = try hook("sleep 1", "--heartbeat", "300ms", "--events", "-")
      #expect(try Events(done.output).names == ["started", "finished"])
      #expect(done.errors.contains("\n       \(Self.line)"), "\(done.errors)")
    }

    @Test(arguments: [["--heartbeat", "none"], ["-q"], []]) func itCanBeLeftOut(options: [String])
      throws
    {
      let procfile = try Workspace.current.write("app/Procfile", "postdeploy: sleep 1\n")
      let app = String(procfile.dropLast("/Procfile".count))
      let done = try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app] + options)
      #expect(!(done.output + done.errors).contains(Self.line))
      #expect(try hook("sleep 1", "-q", "--heartbeat", "300ms").output.contains(Self.line))
    }
  }
}
