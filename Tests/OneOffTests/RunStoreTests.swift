import ContainerSpec
import FoundationEssentials
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// A store in a directory of its own.
private final class TemporaryStore {
  let path: FilePath

  init() throws {
    let name = randomBytes(8).map { String($0, radix: 16) }.joined()
    path = FilePath("/tmp/oneoff-store-\(name)")
    _ = try KeptDirectory(path: path).makeRuns()
  }

  deinit { try? removeTree(path) }

  func store() throws -> RunStore { RunStore(try KeptDirectory(path: path).makeRuns()) }

  /// Begins the record of a run.
  func begin(
    _ name: String, started: String = "2026-01-02T03:04:05.000000000Z"
  ) throws -> RunRecord {
    try RunRecord.begin(
      description(name, started: started), in: KeptDirectory(path: path).makeRuns())
  }

  func description(
    _ name: String, started: String = "2026-01-02T03:04:05.000000000Z"
  ) throws -> RunDescription {
    let spec = try Sample.spec {
      $0.environment = [try EnvironmentVariable(name: "API_TOKEN", value: "hunter2-hunter2")]
    }
    return RunDescription(
      id: try RunID(name), started: started, kind: .hook, app: "shop", command: ["rake db:migrate"],
      spec: spec)
  }

  func names(in directory: String) -> [String] {
    (try? directoryEntryNames(path.appending(directory)).sorted()) ?? []
  }
}

private let result = RunResult(
  status: 3, reason: .completed, exit: .init(code: 3), started: "2026-01-02T03:04:05.000000000Z",
  finished: "2026-01-02T03:04:06.000000000Z", durationMilliseconds: 1000, log: .init())

@Suite struct RunStoreTests {
  private let temporary: TemporaryStore

  init() throws { temporary = try TemporaryStore() }

  @Test func aRecordIsRunningThenEndedAndCanThenBeRemoved() throws {
    let id = try RunID("a")
    let store = try temporary.store()
    let record = try temporary.begin("a")
    #expect(try store.read(id)?.state == .running)
    #expect(try store.remove(id) == .running)
    #expect(temporary.names(in: "runs/a") == ["lock", "result.draft", "spec.json"])
    try record.end(result)
    #expect(try store.read(id)?.state == .ended(result))
    #expect(temporary.names(in: "runs/a") == ["lock", "result.json", "spec.json"])
    #expect(try store.remove(id) == .removed)
    #expect(try store.remove(id) == .missing)
    #expect(temporary.names(in: "runs") == [])
  }

  @Test func theRecordOfASupervisorThatIsGoneSaysSo() throws {
    let store = try temporary.store()
    do {
      let record = try temporary.begin("a")
      let log = CRILogWriter(owning: try record.makeLog())
      log.write(Array("one\ntwo".utf8)[...], tag: "stdout", time: .seconds(86_400))
      log.write(Array("err\n".utf8)[...], tag: "stderr", time: .seconds(86_401))
    }
    let lost = try #require(try store.read(RunID("a")))
    let expected = RunResult(
      status: 137, reason: .supervisorLost, started: "2026-01-02T03:04:05.000000000Z",
      finished: "1970-01-02T00:00:01.000000000Z", durationMilliseconds: nil,
      log: .init(stdoutBytes: 7, stderrBytes: 4))
    #expect(lost.state == .lost(expected))
    // It is kept, and the next reader does not make it anew.
    #expect(temporary.names(in: "runs/a").contains("result.json"))
    #expect(try store.read(RunID("a")) == lost)
    #expect(try store.waitForEnd(of: RunID("a")) == expected)
  }

  @Test func whatIsNoRecordOfALogCountsNothing() {
    var totals = StoredLogTotals()
    let header = "2026-01-02T03:04:05.123456789Z stdout F "
    for line in ["", "x", String(header.dropLast()), header.replacing("stdout", with: "stdin ")] {
      totals.add(Array(line.utf8)[...])
    }
    #expect(totals == StoredLogTotals())
    totals.add(Array(header.utf8)[...])
    #expect(totals == StoredLogTotals(stdoutBytes: 1, lastTime: "2026-01-02T03:04:05.123456789Z"))
  }

  @Test func aNameIsTakenOnceUntilItsRecordIsRemoved() throws {
    let record = try temporary.begin("a")
    #expect(throws: OneOffError.recordExists(try RunID("a"))) { _ = try temporary.begin("a") }
    // The other's is untouched, and nothing is left of the attempt.
    #expect(temporary.names(in: "runs") == ["a"])
    try record.end(result)
    #expect(throws: OneOffError.recordExists(try RunID("a"))) { _ = try temporary.begin("a") }
    #expect(try temporary.store().remove(RunID("a")) == .removed)
    _ = try temporary.begin("a")
  }

  @Test func noValueOfAVariableIsKept() throws {
    _ = try temporary.begin("a")
    let text = try readFile(temporary.path.appending("runs/a/spec.json"), limit: 1 << 20)
    let spec = String(decoding: text, as: UTF8.self)
    #expect(!spec.contains("hunter2"))
    #expect(spec.contains("[masked:API_TOKEN]"))
    #expect(try temporary.store().read(RunID("a"))?.description == temporary.description("a"))
  }

  @Test(arguments: ["spec.json", "result.json"])
  func whatOneoffHasNotWrittenIsAnErrorAndCanBeRemoved(file: String) throws {
    try temporary.begin("a").end(result)
    try temporary.begin("b").end(result)
    try replaceFile(
      temporary.path.appending("runs/a/\(file)"), with: Array("{}".utf8), permissions: 0o600)
    let store = try temporary.store()
    let (runs, unreadable) = try store.list()
    #expect(runs.map(\.description.id.text) == ["b"])
    #expect(unreadable.map(\.description).first?.contains("\(file) of the record a") == true)
    #expect(try store.remove(RunID("a")) == .removed)
  }

  @Test func listsTheNewestFirst() throws {
    for (name, second) in [("a", 2), ("b", 1), ("c", 3)] {
      _ = try temporary.begin(name, started: "2026-01-02T03:04:0\(second).000000000Z")
    }
    let runs = try temporary.store().list().runs
    #expect(runs.map(\.description.id.text) == ["c", "a", "b"])
  }

  @Test func halvesOfRecordsAreRemovedButNotOnesBeingMade() throws {
    let runs = try KeptDirectory(path: temporary.path).makeRuns()
    for name in [".empty", ".dead", ".alive"] {
      try runs.makeDirectory(name, permissions: 0o700, owner: effectiveOwner())
    }
    for file in ["lock", "spec.json"] {
      try replaceFile(
        temporary.path.appending("runs/.dead/\(file)"), with: [], permissions: 0o600)
    }
    guard let lock = try LockedFile.tryLock(temporary.path.appending("runs/.alive/lock")) else {
      Issue.record("nobody else has that lock")
      return
    }
    #expect(try temporary.store().ids() == [])
    #expect(try temporary.store().removeHalves() == 2)
    #expect(temporary.names(in: "runs") == [".alive"])
    withExtendedLifetime(lock.descriptor.number) {}
  }

  @Test func aRecordThatHasTakenTheNameSinceIsNotRemoved() throws {
    try temporary.begin("a", started: "2026-01-02T03:04:05.000000000Z").end(result)
    let store = try temporary.store()
    #expect(try store.remove(RunID("a"), started: "2025-01-02T03:04:05.000000000Z") == .missing)
    #expect(
      try store.remove(RunID("a"), started: "2026-01-02T03:04:05.000000000Z") == .removed)
  }

  @Test func aNameOrAUniqueBeginningIsFound() throws {
    func find(_ name: String) throws -> RunStore.Lookup {
      let ids = try ["app", "app-1", "app-2", "web.1"].map { try RunID($0) }
      return RunStore.find(try RunID(name), among: ids)
    }
    #expect(try find("app") == .found(RunID("app")))
    #expect(try find("app-2") == .found(RunID("app-2")))
    #expect(try find("w") == .found(RunID("web.1")))
    #expect(try find("ap") == .ambiguous([RunID("app"), RunID("app-1"), RunID("app-2")]))
    #expect(try find("app-3") == .missing)
    #expect(try find("web.11") == .missing)
  }

  @Test func aLinkIsNoRecordAndNothingBehindItIsTouched() throws {
    try temporary.begin("a").end(result)
    let runs = temporary.path.appending("runs")
    let (elsewhere, link) = (
      temporary.path.appending("elsewhere").string, runs.appending("b").string
    )
    try FileManager.default.moveItem(atPath: runs.appending("a").string, toPath: elsewhere)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: elsewhere)
    let store = try temporary.store()
    #expect(throws: OneOffError.self) { _ = try store.read(RunID("b")) }
    #expect(try store.remove(RunID("b")) == .missing)
    #expect(temporary.names(in: "elsewhere") == ["lock", "result.json", "spec.json"])
  }
}

@Suite struct KeptDirectoryTests {
  private func path(isRoot: Bool, _ variables: [String: String]) throws -> FilePath {
    try KeptDirectory(isRoot: isRoot) { variables[$0].map { Array($0.utf8) } }.path
  }

  @Test func isWhereTheEnvironmentSays() throws {
    let user = ["HOME": "/home/u", "XDG_STATE_HOME": "/state"]
    #expect(try path(isRoot: true, user) == "/var/lib/oneoff")
    #expect(try path(isRoot: false, user) == "/state/oneoff")
    #expect(try path(isRoot: false, ["HOME": "/home/u"]) == "/home/u/.local/state/oneoff")
    #expect(
      try path(isRoot: false, ["HOME": "/h", "XDG_STATE_HOME": "x"]) == "/h/.local/state/oneoff")
    #expect(try path(isRoot: true, ["ONEOFF_STATE_DIR": "/x"]) == "/x")
    #expect(throws: SpecError.self) { try path(isRoot: true, ["ONEOFF_STATE_DIR": "x"]) }
    #expect(throws: SpecError.self) { try path(isRoot: false, [:]) }
  }

  @Test func ofOthersOrALinkIsRefused() throws {
    let temporary = try TemporaryStore()
    let kept = KeptDirectory(path: temporary.path)
    for directory in [temporary.path, temporary.path.appending("runs")] {
      for mode in [0o720, 0o702] {
        try FileManager.default.setAttributes(
          [.posixPermissions: mode], ofItemAtPath: directory.string)
        #expect(throws: SpecError.self) { _ = try kept.findRuns() }
        #expect(throws: SpecError.self) { _ = try kept.makeRuns() }
      }
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o700], ofItemAtPath: directory.string)
    }
    let link = temporary.path.appending("link")
    try FileManager.default.createSymbolicLink(
      atPath: link.string, withDestinationPath: temporary.path.string)
    #expect(throws: SpecError.self) { _ = try KeptDirectory(path: link).findRuns() }
    #expect(try kept.findRuns() != nil)
    #expect(try KeptDirectory(path: temporary.path.appending("none")).findRuns() == nil)
  }
}

@Suite struct RunRetentionTests {
  private let temporary: TemporaryStore

  init() throws { temporary = try TemporaryStore() }

  private func run(
    _ name: String, finished day: Int?, state: (RunResult) -> RunState = { .ended($0) }
  ) throws -> RecordedRun {
    var result = result
    result.finished = day.map { Timestamp.text(.seconds($0 * 86_400)) }
    return RecordedRun(
      description: try temporary.description(name, started: Timestamp.text(.seconds(10 * 86_400))),
      state: state(result))
  }

  private func expired(_ retention: RunRetention, _ runs: [RecordedRun]) -> [String] {
    retention.expired(among: runs, now: .seconds(100 * 86_400)).map(\.id.text)
  }

  @Test func whatIsTooOldOrOneTooManyIsNotKept() throws {
    let runs = try [
      run("old", finished: 69), run("young", finished: 71),
      run("lost", finished: nil) { .lost($0) },
      run("new", finished: 100), run("alive", finished: 1) { _ in .running },
    ]
    #expect(expired(.standard, runs) == ["old", "lost"])
    #expect(expired(RunRetention(time: nil, count: 1), runs) == ["young", "old", "lost"])
    #expect(expired(RunRetention(time: nil, count: 3), runs) == ["lost"])
    #expect(expired(RunRetention(time: nil, count: nil), runs) == [])
    #expect(expired(RunRetention(time: nil, count: 0), runs) == ["new", "young", "old", "lost"])
    #expect(expired(RunRetention(time: .zero, count: nil), runs) == ["young", "old", "lost"])
  }
}
