import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// How deployments go, and what they leave.
  @Suite struct DeploymentTests {
    private let shop = Shop()

    @Test func releaseGoesLiveStepByStep() throws {
      try shop.goLive("v1")
      #expect(shop.current == "v1")
      try shop.release(
        "v2", hook: "echo \"$ONEOFF_REASON $ONEOFF_ATTEMPT $ONEOFF_PREVIOUS_VERSION\"",
        more: "release: echo early\n")
      let done = try shop.deploy("v2")
      #expect(done.end == .code(0), "\(done.errors)")
      let shapes = done.lines.map { line in
        line.replacing(#/ \([\d.]+ m?s\)$/#, with: "").replacing(#/: echo .*/#, with: "")
      }
      #expect(
        shapes == [
          "-----> Deploying v2 of shop (deployment 2)",
          "-----> Running release hook of the Procfile", "       early",
          "-----> The release hook succeeded", "-----> Starting v2",
          "-----> Running postdeploy hook of the Procfile", "       deploy 1 v1",
          "-----> The postdeploy hook succeeded", "-----> Activating v2", "-----> v2 is live",
          "-----> Ending v1", "-----> Deployed v2",
        ])
      #expect(shop.calls == ["boot v2", "activate v2", "retire v2"])
      #expect(shop.current == "v2")
      let link = Workspace.current.state.appending("apps/shop/current").string
      #expect(
        try RunningProcess.output(["readlink", "-f", link]) == shop.directory(of: "v2") + "\n")
      let status = try shop.status()
      #expect(status["current"] as? String == "v2")
      #expect(status["previous"] as? String == "v1")
      #expect(status["state"] as? String == "success")
      #expect(status["directory"] as? String == shop.directory(of: "v2"))
      #expect(status["running"] is NSNull)
    }

    /// A step that fails, what the platform sees of it, and which commands were called.
    struct Failure: Sendable, CustomTestStringConvertible {
      var step: String
      var state: String
      var status: Int32
      var calls: [String]
      var more: [String] = []
      var testDescription: String { "\(step) \(state)" }
    }

    static let failures = [
      Failure(step: "release", state: "hook-error", status: 4, calls: []),
      Failure(step: "boot", state: "crashed-error", status: 5, calls: ["boot v2", "abandon v2"]),
      Failure(
        step: "boot-hangs", state: "timeout-error", status: 124, calls: ["boot v2", "abandon v2"],
        // Long enough for the command to say where it is first.
        more: ["--command-timeout", "2s"]),
      Failure(
        step: "ready", state: "timeout-error", status: 124, calls: ["boot v2", "abandon v2"],
        more: ["--ready", "exec:echo not yet; exit 1", "--ready-timeout", "300ms"]),
      Failure(step: "hook", state: "hook-error", status: 3, calls: ["boot v2", "abandon v2"]),
      Failure(
        step: "hook-hangs", state: "hook-error", status: 124, calls: ["boot v2", "abandon v2"],
        more: ["--timeout", "300ms", "--grace", "100ms"]),
      Failure(
        step: "activate", state: "activate-error", status: 6,
        calls: ["boot v2", "activate v2", "activate v1", "abandon v2"]),
    ]

    @Test(arguments: failures) func whatFailsBeforeTheSwitchLeavesTheOldRelease(
      failure: Failure
    ) throws {
      try shop.goLive("v1")
      let hook =
        switch failure.step {
        case "hook": "exit 3"
        case "hook-hangs": "sleep 60"
        default: "true"
        }
      try shop.release(
        "v2", hook: hook, more: failure.step == "release" ? "release: exit 4\n" : "")
      let steps = ["boot": "exit 5", "boot-hangs": "sleep 60", "activate": "exit 6"]
      let step = String(failure.step.prefix { $0 != "-" })
      let done = try shop.deploy(
        "v2", steps: steps[failure.step].map { [step: $0] } ?? [:], failure.more)
      #expect(done.status == failure.status, "\(done.output)\(done.errors)")
      #expect(done.lines.last?.hasPrefix(" !     v2 was not deployed (\(failure.state)): ") == true)
      #expect(done.lines.last?.contains("; v1 stays live (") == true)
      #expect(shop.current == "v1")
      #expect(shop.calls == failure.calls)
      let deployment = try #require(try shop.deployments().first)
      #expect(deployment["state"] as? String == failure.state)
      #expect(deployment["status"] as? Int32 == failure.status)
      #expect(deployment["abandoned"] as? Bool == !failure.calls.isEmpty)
      #expect(try shop.status()["current"] as? String == "v1")
      #expect(try !shop.isLocked())
    }

    @Test func whatFailsAfterTheSwitchIsAWarning() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let done = try shop.deploy("v2", steps: ["retire": "exit 7"])
      #expect(done.end == .code(0))
      #expect(done.lines.contains(" !     warning: --retire failed: status 7"))
      #expect(shop.current == "v2")
      #expect(
        try shop.deployments().first?["warnings"] as? [String] == ["--retire failed: status 7"])
    }

    @Test func firstDeploymentRetiresNobodyAndMayHaveAHookOfItsOwn() throws {
      try shop.release("v1")
      try Workspace.current.write(
        "releases/v1/app.json", #"{"scripts": {"first-deploy": "echo first; exit 1"}}"#)
      let failed = try shop.deploy("v1")
      #expect(failed.end == .code(1))
      #expect(failed.lines.last?.contains("nothing is live") == true)
      #expect(shop.current == nil)
      // It is the first one still.
      try Workspace.current.write(
        "releases/v1/app.json", #"{"scripts": {"first-deploy": "echo first"}}"#)
      let first = try perform(["retry", "--app", "shop"])
      #expect(first.written == ["first"])
      #expect(!shop.calls.contains("retire v1"))
      #expect(try shop.deploy("v1").written == ["migrated"])
      // What is deployed once more is not ended after that.
      #expect(!shop.calls.contains("retire v1"))
    }

    @Test func releaseWithoutAHookGoesLive() throws {
      try shop.release("v1", hook: nil)
      let done = try shop.deploy("v1")
      #expect(done.end == .code(0))
      #expect(shop.current == "v1")
      #expect(try shop.deployments().first?["phases"] as? [String] == [])
    }

    @Test func commandsKnowWhatIsDeployed() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let environment = Workspace.current.path.appending("files/environment").string
      let done = try shop.deploy(
        "v2", steps: ["activate": "env | grep ^ONEOFF_ | sort > \(environment)"])
      #expect(done.end == .code(0))
      let values = try String(contentsOfFile: environment, encoding: .utf8)
        .split(separator: "\n").filter {
          !$0.contains("_DIR=/tmp/oneoff-itest") || $0.contains("APP_DIR")
        }
        .filter { !$0.hasPrefix("ONEOFF_STATE_DIR") && !$0.hasPrefix("ONEOFF_RUNTIME_DIR") }
      #expect(
        values.map(String.init) == [
          "ONEOFF_APP=shop", "ONEOFF_APP_DIR=\(shop.directory(of: "v2"))", "ONEOFF_ATTEMPT=1",
          "ONEOFF_DEPLOYMENT=2", "ONEOFF_PREVIOUS_APP_DIR=\(shop.directory(of: "v1"))",
          "ONEOFF_PREVIOUS_VERSION=v1", "ONEOFF_REASON=deploy", "ONEOFF_RELEASE=v2",
          "ONEOFF_ROOTFS=\(Built.tiny)", "ONEOFF_STEP=activate",
        ])
    }

    /// What a command leaves running keeps nobody waiting, and is not ended with it.
    @Test func serverOutlivesTheCommandThatStartsIt() throws {
      try shop.release("v1")
      let pidFile = Workspace.current.path.appending("files/pid").string
      let begun = ContinuousClock.now
      let done = try shop.deploy("v1", steps: ["boot": "sleep 60 & echo $! > \(pidFile); echo up"])
      #expect(done.end == .code(0))
      #expect(done.written.first == "up")
      #expect(ContinuousClock.now - begun < .seconds(20))
      let pid = try #require(
        Int32(try String(contentsOfFile: pidFile, encoding: .utf8).dropLast()))
      #expect(kill(pid, 0) == 0)
      kill(pid, SIGKILL)
      try waitUntil { kill(pid, 0) != 0 || Self.isZombie(pid) }
    }

    private static func isZombie(_ pid: Int32) -> Bool {
      (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8))?.contains(") Z ") ?? true
    }

    @Test(arguments: ["tcp:127.0.0.1:", "http:http://127.0.0.1:"])
    func newVersionIsWaitedFor(probe: String) throws {
      try shop.release("v1")
      let port = UInt16.random(in: 20_000...29_000)
      let pidFile = Workspace.current.path.appending("files/pid").string
      let site = try Workspace.current.make("files/site")
      try Workspace.current.write("site/index.html", "ok")
      let server = "busybox httpd -f -p 127.0.0.1:\(port) -h \(site) >/dev/null 2>&1"
      let boot = "{ sleep 0.5; exec \(server); } >/dev/null 2>&1 & echo $! > \(pidFile)"
      let done = try shop.deploy("v1", steps: ["boot": boot], ["--ready", "\(probe)\(port)"])
      #expect(done.end == .code(0), "\(done.output)\(done.errors)")
      #expect(done.output.contains("-----> Waiting until it is ready: "))
      let text = try String(contentsOfFile: pidFile, encoding: .utf8)
      kill(try #require(Int32(text.dropLast())), SIGKILL)
    }

    @Test func eventsTellOfTheDeploymentAndOfItsHooks() throws {
      try shop.release("v1", hook: "echo migrated; exit 3")
      let file = Workspace.current.path.appending("files/events").string
      #expect(try shop.deploy("v1", ["--events", file]).end == .code(3))
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let events = try text.split(separator: "\n").map { try jsonObject($0.utf8) }
      let kinds = events.map { event in
        let step = (event["deployment"] as? [String: Any])?["step"] as? String
        return "\(event["event"] ?? "") \(step ?? "")"
      }
      #expect(
        kinds == [
          "deployment ", "deployment boot", "deployment hook", "started ", "log ", "finished ",
          "deployment abandon", "deployment abandon",
        ])
      let last = events.last?["deployment"] as? [String: Any]
      #expect(last?["state"] as? String == "hook-error")
      let onStdout = try shop.deploy("v1", ["--events", "-"])
      #expect(try onStdout.lines.map { try jsonObject($0.utf8) }.count == kinds.count)
      #expect(onStdout.errors.contains("-----> Deploying v1 of shop (deployment 2)"))
    }

    @Test func nobodyHasToReadTheLog() throws {
      try shop.release("v1", hook: "for i in 1 2 3; do echo $i; sleep 0.05; done")
      let done = try RunningProcess.completion(
        [
          "sh", "-c", "\"$@\" | head -1", "sh", Built.program, "deploy",
        ] + shop.options("v1"))
      #expect(done.lines.count == 1)
      try waitUntil { try !shop.isLocked() }
      #expect(shop.current == "v1")
      #expect(try shop.state() == "success")
    }
  }
}
