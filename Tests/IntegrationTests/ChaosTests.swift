import Foundation
import Glibc
import SystemPackage
import Testing

/// What befalls a run, at a moment that is drawn by lot.
private enum Mishap: CaseIterable {
  case nothing, supervisorKilled, supervisorStopped, callerKilled, readerKilled, commandKilled
  case commandStopped, firstProcessKilled, diskFull
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

/// A recorded run to which something happens; seed and number determine everything about it but how
/// fast the machine is.
private struct ChaosRun {
  let id: String
  let mishap: Mishap
  let start: Start
  /// How much of the disk others have, where it is to be full.
  let ballast: Int
  private let status: Int32
  private let lines: Int
  /// Whether the moment is one after the run has a record, and not after its start.
  private let awaitsRecord: Bool
  /// In microseconds.
  private let moment: UInt32

  init(_ number: UInt64, seed: UInt64) {
    var numbers = SplitMix(seed: seed &<< 20 &+ number)
    id = "chaos-\(seed)-\(number)"
    mishap = Mishap.allCases[Int(number) % Mishap.allCases.count]
    start = Start.allCases[Int(number) / Mishap.allCases.count % Start.allCases.count]
    status = Int32(numbers.next(below: 100))
    // Of a disk that is to be full, enough to fill it mostly.
    lines = mishap == .diskFull ? 1000 + numbers.next(below: 2000) : numbers.next(below: 3000)
    // Nobody can read what is not there, and a disk is full from the beginning.
    let isEarly = numbers.next(below: 4) == 0
    awaitsRecord = mishap == .readerKilled || mishap != .diskFull && !isEarly
    // The command takes at least 20 ms.
    moment = UInt32(numbers.next(below: awaitsRecord ? 25_000 : 60_000))
    ballast = 180_000 + numbers.next(below: 100_000)
  }

  var description: String {
    let begin = awaitsRecord ? "the record" : "the start"
    return "\(id) \(start) \(mishap) \(moment) us after \(begin), status \(status), \(lines) lines"
  }

  /// Output before and after a moment in which much can happen.
  private var script: String {
    "echo begin; sleep 0.02; probe lines \(lines); echo end >&2; exit \(status)"
  }

  /// Runs it, lets happen what is to, and returns once the caller has ended.
  ///
  /// - Returns: whether it has struck somebody.
  func execute() throws -> Bool {
    let app = try Workspace.current.make("files/app-\(id)")
    if start == .hook {
      try Workspace.current.write("app-\(id)/Procfile", "postdeploy: \(script)\n")
    }
    let program = [Built.program] + start.arguments(id, script: script, app: app)
    let caller = try RunningProcess.quiet(["sh", "-c", "\"$@\"; exit $?", "caller"] + program)
    if awaitsRecord {
      try waitUntil { FileManager.default.fileExists(atPath: Records.runs.appending(id).string) }
    }
    let reader =
      mishap == .readerKilled
      ? try RunningProcess.quiet([Built.program, "logs", "-f", id]) : nil
    usleep(moment)
    let hasStruck = try letHappen(caller, reader)
    let callersEnd = try caller.wait()
    let readersEnd = try reader?.wait()
    return switch mishap {
    // Who has ended takes signals until he is waited for.
    case .callerKilled: callersEnd == .signal(SIGKILL)
    case .readerKilled: readersEnd == .signal(SIGKILL)
    default: hasStruck
    }
  }

  /// - Returns: whether there was anybody.
  private func letHappen(_ caller: RunningProcess, _ reader: RunningProcess?) throws -> Bool {
    switch mishap {
    case .nothing, .diskFull: return false
    case .callerKilled: return signal([Int(caller.pid)], SIGKILL)
    case .readerKilled: return signal(reader.map { [Int($0.pid)] } ?? [], SIGKILL)
    case .supervisorKilled: return signal(supervisors, SIGKILL)
    case .supervisorStopped: return stop(supervisors)
    case .firstProcessKilled: return signal(supervisors.flatMap(Self.children), SIGKILL)
    case .commandKilled:
      return signal(supervisors.flatMap(Self.children).flatMap(Self.children), SIGKILL)
    case .commandStopped:
      return stop(supervisors.flatMap(Self.children).flatMap(Self.children))
    }
  }

  /// - Returns: whether one of them was there.
  private func signal(_ processes: [Int], _ number: Int32) -> Bool {
    processes.count { kill(pid_t($0), number) == 0 } > 0
  }

  private func stop(_ processes: [Int]) -> Bool {
    let hasStopped = signal(processes, SIGSTOP)
    usleep(30_000)
    _ = signal(processes, SIGCONT)
    return hasStopped
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
  /// - Parameter isStruck: whether the mishap has met anybody.
  /// - Returns: nil when there is no record; how much of the output is not stored.
  func expectTruth(isStruck: Bool) throws -> Int? {
    // Whose caller is dead may still begin its record.
    if mishap == .callerKilled { try waitUntil { HostSnapshot.processes(of: "\(id)\0").isEmpty } }
    let waited = try perform(["wait", id])
    if waited.errors.contains("there is no record") {
      #expect(
        isStruck && (mishap == .supervisorKilled || mishap == .callerKilled), "\(description)")
      return nil
    }
    let shown = try Records.inspect(id)
    let result = try #require(shown["result"] as? [String: Any], "\(description)")
    let reason = try #require(result["reason"] as? String, "\(description)")
    #expect(result["status"] as? Int == Int(waited.status), "\(description): \(shown)")
    #expect(isStruck || reason == "completed", "\(description): \(shown)")
    switch (shown["state"] as? String, reason) {
    case ("ended", "completed"):
      #expect(waited.status == status, "\(description): \(shown)")
      return try expectLog(result)
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
    return 0
  }

  /// Of a run that has ended by itself every byte is there, or counted.
  ///
  /// - Returns: how many are not there.
  private func expectLog(_ result: [String: Any]) throws -> Int {
    let log = try #require(result["log"] as? [String: Any])
    let stdout = try perform(["logs", "--stream", "stdout", id])
    let stderr = try perform(["logs", "--stream", "stderr", id])
    let unstored = try #require(log["unstored_bytes"] as? Int)
    #expect(unstored == 0 || mishap == .diskFull, "\(description): \(log)")
    let written =
      try #require(log["stdout_bytes"] as? Int) + (try #require(log["stderr_bytes"] as? Int))
    #expect(stdout.stdout.count + stderr.stdout.count == written - unstored, "\(description)")
    guard unstored == 0 else { return unstored }
    #expect(stderr.output == "end\n", "\(description)")
    #expect(stdout.lines.count == lines + 1, "\(description)")
    #expect(stdout.lines.first == "begin", "\(description)")
    return 0
  }
}

extension IntegrationTests {
  /// Whatever dies, stops or is full while a run is recorded: no record is unreadable, no status
  /// wrong, and nothing stays.
  @Suite struct ChaosTests {
    /// `ONEOFF_CHAOS_RUNS=600`, as `make torture` has it, makes as many as the project promises;
    /// `ONEOFF_CHAOS_SEED` makes those of an earlier time again.
    private static let count = repetitions("ONEOFF_CHAOS_RUNS", usually: 72, atLeast: 36)
    private static let seed =
      numberInEnvironment("ONEOFF_CHAOS_SEED") ?? .random(in: 0...UInt64(UInt32.max))
    private static let runs = (0..<count).map { ChaosRun($0, seed: seed) }

    @Test func whateverHappensARecordSaysTheTruth() throws {
      var recorded = 0
      var struck: [Mishap: Int] = [:]
      for run in Self.runs where run.mishap != .diskFull {
        let isStruck = try run.execute()
        if isStruck { struck[run.mishap, default: 0] += 1 }
        if try run.expectTruth(isStruck: isStruck) != nil { recorded += 1 }
      }
      for mishap in Mishap.allCases where mishap != .nothing && mishap != .diskFull {
        let made = Self.runs.count { $0.mishap == mishap }
        print("\(mishap): \(struck[mishap, default: 0]) of \(made) (seed \(Self.seed))")
        #expect(struck[mishap, default: 0] > 0, "\(mishap) struck nobody (seed \(Self.seed))")
      }
      #expect(try perform(["ps"]).lines.count == 1)
      #expect(try perform(["gc"]).status == 0)
      #expect(Records.names.count == recorded)
    }

    @Test func aDiskThatIsFullChangesNoStatus() throws {
      try Records.onSmallDisk("300k") {
        var (partlyStored, refused) = (0, 0)
        let runs = Self.runs.filter { $0.mishap == .diskFull }
        for run in runs {
          let ballast = Workspace.current.state.appending("ballast").string
          try Data(count: run.ballast).write(to: URL(fileURLWithPath: ballast))
          _ = try run.execute()
          try FileManager.default.removeItem(atPath: ballast)
          guard Records.names.contains(run.id) else {
            refused += 1
            continue
          }
          let unstored = try #require(try run.expectTruth(isStruck: false), "\(run.description)")
          if unstored > 0 { partlyStored += 1 }
          #expect(try perform(["rm", run.id]).status == 0, "\(run.description)")
        }
        print("\(runs.count) on a full disk: \(partlyStored) stored in part, \(refused) not begun")
        #expect(partlyStored > 0, "no disk was full (seed \(Self.seed))")
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
