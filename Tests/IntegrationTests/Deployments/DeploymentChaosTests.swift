import Foundation
import Glibc
import SystemPackage
import Testing

/// What is killed in the middle of a deployment, at a moment that is drawn by lot.
private enum Victim: CaseIterable {
  /// `oneoff deploy` itself.
  case deployer
  /// The supervisor of its hook, or of the phase `release`.
  case supervisor
  /// Both at once.
  case both
}

/// A deployment that is killed; seed and number determine everything about it but how fast the
/// machine is.
private struct KilledDeployment {
  let version: String
  let victim: Victim
  private let moment: UInt32
  private let description: String

  init(_ number: UInt64, seed: UInt64) {
    var numbers = SplitMix(seed: seed &<< 20 &+ number)
    version = "v\(1 + numbers.next(below: 4))"
    victim = Victim.allCases[Int(number) % Victim.allCases.count]
    // A deployment takes about 150 ms, more on a busy machine. The first is killed before anything
    // is kept of its app.
    moment = number == 0 ? 0 : UInt32(numbers.next(below: 200_000))
    description = "\(number) of \(seed): \(victim) of \(version) after \(moment) us"
  }

  /// Deploys, and kills; returns whether anybody was struck.
  func execute(_ shop: Shop) throws -> Bool {
    let process = try RunningProcess.quiet(
      [Built.program, "deploy"]
        + shop.options(version, steps: ["boot": "sleep 0.02", "activate": "sleep 0.01"]))
    usleep(moment)
    var victims: [Int32] = []
    if victim != .deployer { victims += Self.supervisors(of: process.pid) }
    if victim != .supervisor { victims.append(process.pid) }
    for pid in victims { kill(pid, SIGKILL) }
    let end = try process.wait()
    return victim == .supervisor ? !victims.isEmpty : end == .signal(SIGKILL)
  }

  private static func supervisors(of deployer: Int32) -> [Int32] {
    HostSnapshot.processIDs().filter { process in
      let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
      let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      let parent = stat?.split(separator: ")").last?.split(separator: " ").dropFirst().first
      return words?.hasPrefix("oneoff\0supervise-hook") == true && parent == "\(deployer)"
    }.map(Int32.init)
  }

  /// What is live is what was activated, and whoever comes next finds everything in order.
  func expectOrder(_ shop: Shop, liveBefore: String?) throws {
    try waitUntil { try !shop.isLocked() }
    let records = HostSnapshot.entries(shop.kept.appending("deployments").string)
    guard records.contains(where: { $0.hasSuffix(".json") && !$0.hasPrefix(".") }) else {
      #expect(liveBefore == nil, "\(description)")
      return
    }
    let current = shop.current
    let deployments = try shop.deployments()
    let last = deployments.first ?? [:]
    if last["release"] as? String == version, current != liveBefore {
      #expect(current == version, "\(description): \(last)")
      #expect(
        shop.calls.last { $0.hasPrefix("activate") } == "activate \(version)", "\(description)")
      #expect(last["state"] as? String == "success", "\(description): \(last)")
    }
    if let current { #expect(shop.calls.contains("activate \(current)"), "\(description)") }
    for deployment in deployments {
      let state = try #require(deployment["state"] as? String)
      #expect(
        ["success", "interrupted", "hook-error", "aborted"].contains(state),
        "\(description): \(deployment)")
    }
    let status = try shop.status()
    #expect(status["current"] as? String == current, "\(description)")
    #expect(status["running"] is NSNull, "\(description)")
  }
}

extension IntegrationTests {
  /// Whenever and whatever is killed: `current` is right, and nobody is kept from deploying.
  @Suite struct DeploymentChaosTests {
    /// `ONEOFF_DEPLOYMENT_KILLS=300`, as `make torture` has it, makes as many as the project
    /// promises; `ONEOFF_CHAOS_SEED` makes those of an earlier time again.
    private static let count =
      repetitions("ONEOFF_DEPLOYMENT_KILLS", usually: 45, atLeast: 10)
    private static let seed =
      numberInEnvironment("ONEOFF_CHAOS_SEED") ?? .random(in: 0...UInt64(UInt32.max))

    @Test func killsNeverMoveTheLinkNorLeaveALock() throws {
      let shop = Shop()
      for version in 1...4 {
        try shop.release("v\(version)", hook: "sleep 0.02", more: "release: sleep 0.01\n")
      }
      var struck = 0
      for number in 0..<Self.count {
        let killed = KilledDeployment(number, seed: Self.seed)
        let before = shop.current
        if try killed.execute(shop) { struck += 1 }
        try killed.expectOrder(shop, liveBefore: before)
        // Whoever comes next is not in anybody's way, and ends what was left.
        guard number % 5 == 4 else { continue }
        let next = try shop.deploy("v1")
        #expect(next.end == .code(0), "\(number) of \(Self.seed): \(next.output)\(next.errors)")
        #expect(shop.current == "v1")
      }
      let deployments = try shop.deployments()
      for deployment in deployments where deployment["state"] as? String == "interrupted" {
        // What was live when it was begun once more is not ended.
        let wasLive = deployment["release"] as? String == deployment["previous"] as? String
        let owes = deployment["booted"] as? Bool == true && !wasLive
        let isLast = deployment["number"] as? Int == deployments.first?["number"] as? Int
        #expect(
          !owes || isLast || deployment["abandoned"] as? Bool == true,
          "seed \(Self.seed): \(deployment)")
      }
      // Of the hooks' runs.
      #expect(try perform(["gc"]).status == 0)
      let states = deployments.compactMap { $0["state"] as? String }
      let interrupted = states.count { $0 == "interrupted" }
      print(
        "\(struck) of \(Self.count) kills struck, \(interrupted) interrupted (seed \(Self.seed))")
      #expect(struck > 0 && interrupted > 0, "nobody was struck (seed \(Self.seed))")
    }
  }
}
