import Foundation
import SystemPackage
import Testing

extension IntegrationTests {
  /// Deployments of what is known already: retry and rollback.
  @Suite struct DeploymentAgainTests {
    private let shop = Shop()

    @Test func rollbackGoesToTheReleaseBefore() throws {
      try shop.goLive("v1", "v2")
      let done = try perform(["rollback", "--app", "shop"])
      #expect(done.end == .code(0), "\(done.errors)")
      #expect(shop.current == "v1")
      // Its hook does not undo what that of the later one has done.
      #expect(done.written == [])
      #expect(shop.calls == ["boot v1", "activate v1", "retire v1"])
      #expect(try shop.deployments().first?["reason"] as? String == "rollback")
      let forward = try perform(["rollback", "--app", "shop", "--to", "v2", "--hook"])
      #expect(forward.end == .code(0), "\(forward.errors)")
      #expect(forward.written == ["migrated"])
      #expect(shop.current == "v2")
    }

    @Test func onlyWhatWasLiveCanBeGoneBackTo() throws {
      let unknown = try perform(["rollback", "--app", "shop"])
      #expect(unknown.end == .code(1))
      #expect(unknown.errors.contains("shop was never deployed"))
      try shop.goLive("v1")
      let first = try perform(["rollback", "--app", "shop"])
      #expect(first.end == .code(1))
      #expect(first.errors.contains("nothing was live before v1"))
      try shop.release("v2", hook: "exit 1")
      #expect(try shop.deploy("v2").end == .code(1))
      let failed = try perform(["rollback", "--app", "shop", "--to", "v2"])
      #expect(failed.end == .code(1))
      #expect(failed.errors.contains("v2 has never been live"))
      let retried = try perform(["retry", "--app", "shop"])
      #expect(retried.end == .code(1))
      let live = try perform(["rollback", "--app", "shop", "--to", "v1"])
      #expect(live.end == .code(1))
      #expect(live.errors.contains("v1 is live already"))
      try shop.goLive("v3")
      let over = try perform(["retry", "--app", "shop"])
      #expect(over.end == .code(125))
      #expect(over.errors.contains("has succeeded: v3 is live"))
    }

    @Test func whatIsDoneAgainIsTheSameRelease() throws {
      try shop.goLive("v1", "v2")
      try shop.release("v3", hook: "exit 1")
      #expect(try shop.deploy("v3").end == .code(1))
      for verb in ["retry", "rollback"] {
        for option in ["--release", "--app-dir"] {
          let done = try perform([verb, "--app", "shop", option, "v1"])
          #expect(done.end == .code(125))
          #expect(done.errors.contains("oneoff \(verb) has no option '\(option)'"))
        }
      }
      // A file of options has changed meanwhile, which names what the next deployment is of.
      let file = try Workspace.current.write(
        "deploy.json", #"{"release": "v2", "app-dir": "\#(shop.directory(of: "v2"))"}"#)
      try shop.release("v3")
      let retried = try perform(["retry", "--app", "shop", "--config", file])
      #expect(retried.end == .code(0), "\(retried.errors)")
      #expect(shop.current == "v3")
      #expect(try shop.status()["directory"] as? String == shop.directory(of: "v3"))
      let back = try perform(["rollback", "--app", "shop", "--config", file, "--to", "v1"])
      #expect(back.end == .code(0), "\(back.errors)")
      #expect(try shop.status()["directory"] as? String == shop.directory(of: "v1"))
    }

    @Test func releaseThatIsGoneCannotBeGoneBackTo() throws {
      try shop.goLive("v1", "v2")
      try FileManager.default.removeItem(atPath: shop.directory(of: "v1"))
      let done = try perform(["rollback", "--app", "shop"])
      #expect(done.end == .code(1))
      #expect(
        done.errors.contains(
          "the release v1 of shop is gone: there is no directory \(shop.directory(of: "v1"))"))
      #expect(shop.calls == [])
      #expect(shop.current == "v2")
    }

    /// They are about a call: a descriptor of then is another file now.
    @Test func optionsOfACallAreNotThoseOfTheNext() throws {
      try shop.release("v1", hook: "exit 1")
      let result = Workspace.current.path.appending("files/result.json").string
      let done = try RunningProcess.completion(
        [
          "sh", "-c", "exec 7>\(result).events; exec \"$@\"", "sh", Built.program, "deploy",
        ] + shop.options("v1") + ["--events", "7", "--result", result, "--quiet"])
      #expect(done.end == .code(1))
      let kept = try String(
        contentsOfFile: shop.kept.appending("deployments/1.json").string, encoding: .utf8)
      for name in ["events", "result", "quiet", "release", "app-dir"] {
        #expect(!kept.contains(#""name":"\#(name)""#), "\(kept)")
      }
      #expect(kept.contains(#""name":"boot""#))
      try FileManager.default.removeItem(atPath: result)
      try shop.release("v1")
      let again = try perform(["retry", "--app", "shop"])
      #expect(again.end == .code(0), "\(again.errors)")
      #expect(again.lines.contains { $0.hasPrefix("-----> Deploying v1 again, attempt 2") })
      #expect(!FileManager.default.fileExists(atPath: result))
    }

    /// Whoever goes back without phases does so once more when it is tried again.
    @Test func retriedRollbackRunsNoPhases() throws {
      try shop.goLive("v1", "v2")
      let failed = try perform(["rollback", "--app", "shop", "--activate", "exit 3"])
      #expect(failed.end == .code(3))
      for _ in 1...2 {
        let again = try perform(["retry", "--app", "shop", "--activate", "exit 4"])
        #expect(again.end == .code(4))
        #expect(again.written == [])
      }
      let done = try perform(["retry", "--app", "shop", "--activate", "true"])
      #expect(done.end == .code(0), "\(done.errors)")
      #expect(done.written == [])
      #expect(shop.current == "v1")
    }
  }
}
