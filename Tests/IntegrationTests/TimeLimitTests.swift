import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// Every kind of command that does not end by itself does end.
  @Suite struct TimeLimitTests {
    struct Ended {
      var completion: Completion
      var result: [String: Any]
      var time: Duration

      var reason: String? { result["reason"] as? String }
      var exit: [String: Int]? { result["exit"] as? [String: Int] }
      var log: [String: Int] {
        (result["log"] as? [String: Any] ?? [:]).compactMapValues { $0 as? Int }
      }
    }

    /// Runs a command with limits and takes its time.
    private func end(_ options: [String], _ command: String...) throws -> Ended {
      let file = Workspace.current.path.appending("files/result.json").string
      let begin = ContinuousClock.now
      let completion = try perform(runArguments(options + ["--result", file], command: command))
      let time = ContinuousClock.now - begin
      return Ended(completion: completion, result: try jsonObject(file: file), time: time)
    }

    @Test func sleeperThatIgnoresTheEndIsKilled() throws {
      let ended = try end(
        ["--timeout", "300ms", "--grace", "300ms"], "probe", "ignore-signals", "60")
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.exit == ["signal": 9])
      #expect(ended.result["signal_by"] as? String == "oneoff")
      #expect(ended.time > .milliseconds(590) && ended.time < .seconds(10), "\(ended.time)")
      #expect(
        ended.completion.errors.contains("it took longer than 300ms (--timeout)"),
        "\(ended.completion.errors)")
      #expect(ended.completion.errors.hasPrefix("oneoff: run was killed after "))
    }

    @Test func commandThatEndsWhenItIsToldToHasTakenTooLongAllTheSame() throws {
      let ended = try end(
        ["--timeout", "300ms"], "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.exit == ["code": 0])
      #expect(ended.result["signal_by"] is NSNull)
      #expect(ended.time < .seconds(10))
      #expect(ended.completion.errors.contains("was ended after"))
    }

    @Test func endlessLoopEnds() throws {
      let ended = try end(["--timeout", "300ms"], "sh", "-c", "while :; do :; done")
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.exit == ["signal": 15])
      #expect(ended.result["signal_by"] as? String == "oneoff")
    }

    /// The process that stays holds both streams and has left its session.
    @Test func daemonThatHoldsThePipeEnds() throws {
      let script = "probe daemon 60; while :; do sleep 1; done"
      let ended = try end(
        ["--timeout", "300ms", "--grace", "1s"], "sh", "-c", script)
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.time < .seconds(10))
    }

    /// PID 1 reaps endlessly meanwhile.
    @Test func forksWithoutEndEnd() throws {
      let script = "while :; do (sleep 0.001 &) ; done"
      let ended = try end(["--timeout", "500ms", "--grace", "1s"], "sh", "-c", script)
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.time < .seconds(10))
    }

    @Test func descriptorFloodEndsAtItsLimit() throws {
      let script = """
        n=3; while [ $n -lt 10000 ]; do eval "exec $n</dev/null" || exit 9; n=$((n+1)); done
        """
      let ended = try end(["--ulimit", "nofile=64", "--timeout", "20s"], "sh", "-c", script)
      #expect(ended.reason == "completed")
      #expect(ended.completion.status != 0)
      #expect(ended.completion.errors.lowercased().contains("files"), "\(ended.completion.errors)")
    }

    @Test func silenceEndsARunAndOutputKeepsItAlive() throws {
      let quiet = try end(
        ["--silence-timeout", "500ms"], "sh", "-c",
        "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; echo quiet >&2; sleep 60")
      #expect(quiet.completion.end == .code(124))
      #expect(quiet.reason == "silence")
      #expect(quiet.completion.lines == ["1", "2", "3", "4", "5"])
      #expect(quiet.time > .milliseconds(1400) && quiet.time < .seconds(10), "\(quiet.time)")
      #expect(
        quiet.completion.errors.contains("no output for 500ms (--silence-timeout)"),
        "\(quiet.completion.errors)")
    }

    @Test func whoHasClosedItsOutputIsSilent() throws {
      let ended = try end(
        ["--silence-timeout", "300ms", "--grace", "0s"], "sh", "-c", "exec >&- 2>&-; sleep 60")
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "silence")
    }

    /// A command that cannot write because nobody reads what it wrote is not silent.
    @Test func slowReaderIsNoSilence() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments(["--silence-timeout", "300ms"], command: ["probe", "lines", "100000"]),
        stdout: writer, stderr: .standardError)
      try writer.close()
      usleep(1_200_000)
      var bytes = 0
      try reader.forEachChunk { bytes += $0.count }
      #expect(try process.wait() == .code(0))
      #expect(bytes > 1 << 20)
    }

    @Test func limitsThatAreNotReachedChangeNothing() throws {
      let ended = try end(
        ["--timeout", "30s", "--silence-timeout", "30s", "--log-max", "1M"], "probe", "exit", "7")
      #expect(ended.completion.end == .code(7))
      #expect(ended.reason == "completed")
      #expect(ended.completion.errors == "")
      #expect(ended.log["dropped_bytes"] == 0)
    }

    @Test func theCallersEndComesBeforeTheTimeLimits() throws {
      let events = Workspace.current.path.appending("files/events").string
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments(
          ["--timeout", "2s", "--grace", "3s", "--events", events],
          command: ["probe", "ignore-signals", "60"]), stdout: writer, stderr: writer)
      try writer.close()
      #expect(try reader.readLine() == "ready=1")
      process.send(SIGTERM)
      #expect(try process.wait() == .code(137))
      #expect(try Events(file: events).result?["reason"] as? String == "cancelled")
    }

    // MARK: Output

    @Test func logFloodIsCutAndCounted() throws {
      let events = Workspace.current.path.appending("files/events").string
      let ended = try end(
        ["--log-max", "64K", "--events", events], "probe", "lines", "20000")
      #expect(ended.completion.end == .code(0))
      #expect(ended.reason == "completed")
      #expect(ended.completion.stdout.count == 65_536)
      let written = try #require(ended.log["stdout_bytes"])
      #expect(written > 1 << 20)
      #expect(ended.log["dropped_bytes"] == written - 65_536)
      let all = try Events(file: events)
      let warnings = all.all.filter { $0["event"] as? String == "warning" }
      #expect(warnings.map { $0["code"] as? String } == ["log-limit"])
      #expect(ended.completion.errors.contains("the output has reached 64K (--log-max)"))
    }

    @Test func endlessFloodIsNoOutputThatKeepsOneWaiting() throws {
      let ended = try end(
        ["--log-max", "1M", "--timeout", "1s", "--silence-timeout", "500ms"], "yes")
      #expect(ended.completion.end == .code(124))
      #expect(ended.reason == "timeout")
      #expect(ended.completion.stdout.count == 1 << 20)
      #expect((ended.log["dropped_bytes"] ?? 0) > 1 << 20)
    }

    @Test func bothStreamsShareTheLimit() throws {
      let ended = try end(
        ["--log-max", "6"], "sh", "-c", "printf 1234; sleep 0.2; printf 5678 >&2")
      #expect(ended.completion.output == "1234")
      #expect(ended.completion.errors.hasPrefix("56\noneoff: warning:"))
      #expect(ended.log == ["stdout_bytes": 4, "stderr_bytes": 4, "dropped_bytes": 2])
    }

    // MARK: Hooks

    @Test func hookSaysWhyItWasEnded() throws {
      let app = try Workspace.current.make("files/app")
      try Workspace.current.write("app/Procfile", "postdeploy: sleep 60\n")
      let result = try perform([
        "hook", "--rootfs", Built.tiny, "--app-dir", app, "--timeout", "300ms",
      ])
      #expect(result.end == .code(124))
      let last = try #require(result.lines.last)
      #expect(last.hasPrefix(" !     The postdeploy hook was killed after "), "\(last)")
      #expect(last.hasSuffix(": it took longer than 300ms (--timeout)"))
      #expect(result.errors == "")
    }
  }
}
