import Foundation
import Glibc
import SystemPackage
import Testing

/// What befalls a run, at a moment that is drawn by lot.
private enum Mishap: CaseIterable {
  case nothing, supervisorKilled, supervisorStopped, callerKilled, readerKilled, commandKilled
  case commandStopped, firstProcessKilled, diskFull

  /// Whether the command may have ended otherwise than by itself.
  var mayEndTheRun: Bool {
    [.supervisorKilled, .callerKilled, .commandKilled, .firstProcessKilled].contains(self)
  }
}

/// How a run is started.
private enum Start: CaseIterable {
  case recorded, detached, hook, endsWithCaller

  func arguments(_ id: String, script: String, app: String) -> [String] {
    let command = ["sh", "-c", script]
    return switch self {
    case .recorded: runArguments(["--name", id], command: command)
    case .detached: runArguments(["-d", "--name", id], command: command)
    case .hook: ["hook", "--name", id, "--rootfs", Built.tiny, "--app-dir", app]
    case .endsWithCaller:
      runArguments(["--name", id, "--on-caller-death", "kill"], command: command)
    }
  }
}

/// A recorded run to which something happens.
private struct ChaosRun {
  let id: String
  let mishap: Mishap
  let start: Start
  let status: Int32
  let lines: Int
  let moment: UInt32

  /// The one of a number, always the same.
  init(_ number: Int, _ generator: inout SystemRandomNumberGenerator) {
    id = "chaos-\(number)"
    mishap = Mishap.allCases[number % Mishap.allCases.count]
    start = Start.allCases[number / Mishap.allCases.count % Start.allCases.count]
    status = Int32.random(in: 0...99, using: &generator)
    lines = Int.random(in: 0...3000, using: &generator)
    moment = UInt32.random(in: 0...60_000, using: &generator)
  }

  var description: String {
    "\(id) \(start) \(mishap) after \(moment) us, status \(status), \(lines) lines"
  }

  /// Output before and after a moment in which much can happen.
  var script: String {
    "echo begin; sleep 0.02; probe lines \(lines); echo end >&2; exit \(status)"
  }

  /// Runs it, lets happen what is to, and returns once the caller has ended.
  func execute() throws {
    let app = try Workspace.current.make("files/app-\(id)")
    if start == .hook {
      try Workspace.current.write("app-\(id)/Procfile", "postdeploy: \(script)\n")
    }
    let program = [Built.program] + start.arguments(id, script: script, app: app)
    let caller = try RunningProcess.quiet(["sh", "-c", "\"$@\"; exit $?", "caller"] + program)
    let reader =
      mishap == .readerKilled
      ? try RunningProcess.quiet([
        "sh", "-c", "until \"$0\" logs -f \(id) 2>/dev/null; do sleep 0.005; done", Built.program,
      ]) : nil
    usleep(moment)
    try letHappen(caller, reader)
    _ = try caller.wait()
    _ = try reader?.wait()
  }

  private func letHappen(_ caller: RunningProcess, _ reader: RunningProcess?) throws {
    switch mishap {
    case .nothing, .diskFull: break
    case .callerKilled: caller.send(SIGKILL)
    case .readerKilled: reader?.send(SIGKILL)
    case .supervisorKilled: signal(supervisors, SIGKILL)
    case .supervisorStopped:
      let some = supervisors
      signal(some, SIGSTOP)
      usleep(30_000)
      signal(some, SIGCONT)
    case .firstProcessKilled: signal(supervisors.flatMap(Self.children), SIGKILL)
    case .commandKilled:
      signal(supervisors.flatMap(Self.children).flatMap(Self.children), SIGKILL)
    case .commandStopped:
      let some = supervisors.flatMap(Self.children).flatMap(Self.children)
      signal(some, SIGSTOP)
      usleep(30_000)
      signal(some, SIGCONT)
    }
  }

  private func signal(_ processes: [Int], _ number: Int32) {
    for process in processes { kill(pid_t(process), number) }
  }

  /// The processes of oneoff that hold the record's lock open.
  private var supervisors: [Int] {
    let lock = Records.runs.appending("\(id)/lock").string
    return HostSnapshot.processIDs().filter { process in
      guard let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8),
        words.hasPrefix(Built.program + "\0run") || words.hasPrefix(Built.program + "\0hook")
          || words.hasPrefix("oneoff\0supervise")
      else { return false }
      return HostSnapshot.entries("/proc/\(process)/fd").contains {
        HostSnapshot.target("/proc/\(process)/fd/\($0)") == lock
      }
    }
  }

  private static func children(_ process: Int) -> [Int] {
    let path = "/proc/\(process)/task/\(process)/children"
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { Int($0) }
  }

  /// The record says how the run ended, and that is possible.
  ///
  /// - Returns: whether there is a record.
  func expectTruth() throws -> Bool {
    // Whose caller is dead may still begin its record.
    if mishap == .callerKilled { try waitUntil { HostSnapshot.processes(of: "\(id)\0").isEmpty } }
    let waited = try perform(["wait", id])
    if waited.errors.contains("there is no record") {
      #expect(mishap == .supervisorKilled || mishap == .callerKilled, "\(description)")
      return false
    }
    let shown = try Records.inspect(id)
    let result = try #require(shown["result"] as? [String: Any], "\(description)")
    let reason = try #require(result["reason"] as? String, "\(description)")
    #expect(result["status"] as? Int == Int(waited.status), "\(description): \(shown)")
    switch (shown["state"] as? String, reason) {
    case ("ended", "completed"):
      #expect(waited.status == status, "\(description): \(shown)")
      try expectLog(result)
    case ("ended", _) where mishap == .callerKilled && start == .endsWithCaller:
      // The command may have ended by itself while it was told to.
      #expect(
        reason == "cancelled" && [143, status].contains(waited.status), "\(description): \(shown)")
    case ("ended", "signaled"):
      #expect(mishap == .commandKilled || mishap == .firstProcessKilled, "\(description): \(shown)")
      #expect(waited.status == 137, "\(description): \(shown)")
    case ("ended", "setup-failed"):
      // Before the command was executed.
      #expect(mishap == .commandKilled || mishap == .firstProcessKilled, "\(description): \(shown)")
    case ("lost", "supervisor-lost"):
      #expect(mishap == .supervisorKilled, "\(description): \(shown)")
      #expect(waited.status == 137, "\(description): \(shown)")
    default: Issue.record("\(description): \(shown)")
    }
    return true
  }

  /// Of a run that has ended by itself every byte is there, or counted.
  private func expectLog(_ result: [String: Any]) throws {
    let log = try #require(result["log"] as? [String: Any])
    let stdout = try perform(["logs", "--stream", "stdout", id])
    let stderr = try perform(["logs", "--stream", "stderr", id])
    let unstored = try #require(log["unstored_bytes"] as? Int)
    #expect(unstored == 0 || mishap == .diskFull, "\(description): \(log)")
    let written =
      try #require(log["stdout_bytes"] as? Int) + (try #require(log["stderr_bytes"] as? Int))
    #expect(stdout.stdout.count + stderr.stdout.count == written - unstored, "\(description)")
    guard unstored == 0 else { return }
    #expect(stderr.output == "end\n", "\(description)")
    #expect(stdout.lines.count == lines + 1, "\(description)")
    #expect(stdout.lines.first == "begin", "\(description)")
  }
}

extension IntegrationTests {
  /// Whatever dies, stops or is full while a run is recorded: no record is unreadable, no status
  /// wrong, and nothing stays.
  @Suite struct ChaosTests {
    /// `ONEOFF_CHAOS_RUNS=600` makes as many as the project promises.
    private static let count =
      ProcessInfo.processInfo.environment["ONEOFF_CHAOS_RUNS"].flatMap { Int($0) } ?? 72

    @Test func whateverHappensARecordSaysTheTruth() throws {
      var generator = SystemRandomNumberGenerator()
      let runs = (0..<Self.count).map { ChaosRun($0, &generator) }
      var recorded = 0
      for run in runs where run.mishap != .diskFull {
        try run.execute()
        if try run.expectTruth() { recorded += 1 }
      }
      #expect(try perform(["ps"]).lines.count == 1)
      #expect(try perform(["gc"]).status == 0)
      #expect(Records.names.count == recorded)
    }

    @Test func aDiskThatIsFullChangesNoStatus() throws {
      try Records.onSmallDisk("300k") {
        var generator = SystemRandomNumberGenerator()
        let runs = (0..<Self.count).map { ChaosRun($0, &generator) }
        for run in runs where run.mishap == .diskFull {
          // As full as it happens to be.
          let ballast = Workspace.current.state.appending("ballast").string
          let size = Int.random(in: 0...280_000)
          _ = try? Data(count: size).write(to: URL(fileURLWithPath: ballast))
          try run.execute()
          try? FileManager.default.removeItem(atPath: ballast)
          if Records.names.contains(run.id) {
            #expect(try run.expectTruth())
            #expect(try perform(["rm", run.id]).status == 0)
          }
        }
      }
    }

    @Test func aDetachedRunIsThereOrHasSaidWhyNot() throws {
      for number in 0..<max(10, Self.count / 8) {
        let id = "begun-\(number)"
        let begun = try run(["-d", "--name", id], "sh", "-c", "exit 3")
        #expect(begun.status == 0 && begun.output == "\(id)\n", "\(begun.errors)")
        #expect(try perform(["wait", id]).status == 3)
      }
    }
  }
}
