import Foundation
import SystemPackage
import Testing

/// An app that is deployed: its releases are in the workspace, and each command of the platform's
/// notes that it was called.
struct Shop {
  let name = "shop"

  /// What the platform's commands have noted, such as `boot v1`.
  var calls: [String] {
    let text = try? String(contentsOfFile: callsFile, encoding: .utf8)
    return (text ?? "").split(separator: "\n").map(String.init)
  }

  /// The file that they write to.
  var callsFile: String { Workspace.current.path.appending("files/calls").string }

  /// A command that notes a step and its release, and then does something more.
  func command(_ step: String, then rest: String = "true") -> String {
    "echo \(step) $ONEOFF_RELEASE >> \(callsFile); \(rest)"
  }

  /// Makes a release whose hook is this command; returns its directory.
  @discardableResult
  func release(_ version: String, hook: String? = "echo migrated", more: String = "") throws
    -> String
  {
    let entry = hook.map { "postdeploy: \($0)\n" } ?? ""
    try Workspace.current.write("releases/\(version)/Procfile", "web: x\n\(entry)\(more)")
    return directory(of: version)
  }

  func directory(of version: String) -> String {
    Workspace.current.path.appending("files/releases/\(version)").string
  }

  /// The options of a deployment with every command; those in `steps` do something else.
  func options(_ version: String, steps: [String: String] = [:]) -> [String] {
    [
      "--app", name, "--release", version, "--rootfs", Built.tiny, "--app-dir",
      directory(of: version),
    ]
      + ["boot", "activate", "retire", "abandon"].flatMap { step in
        ["--\(step)", command(step, then: steps[step] ?? "true")]
      }
  }

  /// Deploys a release.
  func deploy(
    _ version: String, steps: [String: String] = [:], _ more: [String] = [],
    environment: [String: String] = [:]
  ) throws -> Completion {
    try perform(
      ["deploy"] + options(version, steps: steps) + more, environment: environment)
  }

  /// Makes releases and deploys them, which succeeds.
  func goLive(_ versions: String...) throws {
    for version in versions {
      try release(version)
      let done = try deploy(version)
      #expect(done.end == .code(0), "\(done.errors)\(done.output)")
    }
    try? FileManager.default.removeItem(atPath: callsFile)
  }

  // MARK: What is kept

  var kept: FilePath { Workspace.current.state.appending("apps/\(name)") }

  /// Where `current` leads; nil when it is not there.
  var current: String? {
    let link = try? FileManager.default.destinationOfSymbolicLink(
      atPath: kept.appending("current").string)
    return link.flatMap { FilePath($0).lastComponent?.string }
  }

  /// What `oneoff status --json` says.
  func status() throws -> [String: Any] {
    let done = try perform(["status", "--app", name, "--json"])
    #expect(done.end == .code(0), "\(done.errors)")
    return try jsonObject(done.stdout)
  }

  /// What `oneoff deploys --json` says, the newest first.
  func deployments() throws -> [[String: Any]] {
    let done = try perform(["deploys", "--app", name, "--json"])
    #expect(done.end == .code(0), "\(done.errors)")
    return try done.lines.map { try jsonObject($0.utf8) }
  }

  /// The state of the last deployment.
  func state() throws -> String? { try deployments().first?["state"] as? String }

  /// Whether somebody deploys it. Of an app that nothing is kept of yet, nobody does.
  func isLocked() throws -> Bool {
    let lock = kept.appending("lock").string
    guard FileManager.default.fileExists(atPath: lock) else { return false }
    let done = try RunningProcess.completion(["flock", "--nonblock", lock, "true"])
    #expect(done.end == .code(0) || done.end == .code(1), "\(done.errors)")
    return done.end == .code(1)
  }
}
