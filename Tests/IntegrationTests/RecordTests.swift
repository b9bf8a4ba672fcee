import Foundation
import Glibc
import SystemPackage
import Testing

/// The records of a test's runs.
enum Records {
  static var runs: FilePath { Workspace.current.state.appending("runs") }

  /// The names in the directory of all records.
  static var names: [String] { HostSnapshot.entries(runs.string).sorted() }

  /// The files of a record.
  static func files(_ id: String) -> [String] {
    HostSnapshot.entries(runs.appending(id).string).sorted()
  }

  /// A JSON file of a record.
  static func object(_ id: String, _ file: String) throws -> [String: Any] {
    try jsonObject(file: runs.appending("\(id)/\(file)").string)
  }

  /// What `inspect` says.
  static func inspect(_ id: String) throws -> [String: Any] {
    let shown = try perform(["inspect", id])
    #expect(shown.status == 0, "\(shown.errors)")
    return try jsonObject(shown.stdout)
  }

  /// Starts a recorded run and returns once its record is there.
  static func start(
    _ id: String, _ options: [String] = [], command: [String] = ["sleep", "300"]
  ) throws -> RunningProcess {
    let process = try RunningProcess.quiet(
      [Built.program]
        + runArguments(["--name", id] + options, command: command))
    try waitUntil { FileManager.default.fileExists(atPath: runs.appending(id).string) }
    return process
  }

  /// Mounts a small file system as the state directory while `body` runs.
  static func onSmallDisk(_ size: String, _ body: () throws -> Void) throws {
    let state = Workspace.current.state.string
    try FileManager.default.createDirectory(
      atPath: state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let mounted = try RunningProcess.completion([
      "mount", "-t", "tmpfs", "-o", "size=\(size),mode=700", "none", state,
    ])
    #expect(mounted.status == 0, "\(mounted.errors)")
    defer { unsafe _ = umount2(state, Int32(MNT_DETACH)) }
    try body()
  }
}

extension IntegrationTests {
  @Suite struct RecordTests {
    @Test func aRunIsRecordedWhenAskedForAndEverythingAgrees() throws {
      let events = Workspace.current.path.appending("files/events").string
      let result = Workspace.current.path.appending("files/result").string
      let done = try run(
        ["--name", "first", "--events", events, "--result", result, "-e", "TOKEN=s3cret-s3cret"],
        "sh", "-c", "echo out; echo err >&2; exit 3")
      #expect(done.status == 3)
      #expect(done.output == "out\n")
      #expect(Records.files("first") == ["lock", "log", "result.json", "spec.json"])
      let kept = try Records.object("first", "result.json")
      let told = try Events(file: events)
      #expect(kept as NSDictionary == (told.result ?? [:]) as NSDictionary)
      #expect(told.all.first?["id"] as? String == "first")
      #expect(try jsonObject(file: result) as NSDictionary == kept as NSDictionary)
      #expect((kept["log"] as? [String: Any])?["unstored_bytes"] as? Int == 0)
      let log = try String(
        contentsOfFile: Records.runs.appending("first/log").string, encoding: .utf8)
      let messages = log.split(separator: "\n").map { $0.dropFirst(31) }.sorted()
      #expect(messages == ["stderr F err", "stdout F out"])
      let spec = try String(
        contentsOfFile: Records.runs.appending("first/spec.json").string, encoding: .utf8)
      #expect(spec.contains("TOKEN") && !spec.contains("s3cret"))
    }

    @Test func nobodyElseMayReadARecord() throws {
      #expect(try run(["--name", "a"], "true").status == 0)
      let runs = Records.runs.string
      let modes = try RunningProcess.output(["find", runs, "-printf", "%m %y\n"])
      #expect(Set(modes.split(separator: "\n")) == ["700 d", "600 f"])
      // Who follows an app's link to what is live may come by, and see no names.
      let state = Workspace.current.state.string
      #expect(try RunningProcess.output(["stat", "-c", "%a", state]) == "711\n")
    }

    @Test func aPlainRunLeavesNoRecord() throws {
      #expect(try run([], "true").status == 0)
      #expect(!FileManager.default.fileExists(atPath: Records.runs.string))
      #expect(try perform(["ps", "--all"]).lines.count == 1)
      #expect(try perform(["ps", "--all", "--json"]).output == "")
    }

    @Test func aCommandThatCouldNotBeExecutedIsRecorded() throws {
      #expect(try run(["--name", "a"], "no-such-command").status == 127)
      #expect(try Records.object("a", "result.json")["reason"] as? String == "setup-failed")
      #expect(try perform(["wait", "a"]).status == 127)
    }

    @Test func aHookIsRecordedUnlessItSaysOtherwise() throws {
      let app = try Workspace.current.make("files/shop")
      try Workspace.current.write("shop/Procfile", "postdeploy: echo \"$APP\" migrated\n")
      let hook = ["hook", "--rootfs", Built.tiny, "--app-dir", app]
      #expect(try perform(hook + ["--no-record"]).status == 0)
      #expect(!FileManager.default.fileExists(atPath: Records.runs.string))
      #expect(try perform(hook).status == 0)
      #expect(try perform(hook + ["--name", "named"]).status == 0)
      let runs = try perform(["ps", "-a", "--json"]).lines.map { try jsonObject($0.utf8) }
      #expect(runs.first?["id"] as? String == "named")
      #expect(runs.count == 2)
      #expect(
        runs.allSatisfy { $0["app"] as? String == "shop" && $0["kind"] as? String == "hook" })
      #expect(runs.last?["command"] as? [String] == ["echo \"$APP\" migrated"])
      let both = try perform(hook + ["--no-record", "--record"])
      #expect(both.status == 125 && both.errors.contains("exclude each other"))
    }

    @Test func aHookWithoutARecordRunsAndARunThatMustHaveOneDoesNot() throws {
      try Workspace.current.write("state", "a file is in the way")
      let environment = [
        "ONEOFF_STATE_DIR": Workspace.current.path.appending("files/state").string
      ]
      let app = try Workspace.current.make("files/shop")
      try Workspace.current.write("shop/Procfile", "postdeploy: echo migrated; exit 4\n")
      let hook = ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--events", "-"]
      let warned = try perform(hook, environment: environment)
      #expect(warned.status == 4)
      #expect(warned.output.contains(#""code":"no-record""#), "\(warned.output)")
      #expect(warned.output.contains("migrated"))
      let result = try #require(try Events(warned.output).result)
      #expect(warningCodes(of: result) == ["no-record"])
      for arguments in [hook + ["--record"], runArguments(["--record"], command: ["true"])] {
        let refused = try perform(arguments, environment: environment)
        #expect(refused.status == 125)
        #expect(refused.errors.contains("hint: chown and chmod it, or name another"))
        #expect(!refused.output.contains("migrated"))
      }
    }

    @Test func ofManyRunsOfANameAtOnceExactlyOneIs() throws {
      for round in 1...5 {
        let processes = try (0..<8).map { _ in
          try RunningProcess.quiet(
            [Built.program] + runArguments(["--name", "one-\(round)"], command: ["sleep", "0.3"]))
        }
        let ends = try processes.map { try $0.wait() }
        #expect(ends.filter { $0 == .code(0) }.count == 1)
        #expect(ends.filter { $0 == .code(125) }.count == 7)
        #expect(try Records.object("one-\(round)", "result.json")["status"] as? Int == 0)
      }
      let again = try run(["--name", "one-1"], "true")
      #expect(again.status == 125)
      #expect(again.errors.contains("hint: choose another name, or remove the record: oneoff rm"))
      // Also by the id alone, where a record is not asked for: the caller has named the run.
      let app = try Workspace.current.make("files/shop")
      try Workspace.current.write("shop/Procfile", "postdeploy: true\n")
      let hook = try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app, "--id", "one-1"])
      #expect(hook.status == 125)
    }

    @Test func anOrdinaryUserHasRecordsOfHisOwn() throws {
      for user in OrdinaryUser.allCases {
        let name = "\(user)"
        #expect(try user.shell(["--name", name], "echo hello; exit 7").status == 7)
        #expect(try user.perform(["wait", name]).status == 7)
        #expect(
          try OrdinaryUser.owner(of: Records.runs.appending("\(name)/result.json").string)
            == "\(OrdinaryUser.id):\(OrdinaryUser.id)")
        // Another user's directory, root's own too, is refused.
        let root = try perform(["ps"])
        #expect(
          root.status == 125 && root.errors.contains("is not a directory that only its owner"))
        #expect(try user.perform(["rm", name]).status == 0)
      }
    }
  }

  @Suite struct RecordVerbTests {
    @Test func psShowsWhatLivesAndAllWhenAsked() throws {
      let process = try Records.start("alive")
      #expect(try run(["--name", "over"], "sh", "-c", "exit 3").status == 3)
      let living = try perform(["ps"]).lines
      #expect(living.count == 2)
      #expect(living[1].hasPrefix("alive  run   running  "))
      #expect(living[1].hasSuffix("  sleep 300"))
      let all = try perform(["ps", "--all"]).lines
      #expect(all.map { String($0.prefix(5)) } == ["ID   ", "over ", "alive"])
      #expect(all[1].contains("  ended  "), "\(all)")
      #expect(all[1].contains("  3  "), "\(all)")
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
      #expect(try perform(["ps"]).lines.count == 1)
    }

    @Test func inspectShowsEverythingButSecrets() throws {
      #expect(try run(["--name", "a", "--timeout", "90s"], "sh", "-c", "exit 3").status == 3)
      let shown = try Records.inspect("a")
      #expect(shown["state"] as? String == "ended")
      #expect((shown["result"] as? [String: Any])?["status"] as? Int == 3)
      let spec = try #require(shown["spec"] as? [String: Any])
      #expect(spec["command"] as? [String] == ["sh", "-c", "exit 3"])
      #expect(spec["layers"] as? [String] == [Built.tiny])
      let missing = try perform(["inspect", "b"])
      #expect(missing.status == 1 && missing.errors.contains("there is no record of a run 'b'"))
      #expect(try perform(["inspect", "../runs/a"]).status == 125)
    }

    @Test func waitersGetTheCommandsOwnStatus() throws {
      let process = try Records.start("slow", command: ["sh", "-c", "sleep 0.5; exit 9"])
      let waiters = try (0..<5).map { _ in
        try RunningProcess.quiet([Built.program, "wait", "slow"])
      }
      for waiter in waiters { #expect(try waiter.wait() == .code(9)) }
      #expect(try process.wait() == .code(9))
      #expect(try run(["--name", "good"], "true").status == 0)
      #expect(try run(["--name", "bad"], "sh", "-c", "exit 4").status == 4)
      #expect(try perform(["wait", "good"]).status == 0)
      #expect(try perform(["wait", "good", "sl", "bad"]).status == 9)
      #expect(try perform(["wait", "bad", "slow"]).status == 4)
      #expect(try perform(["wait", "none"]).status == 125)
      #expect(try perform(["wait"]).status == 125)
    }

    @Test func waitingCanBeInterruptedAndDoesNotEndTheRun() throws {
      let process = try Records.start("slow")
      let waiter = try RunningProcess.quiet([Built.program, "wait", "slow"])
      let sleeping = "/proc/\(waiter.pid)/wchan"
      try waitUntil { try String(contentsOfFile: sleeping, encoding: .utf8).contains("lock") }
      waiter.send(SIGINT)
      #expect(try waiter.wait() == .signal(SIGINT))
      #expect(try perform(["ps"]).lines.count == 2)
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
    }

    @Test func whatLivesIsNeverRemoved() throws {
      let process = try Records.start("alive")
      #expect(try run(["--name", "over"], "true").status == 0)
      let both = try perform(["rm", "alive", "over", "none"])
      #expect(both.status == 1)
      #expect(both.errors.contains("the run alive is alive"))
      #expect(both.errors.contains("hint: end it first: oneoff kill alive"))
      #expect(both.errors.contains("there is no record of a run 'none'"))
      #expect(Records.files("over") == [])
      #expect(try perform(["gc", "--keep", "0s", "--keep-runs", "0"]).status == 0)
      #expect(Records.files("alive").contains("log"))
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
      #expect(try perform(["rm", "al"]).status == 0)
      #expect(Records.names == [])
    }

    @Test func gcRemovesWhatIsNotKept() throws {
      for number in 1...3 { #expect(try run(["--name", "run-\(number)"], "true").status == 0) }
      let kept = try perform(["gc"])
      #expect(kept.output == "0 leftovers removed\n0 records removed\n")
      let dry = try perform(["gc", "--keep-runs", "2", "--dry-run"])
      #expect(dry.output == "0 leftovers would be removed\n1 record would be removed\nrun-1\n")
      #expect(try perform(["ps", "-a"]).lines.count == 4)
      #expect(
        try perform(["gc", "--keep", "none", "--keep-runs", "2"]).lines[1] == "1 record removed")
      #expect(Records.names == ["run-2", "run-3"])
      #expect(
        try perform(["gc", "--keep", "0s", "--keep-runs", "none"]).lines[1] == "2 records removed")
    }
  }
}
