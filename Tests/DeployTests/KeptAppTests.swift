import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage
import Testing

@testable import Deploy

/// What is kept of apps, in a directory of its own.
private final class TemporaryKeep {
  let path: FilePath

  init() {
    let name = randomBytes(8).map { String($0, radix: 16) }.joined()
    path = FilePath("/tmp/oneoff-keep-\(name)")
  }

  deinit { try? removeTree(path) }

  func app(_ name: String = "shop") throws -> KeptApp {
    try KeptApp(making: AppName(name), in: KeptDirectory(path: path))
  }

  func entry(
    _ number: Int, release: String = "v1", state: Deployment.State = .starting,
    step: Deployment.Step? = nil, previous: String? = nil
  ) -> DeploymentHistory.Entry {
    var deployment = Deployment(
      number: number, app: "shop", release: release, reason: .deploy, attempt: 1,
      previous: previous, started: "2026-01-02T03:04:05.000000000Z")
    deployment.state = state
    deployment.step = step
    return .init(
      deployment: deployment, options: [.init(name: "app", value: "shop")], workingDirectory: "/",
      releaseDirectory: "/srv/shop/\(release)")
  }
}

@Suite struct KeptAppTests {
  private let keep = TemporaryKeep()

  @Test func linkLeadsToTheReleaseOnceItIsSwitched() throws {
    let app = try keep.app()
    let (v1, v2) = (try ReleaseVersion("v1"), try ReleaseVersion("v2"))
    #expect(try app.current() == nil)
    try app.prepare(v1, in: "/srv/shop/v1")
    #expect(try app.current() == nil)
    try app.switchToPrepared()
    #expect(try app.current() == v1)
    try app.prepare(v2, in: "/srv/shop/v2")
    app.dropPrepared()
    #expect(try app.current() == v1)
    #expect(throws: SystemError.self) { try app.switchToPrepared() }
    #expect(try app.current() == v1)
    #expect(try app.directory(of: v2) == "/srv/shop/v2")
    #expect(try app.directory(of: ReleaseVersion("v3")) == nil)
    #expect(try linkTarget(of: app.path.appending("current")) == "releases/v1")
    #expect(try linkTarget(of: app.path.appending("releases/v1")) == "/srv/shop/v1")
  }

  @Test func preparingTakesWhatIsLeftOfAKilledOne() throws {
    let app = try keep.app()
    let version = try ReleaseVersion("v1")
    for directory in ["/srv/a", "/srv/b"] { try app.prepare(version, in: FilePath(directory)) }
    try app.descriptor.open("releases", flags: .directory).makeSymbolicLink(".v1", to: "/x")
    try app.prepare(version, in: "/srv/c")
    #expect(try app.directory(of: version) == "/srv/c")
  }

  @Test func oneHasTheLock() throws {
    let app = try keep.app()
    do {
      guard let first = try app.tryLock() else {
        Issue.record("nobody has it")
        return
      }
      first.note(LockHolder(purpose: "deployment 1 of v1", pid: 7, since: "2026"))
      let state = try app.lockState()
      #expect(state == .held(LockHolder(purpose: "deployment 1 of v1", pid: 7, since: "2026")))
      let second = try app.tryLock() != nil
      #expect(!second)
    }
    let state = try app.lockState()
    #expect(state == .free)
  }

  @Test func phasesThatHaveSucceededAreKept() throws {
    let app = try keep.app()
    let (v1, v2) = (try ReleaseVersion("v1"), try ReleaseVersion("v2"))
    #expect(try app.phasesDone(of: v1) == [])
    try app.noteSuccess(of: .init(phase: "postdeploy", run: "r", status: 0), in: v1)
    try app.noteSuccess(of: .init(phase: "postdeploy", run: "s", status: 0), in: v1)
    #expect(try app.phasesDone(of: v1) == ["postdeploy"])
    #expect(try app.phasesDone(of: v2) == [])
  }

  @Test func everybodyMayFollowTheLinkAndNobodyReadTheRest() throws {
    let app = try keep.app()
    _ = try DeploymentHistory(making: app)
    try app.prepare(ReleaseVersion("v1"), in: "/srv/shop/v1")
    let permissions = { (name: String) in
      try fileStatus(following: self.keep.path.appending(name)).permissions & 0o777
    }
    #expect(try permissions("") == 0o711)
    #expect(try permissions("apps") == 0o755)
    #expect(try permissions("apps/shop/releases") == 0o755)
    #expect(try permissions("apps/shop/deployments") == 0o700)
  }

  @Test(arguments: [
    "", ".", "..", "a/b", "-a", ".a", "a..b", "a b", "a\n", String(repeating: "a", count: 65),
  ])
  func namesThatAreNoFileNamesAreRefused(name: String) {
    #expect(throws: SpecError.self) { try AppName(name) }
    if name.count < 65 { #expect(throws: SpecError.self) { try ReleaseVersion(name) } }
  }

  @Test func versionsMayBeWhatTagsAre() throws {
    for version in ["v42", "1.2.3+build@4", "2026-01-02T03:04", String(repeating: "f", count: 128)]
    {
      #expect(try ReleaseVersion(version).text == version)
    }
  }

  // MARK: The history

  @Test func deploymentsComeBackAsTheyWere() throws {
    let history = try DeploymentHistory(making: keep.app())
    #expect(try history.entries().readable == [])
    for number in [1, 2, 10] { try history.write(keep.entry(number)) }
    try history.reserveEnd(of: keep.entry(10))
    let ended = keep.entry(10, state: .success, step: .retire)
    try history.writeEnd(ended)
    #expect(try history.numbers() == [1, 2, 10])
    #expect(try history.entries().readable == [ended, keep.entry(2), keep.entry(1)])
    #expect(try history.last() == ended)
    #expect(try history.entry(3) == nil)
  }

  @Test func damagedRecordIsNamed() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    try history.write(keep.entry(1))
    try app.descriptor.open("deployments", flags: .directory)
      .open("1.json", flags: [.writing, .truncating]).write(Array("{".utf8))
    let error = #expect(throws: SpecError.self) { try history.entry(1) }
    #expect(error?.message.contains("deployment 1") == true)
    #expect(error?.remedy?.contains("1.json") == true)
  }

  @Test func anInterruptedDeploymentIsSettledByTheLink() {
    let cases: [(Deployment.Step?, String?, String?, Deployment.State)] = [
      (nil, nil, nil, .interrupted), (.boot, "v1", "v1", .interrupted),
      (.current, "v2", "v1", .success), (.current, "v1", "v1", .interrupted),
      (.retire, "v2", "v2", .success), (.activate, "v1", "v1", .interrupted),
      // There was no room on the disk to say that it was switched.
      (.boot, "v2", "v1", .success), (.hook, "v2", nil, .success),
    ]
    for (step, current, previous, state) in cases {
      let entry = keep.entry(2, release: "v2", step: step, previous: previous)
      #expect(
        entry.deployment.settled(current: current).state == state, "\(String(describing: step))")
    }
    let over = keep.entry(2, release: "v2", state: .hook, step: .abandon)
    #expect(over.deployment.settled(current: "v2") == over.deployment)
  }

  @Test func whatAnInterruptedDeploymentHasStartedIsAbandonedOnce() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    var entry = keep.entry(1, step: .hook)
    entry.deployment.hasBooted = true
    try history.write(entry)
    var abandoned = 0
    for succeeds in [false, true, true] {
      _ = try history.settle(app, current: nil) { _ in
        abandoned += 1
        return succeeds
      }
      #expect(try history.entry(1)?.deployment.state == .interrupted)
    }
    // Until it has succeeded.
    #expect(abandoned == 2)
  }

  @Test func whatIsLiveIsNotAbandoned() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    var entry = keep.entry(1, release: "v1", step: .current, previous: "v1")
    entry.deployment.hasBooted = true
    try history.write(entry)
    let settled = try history.settle(app, current: ReleaseVersion("v1")) { _ in
      Issue.record("it is live")
      return true
    }
    #expect(settled?.state == .interrupted)
    #expect(settled?.isAbandoned == false)
    #expect(try history.settle(app, current: ReleaseVersion("v1")) { _ in false } == nil)
  }

  /// Also where the deployment itself has tried in vain.
  @Test func requestsThatWereNotGivenBackAreOwed() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    var entry = keep.entry(2, release: "v2", state: .activate, step: .restore, previous: "v1")
    entry.deployment.hasBooted = true
    entry.deployment.hasActivated = true
    try history.write(entry)
    var trials = 0
    for succeeds in [false, true, true] {
      let settled = try history.settle(app, current: ReleaseVersion("v1")) { entry in
        trials += 1
        #expect(entry.deployment.hasActivated)
        return succeeds
      }
      #expect(settled == nil || settled?.state == .activate)
    }
    #expect(trials == 2)
    let settled = try history.entry(2)?.deployment
    #expect(settled?.isAbandoned == true && settled?.hasActivated == false)
  }

  @Test func whoHasTheLockIsAtItsDeployment() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    try history.write(keep.entry(1))
    func state() throws -> (Deployment.State?, Int?) {
      let (entries, running, _) = try history.settledEntries(of: app)
      return (entries.first?.deployment.state, running)
    }
    #expect(try state() == (.interrupted, nil))
    guard let lock = try app.tryLock() else {
      Issue.record("nobody has it")
      return
    }
    // Somebody else may have it, such as the next deployment, or a hook.
    #expect(try state() == (.interrupted, nil))
    lock.note(LockHolder(purpose: "deployment 2 of v1", deployment: 2, pid: 7, since: "2026"))
    #expect(try state() == (.interrupted, nil))
    lock.note(LockHolder(purpose: "deployment 1 of v1", deployment: 1, pid: 7, since: "2026"))
    #expect(try state() == (.starting, 1))
  }

  @Test func roomIsTakenForAllOfTheEnd() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    var entry = keep.entry(1)
    entry.options.append(
      .init(name: "env", value: try ByteString(String(repeating: "x", count: 100_000))))
    try history.reserveEnd(of: entry)
    let size = try app.descriptor.open("deployments", flags: .directory).status(of: ".end")?
      .contentSize
    #expect(try #require(size) > 100_000)
  }

  @Test func numbersThatNobodyHasGivenAreNotCountedOnFrom() throws {
    let app = try keep.app()
    let history = try DeploymentHistory(making: app)
    try history.write(keep.entry(3))
    let directory = try app.descriptor.open("deployments", flags: .directory)
    for name in ["9223372036854775807.json", "-1.json", "0.json", "x.json", "4.txt"] {
      try directory.makeFile(name).closeNow()
    }
    #expect(try history.numbers() == [3])
  }
}
