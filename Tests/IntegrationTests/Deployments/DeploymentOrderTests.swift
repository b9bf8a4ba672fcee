import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// Requests go where `current` leads, and whoever decides by what is known has the lock.
  @Suite struct DeploymentOrderTests {
    private let shop = Shop()

    /// A fifo, whose reader waits until somebody writes.
    private func makeGate() throws -> String {
      let gate = Workspace.current.path.appending("files/gate").string
      try RunningProcess.output(["mkfifo", gate])
      return gate
    }

    private func open(_ gate: String) throws {
      try RunningProcess.output(["sh", "-c", "echo > \(gate)"])
    }

    // MARK: Requests

    @Test func failedActivationGivesTheRequestsBack() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let done = try shop.deploy("v2", steps: ["activate": "exit 3"])
      #expect(done.end == .code(3))
      #expect(shop.calls == ["boot v2", "activate v2", "activate v1", "abandon v2"])
      #expect(try shop.state() == "activate-error")
      #expect(done.lines.contains { $0.hasPrefix("-----> Giving the requests back to v1: ") })
    }

    @Test func releaseThatIsReplacedOnceItIsActiveGivesThemBack() throws {
      try shop.goLive("v1")
      let directory = try shop.release("v2")
      let replace = "mv \(directory) \(directory).old && mkdir \(directory)"
      let done = try shop.deploy("v2", steps: ["activate": replace])
      #expect(done.end == .code(125))
      #expect(shop.calls == ["boot v2", "activate v2", "activate v1", "abandon v2"])
      #expect(shop.current == "v1")
      #expect(try shop.state() == "aborted")
    }

    /// What may have the requests is not ended; the next deployment sees to it.
    @Test func requestsThatCannotBeGivenBackKeepTheirVersion() throws {
      let file = Workspace.current.path.appending("files/broken").string
      try shop.release("v1")
      try shop.release("v2")
      let step = ["activate": "test ! -e \(file)"]
      #expect(try shop.deploy("v1", steps: step).end == .code(0))
      try Workspace.current.write("broken", "")
      let done = try shop.deploy("v2", steps: step)
      #expect(done.end == .code(1))
      #expect(shop.calls.suffix(3) == ["boot v2", "activate v2", "activate v1"])
      #expect(done.output.contains("--activate failed"))
      #expect(try shop.deployments().first?["activated"] as? Bool == true)
      try FileManager.default.removeItem(atPath: file)
      let next = try shop.deploy("v2", steps: step)
      #expect(next.end == .code(0), "\(next.errors)")
      #expect(
        shop.calls.suffix(5)
          == ["activate v1", "abandon v2", "boot v2", "activate v2", "retire v2"])
      #expect(shop.current == "v2")
    }

    /// That the live release's options are gone is no reason not to deploy another.
    @Test func liveReleaseWhoseOptionsAreGoneIsNotInTheWay() throws {
      let file = try Workspace.current.write("deploy.json", #"{"heartbeat": "none"}"#)
      let directory = try Workspace.current.make("files/checkout")
      try shop.release("v1")
      let deployed = try RunningProcess.completion(
        ["env", "--chdir", directory, Built.program, "deploy"] + shop.options("v1")
          + ["--config", file])
      #expect(deployed.end == .code(0), "\(deployed.errors)")
      for path in [file, directory] { try FileManager.default.removeItem(atPath: path) }
      try shop.release("v2")
      let failed = try shop.deploy("v2", steps: ["activate": "exit 3"])
      #expect(failed.end == .code(3))
      #expect(failed.output.contains("deploy.json' does not exist"))
      // What may have the requests is not ended.
      #expect(shop.calls.last == "activate v2")
      let done = try shop.deploy("v2")
      #expect(done.end == .code(0), "\(done.errors)")
      // Nor is a directory that is gone, for whom every path is absolute.
      try Workspace.current.write("deploy.json", "{}")
      let back = try perform(["rollback", "--app", "shop"])
      #expect(back.end == .code(0), "\(back.errors)")
      #expect(shop.current == "v1")
    }

    // MARK: Who decides

    @Test func rollbackThatHasWaitedGoesBackFromWhatIsLiveThen() throws {
      try shop.goLive("v1", "v2")
      try shop.release("v3")
      let gate = try makeGate()
      let process = try RunningProcess.quiet(
        [Built.program, "deploy"] + shop.options("v3", steps: ["boot": "read x < \(gate)"]))
      try waitUntil { shop.calls.contains("boot v3") }
      let back = try RunningProcess.quiet(
        [Built.program, "rollback", "--app", "shop", "--wait", "60s", "--boot", "true"])
      let again = try RunningProcess.quiet(
        [Built.program, "retry", "--app", "shop", "--wait", "60s", "--boot", "true"])
      try open(gate)
      #expect(try process.wait() == .code(0))
      #expect(try back.wait() == .code(0))
      // What it would have done again has succeeded, whoever came first.
      #expect(try again.wait() == .code(125))
      #expect(shop.current == "v2")
      #expect(try shop.deployments().count == 4)
    }

    @Test func deploymentThatIsGoneIsNotTheOneThatHasTheLock() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let gate = try makeGate()
      try RunningProcess.output(["mkfifo", gate + ".boot"])
      let process = try RunningProcess.quiet(
        [Built.program, "deploy"]
          + shop.options(
            "v2", steps: ["abandon": "read x < \(gate)", "boot": "read x < \(gate).boot"]))
      try waitUntil { shop.calls.contains("boot v2") }
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      try open(gate + ".boot")
      try waitUntil { try !shop.isLocked() }
      // It has the lock, and ends what the other has left.
      let next = try RunningProcess.quiet(
        [Built.program, "retry", "--app", "shop", "--boot", "true"])
      try waitUntil { shop.calls.contains("abandon v2") }
      let status = try shop.status()
      #expect(status["state"] as? String == "interrupted")
      #expect(status["running"] is NSNull)
      #expect(try shop.state() == "interrupted")
      let refused = try shop.deploy("v2")
      #expect(refused.errors.contains("shop is being deployed by oneoff retry (process "))
      try open(gate)
      #expect(try next.wait() == .code(0))
      #expect(shop.current == "v2")
    }

    /// It is tried again, as after a kill.
    @Test func abandonThatFailedIsDoneByTheNext() throws {
      let file = try Workspace.current.write("broken", "")
      try shop.goLive("v1")
      try shop.release("v2", hook: "exit 1")
      let steps = ["abandon": "test ! -e \(file)"]
      #expect(try shop.deploy("v2", steps: steps).end == .code(1))
      try FileManager.default.removeItem(atPath: file)
      try shop.release("v3")
      let next = try shop.deploy("v3")
      #expect(next.end == .code(0), "\(next.errors)")
      #expect(
        shop.calls
          == ["boot v2", "abandon v2", "abandon v2", "boot v3", "activate v3", "retire v3"])
    }

    // MARK: What is known

    /// A migration is not made twice because whoever waited for it was killed.
    @Test func hookThatOutlivedItsDeploymentIsDoneOnce() throws {
      let gate = try makeGate()
      try RunningProcess.output(["chmod", "666", gate])
      try shop.release("v1", hook: "read x < /gate")
      let options = ["--volume", "\(gate):/gate"]
      let process = try RunningProcess.quiet(
        [Built.program, "deploy"] + shop.options("v1") + options)
      // Opening it waits for the hook to be there.
      let opener = try RunningProcess.quiet([
        "sh", "-c", "exec 5>\(gate); kill -9 \(process.pid); echo >&5",
      ])
      #expect(try process.wait() == .signal(SIGKILL))
      #expect(try opener.wait() == .code(0))
      try waitUntil { try !shop.isLocked() }
      let again = try perform(["retry", "--app", "shop", "--once"])
      #expect(again.end == .code(0), "\(again.errors)")
      #expect(again.lines.contains("-----> The postdeploy hook has already succeeded for v1"))
      let phases = try shop.deployments().last?["phases"] as? [[String: Any]]
      let run = try #require(phases?.first)
      #expect(run["status"] as? Int == 0)
      #expect(try perform(["inspect", run["run"] as? String ?? ""]).end == .code(0))
    }

    /// A version that was live is the directory that was live.
    @Test func failedDeploymentOfAnOldVersionDoesNotMoveIt() throws {
      try shop.goLive("v1", "v2")
      let other = try shop.release("v1b", hook: "exit 1")
      let failed = try perform(
        ["deploy", "--app", "shop", "--release", "v1", "--rootfs", Built.tiny]
          + ["--app-dir", other])
      #expect(failed.end == .code(1))
      #expect(try perform(["rollback", "--app", "shop", "--to", "v1"]).end == .code(0))
      #expect(try shop.status()["directory"] as? String == shop.directory(of: "v1"))
    }

    @Test func relativePathsBeginWhereItWasDeployed() throws {
      let directory = Workspace.current.path.appending("files").string
      try shop.release("v1", hook: "exit 1")
      try Workspace.current.write("stop", "echo stopped >> \(shop.callsFile)\n")
      try Workspace.current.write(
        "deploy.json", #"{"rootfs": "\#(Built.tiny)", "abandon": "sh ./stop", "boot": "true"}"#)
      let deploy =
        [Built.program, "deploy", "--app", "shop", "--release", "v1", "--config", "deploy.json"]
        + ["--app-dir", "releases/v1"]
      let inDirectory = ["env", "--chdir", directory]
      #expect(try RunningProcess.completion(inDirectory + deploy).end == .code(1))
      #expect(shop.calls == ["stopped"])
      #expect(try perform(["retry", "--app", "shop"]).end == .code(1))
      #expect(shop.calls == ["stopped", "stopped"])
      // Nor is it somewhere else for whoever ends what a killed one has left.
      try shop.release("v1")
      let process = try RunningProcess.quiet(
        inDirectory + deploy + ["--boot", shop.command("boot", then: "kill -9 $PPID; true")])
      _ = try process.wait()
      try waitUntil { try shop.calls.contains("boot v1") && !shop.isLocked() }
      let next = try shop.deploy("v1")
      #expect(next.end == .code(0), "\(next.output)")
      #expect(shop.calls.contains("boot v1"))
      #expect(shop.calls.count { $0 == "stopped" } == 3)
    }

    @Test func appThatHasOnlyASecretWasNeverDeployed() throws {
      let app = try Workspace.current.make("files/secretive")
      try Workspace.current.write(
        "secretive/app.json",
        #"{"env": {"KEY": {"generator": "secret"}}, "scripts": {"postdeploy": "true"}}"#)
      let hook = try perform(
        ["hook", "--app", "shop", "--rootfs", Built.tiny, "--app-dir", app])
      #expect(hook.end == .code(0), "\(hook.errors)")
      for verb in ["status", "deploys", "retry", "rollback"] {
        let done = try perform([verb, "--app", "shop"])
        #expect(done.end == .code(1))
        #expect(done.errors.contains("shop was never deployed"))
      }
      #expect(HostSnapshot.entries(shop.kept.appending("releases").string) == [])
    }
  }
}
