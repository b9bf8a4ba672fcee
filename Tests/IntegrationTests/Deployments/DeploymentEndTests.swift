import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// Deployments that are told to end, killed, or in each other's way.
  @Suite struct DeploymentEndTests {
    private let shop = Shop()

    /// Starts a deployment, and waits until one of its commands, or its hook, has noted this.
    private func begin(
      _ version: String, steps: [String: String] = [:], _ more: [String] = [], until call: String
    ) throws -> RunningProcess {
      let process = try RunningProcess.quiet(
        [Built.program, "deploy"] + shop.options(version, steps: steps) + more)
      try waitUntil { shop.calls.contains(call) }
      return process
    }

    /// A hook that notes that it runs, through a volume.
    private func noting(_ rest: String) -> String { "echo hook >> /calls; \(rest)" }
    private var callsVolume: [String] { ["--volume", "\(shop.callsFile):/calls", "--user", "0"] }

    private func makeCallsFile() throws {
      try Data().write(to: URL(fileURLWithPath: shop.callsFile))
    }

    @Test(arguments: [SIGTERM, SIGINT]) func signalEndsACommandAndAbandons(number: Int32) throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let process = try begin("v2", steps: ["boot": "sleep 60"], until: "boot v2")
      process.send(number)
      #expect(try process.wait() == .code(128 + number))
      #expect(shop.calls == ["boot v2", "abandon v2"])
      #expect(try shop.state() == "aborted")
      #expect(shop.current == "v1")
    }

    @Test func signalEndsTheHookAndAbandons() throws {
      try shop.goLive("v1")
      try makeCallsFile()
      try shop.release("v2", hook: noting("sleep 60"))
      let process = try begin("v2", callsVolume, until: "hook")
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
      #expect(shop.calls == ["boot v2", "hook", "abandon v2"])
      #expect(try shop.state() == "aborted")
      #expect(shop.current == "v1")
    }

    @Test func signalEndsTheWaitForReadiness() throws {
      try shop.release("v1")
      let waiting = shop.command("ready", then: "exit 1")
      let process = try begin("v1", ["--ready", "exec:\(waiting)"], until: "ready v1")
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
      #expect(shop.calls.last == "abandon v1")
      #expect(try shop.state() == "aborted")
    }

    @Test func secondSignalDoesNotWaitForTheCommand() throws {
      try shop.release("v1")
      let process = try begin(
        "v1",
        steps: ["boot": "trap '' TERM; echo trapped >> \(shop.callsFile); sleep 60; sleep 60"],
        until: "trapped")
      process.send(SIGTERM)
      usleep(200_000)
      process.send(SIGTERM)
      #expect(try process.wait(.seconds(10)) == .code(143))
      #expect(shop.calls.last == "abandon v1")
    }

    @Test func hangUpDoesNotEndADeployment() throws {
      try shop.release("v1")
      let process = try begin("v1", steps: ["boot": "sleep 0.3"], until: "boot v1")
      process.send(SIGHUP)
      #expect(try process.wait() == .code(0))
      #expect(shop.current == "v1")
      try shop.release("v2")
      let other = try begin(
        "v2", steps: ["boot": "sleep 60"], ["--on-caller-death", "kill"], until: "boot v2")
      other.send(SIGHUP)
      #expect(try other.wait() == .code(129))
      #expect(shop.current == "v1")
    }

    // MARK: Killed

    @Test func killedDeploymentIsInterruptedAndCanBeRetried() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let process = try begin("v2", steps: ["boot": "sleep 1"], until: "boot v2")
      #expect(try shop.status()["running"] is [String: Any])
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      // Its command goes on to its end.
      try waitUntil { try !shop.isLocked() }
      #expect(shop.current == "v1")
      #expect(try shop.state() == "interrupted")
      let status = try shop.status()
      #expect(status["state"] as? String == "interrupted")
      #expect(status["running"] is NSNull)
      let again = try perform(["retry", "--app", "shop"])
      #expect(again.end == .code(0), "\(again.errors)")
      #expect(
        shop.calls == ["boot v2", "abandon v2", "boot v2", "activate v2", "retire v2"])
      #expect(shop.current == "v2")
      let deployments = try shop.deployments()
      #expect(deployments.map { $0["state"] as? String } == ["success", "interrupted", "success"])
      #expect(deployments.first?["attempt"] as? Int == 2)
      #expect(deployments.first?["reason"] as? String == "retry")
    }

    /// Half a migration is worse than a wait.
    @Test func hookOfAKilledDeploymentGoesOnAndKeepsTheLock() throws {
      try makeCallsFile()
      try shop.release("v1", hook: noting("read x < /gate; echo done >> /calls"))
      let gate = Workspace.current.path.appending("files/gate").string
      try RunningProcess.output(["mkfifo", "-m", "666", gate])
      let process = try begin("v1", callsVolume + ["--volume", "\(gate):/gate"], until: "hook")
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      #expect(try shop.isLocked())
      let other = try shop.deploy("v1")
      #expect(other.end == .code(125))
      #expect(other.errors.contains("by what deployment 1 of v1 has left running: oneoff was kill"))
      let status = try shop.status()
      #expect(status["state"] as? String == "interrupted")
      #expect(status["running"] is NSNull)
      #expect(status["locked"] as? Bool == true)
      #expect(
        try perform(["status", "--app", "shop"]).output.contains("its hook or command goes on"))
      try RunningProcess.output(["sh", "-c", "echo > \(gate)"])
      try waitUntil { try shop.calls.last == "done" && !shop.isLocked() }
      #expect(shop.current == nil)
    }

    /// It would undo what the next deployment does.
    @Test func commandOfAKilledDeploymentGoesOnAndKeepsTheLock() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let gate = Workspace.current.path.appending("files/gate").string
      try RunningProcess.output(["mkfifo", gate])
      let process = try begin(
        "v2", steps: ["activate": "read x < \(gate); echo done >> \(shop.callsFile)"],
        until: "activate v2")
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      #expect(try shop.isLocked())
      #expect(try shop.deploy("v1").end == .code(125))
      try RunningProcess.output(["sh", "-c", "echo > \(gate)"])
      try waitUntil { try shop.calls.last == "done" && !shop.isLocked() }
      #expect(shop.current == "v1")
      // Requests may go to v2 now: they are given back to what is live, and v2 is ended.
      try shop.release("v3")
      let next = try shop.deploy("v3")
      #expect(next.end == .code(0), "\(next.output)")
      #expect(
        shop.calls.suffix(5) == [
          "activate v1", "abandon v2", "boot v3", "activate v3", "retire v3",
        ])
    }

    /// The lock is that of the command, and not of what it leaves running.
    @Test func whatACommandLeavesRunningHoldsNoLock() throws {
      try shop.release("v1")
      let pidFile = Workspace.current.path.appending("files/pid").string
      let boot = "sleep 60 >/dev/null 2>&1 & echo $! > \(pidFile)"
      #expect(try shop.deploy("v1", steps: ["boot": boot]).end == .code(0))
      let pid = try #require(
        Int32(try String(contentsOfFile: pidFile, encoding: .utf8).dropLast()))
      #expect(kill(pid, 0) == 0)
      #expect(try !shop.isLocked())
      kill(pid, SIGKILL)
    }

    // MARK: At most once

    @Test func oneDeploysAtATime() throws {
      try shop.release("v1")
      try shop.release("v2")
      let process = try begin("v1", steps: ["boot": "sleep 1"], until: "boot v1")
      let refused = try shop.deploy("v2")
      #expect(refused.end == .code(125))
      #expect(
        refused.errors.hasPrefix("oneoff: shop is being deployed by deployment 1 of v1 (process "))
      #expect(refused.errors.contains("--wait 10m"))
      let waited = try shop.deploy("v2", ["--wait", "20s"])
      #expect(waited.end == .code(0), "\(waited.errors)")
      #expect(waited.lines.first?.hasPrefix("-----> Waiting for deployment 1 of v1") == true)
      #expect(try process.wait() == .code(0))
      #expect(shop.calls.filter { $0.hasPrefix("activate") } == ["activate v1", "activate v2"])
      // What was refused is no deployment.
      #expect(try shop.deployments().count == 2)
    }

    @Test func phaseThatHasSucceededIsNotRunAgain() throws {
      try shop.release("v1")
      #expect(try shop.deploy("v1", steps: ["activate": "exit 1"]).end == .code(1))
      let again = try perform(["retry", "--app", "shop", "--once", "--activate", "true"])
      #expect(again.end == .code(0), "\(again.errors)")
      #expect(again.lines.contains("-----> The postdeploy hook has already succeeded for v1"))
      #expect(again.written == [])
      let anew = try perform(["deploy"] + shop.options("v1"))
      #expect(anew.written == ["migrated"])
    }

    @Test func hookThatHasSucceededIsNotRunAgain() throws {
      let directory = try shop.release("v1", hook: "echo migrated; exit $X")
      let arguments = { (x: String) in
        [
          "hook", "--once", "--app", "shop", "--container-version", "v1", "--rootfs", Built.tiny,
          "--app-dir", directory, "--env", "X=\(x)",
        ]
      }
      #expect(try perform(arguments("1")).end == .code(1))
      #expect(try perform(arguments("0")).written == ["migrated"])
      let again = try perform(arguments("1"))
      #expect(again.end == .code(0))
      #expect(again.lines == ["-----> The postdeploy hook has already succeeded for v1"])
      let nameless = try perform(["hook", "--once", "--rootfs", Built.tiny, "--app-dir", directory])
      #expect(nameless.end == .code(125))
      #expect(nameless.errors.contains("--container-version"))
    }
  }
}
