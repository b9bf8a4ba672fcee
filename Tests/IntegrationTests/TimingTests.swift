import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// `--trace-timing`.
  @Suite struct TimingTests {
    private struct Span {
      var name: String
      var lane: Int
      var beginning: Double
      var end: Double

      func holds(_ other: Span) -> Bool {
        // Times are nanoseconds; these are sums of microseconds.
        other.lane == lane && other.beginning > beginning - 0.01 && other.end < end + 0.01
      }
    }

    private var file: String { Workspace.current.path.appending("files/timing.json").string }

    private func spans() throws -> [Span] {
      let data = try Data(contentsOf: URL(fileURLWithPath: file))
      let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let events = try #require(document["traceEvents"] as? [[String: Any]])
      return try events.filter { $0["ph"] as? String == "X" }.map { event in
        let beginning = try #require(event["ts"] as? Double)
        let duration = try #require(event["dur"] as? Double)
        let name = try #require(event["name"] as? String)
        let lane = try #require(event["tid"] as? Int)
        return Span(name: name, lane: lane, beginning: beginning, end: beginning + duration)
      }
    }

    @Test func everyPhaseIsThereInOrder() throws {
      #expect(try run(["--trace-timing", file], "probe", "sleep", "0.2").status == 0)
      let spans = try spans()
      let phases = [
        "options", "spec", "namespaces and layers", "clone", "start of the command", "command",
        "reap", "clean-up",
      ]
      let found = spans.filter { $0.lane == 1 && phases.contains($0.name) }
      #expect(found.map(\.name) == phases)
      for (earlier, later) in zip(found, found.dropFirst()) {
        #expect(abs(earlier.end - later.beginning) < 0.01)
      }
      #expect(found[5].end - found[5].beginning > 150_000)
    }

    @Test func everyOperationIsThereInItsGroup() throws {
      #expect(try run(["--trace-timing", file], "true").status == 0)
      let spans = try spans()
      let plan = try perform(["print-plan", "--rootfs", Built.tiny, "--", "true"]).output
      for (operation, group, lane) in [
        ("pivot to the new root, detach the old one", "file systems", 2),
        ("mask on /proc/keys", "masks", 2), ("new session", "process", 3),
        ("seccomp: the default for commands", "seccomp and exec", 3),
      ] {
        #expect(plan.contains(operation))
        let span = try #require(spans.first { $0.name == operation && $0.lane == lane })
        #expect(spans.contains { $0.name == group && $0.holds(span) })
      }
      // The clock is not read under a filter.
      #expect(!spans.contains { $0.name == "execute" })
      let sleep = try #require(spans.first { $0.name == "sleeps until the command is executed" })
      let last = try #require(spans.last { $0.lane == 3 })
      #expect(last.end <= sleep.end + 0.01)
    }

    @Test func preparationsArePartOfTheirPhase() throws {
      #expect(try run(["--trace-timing", file], "true").status == 0)
      let spans = try spans()
      let phase = try #require(spans.first { $0.name == "namespaces and layers" })
      let steps = spans.filter { $0.name.hasPrefix("layer 0: ") || $0.name.hasPrefix("scratch: ") }
      #expect(steps.count == 2)
      #expect(steps.allSatisfy { phase.holds($0) })
    }

    @Test func argumentsOfTheCommandAreNotWritten() throws {
      #expect(try run(["--trace-timing", file], "echo", "s3cr3t").output == "s3cr3t\n")
      #expect(try !String(contentsOfFile: file, encoding: .utf8).contains("s3cr3t"))
    }

    @Test func runThatFailsHasTimesToo() throws {
      #expect(try run(["--trace-timing", file], "no-such-command").status == 127)
      #expect(try spans().contains { $0.name == "clone" })
    }

    @Test func fileThatCannotBeMadeIsAnErrorBeforeTheRun() throws {
      let failed = try run(["--trace-timing", "/nonexistent/timing"], "echo", "ran")
      #expect(failed.status == 125)
      #expect(failed.output.isEmpty)
      #expect(failed.errors.contains("of the timing file /nonexistent/timing"))
    }

    @Test func detachedRunHasNobodyWhoWritesIt() throws {
      let failed = try run(["--detach", "--trace-timing", file], "true")
      #expect(failed.status == 125)
      #expect(failed.errors.contains("--trace-timing exclude each other"))
    }
  }
}
