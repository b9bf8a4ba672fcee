import ContainerSpec
import Deploy
import SystemPackage
import Testing

@Suite struct HookTests {
  func spec(
    of hook: Hook, variables: [EnvironmentVariable] = []
  ) throws -> RunSpec {
    let command = PhaseCommand(
      phase: .postdeploy, command: "rake $X", source: .procfile(.init(line: 1, column: 1)))
    return try hook.spec(
      running: command, layers: ["/srv/image"], variables: variables)
  }

  func environment(_ spec: RunSpec) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: spec.environment.map { ($0.name, $0.value.description) })
  }

  @Test func runsTheCommandUnexpandedInTheRelease() throws {
    var hook = Hook(appDirectory: "/srv/blog")
    hook.mountPoint = "/code"
    hook.containerVersion = "v42"
    let spec = try spec(of: hook)
    #expect(spec.command == ["bash", "-c", "rake $X"])
    #expect(spec.fallbackCommand == ["sh", "-c", "rake $X"])
    #expect(spec.app == AppDirectory(source: "/srv/blog", mountPoint: "/code"))
    #expect(spec.workingDirectory == "/code")
    #expect(spec.network == .host)
    #expect(spec.user == nil)
    #expect(spec.timeout == .seconds(1200))
    #expect(spec.silenceTimeout == nil)
    #expect(spec.logMaximum == .mebibytes(100))
    #expect(
      environment(spec) == [
        "PATH": RunSpec.defaultPath.description, "HOME": "/code", "LANG": "C.UTF-8",
        "APP": "blog", "CONTAINER": "postdeploy-1", "CONTAINER_TYPE": "postdeploy",
        "CONTAINER_VERSION": "v42", "ONEOFF_PHASE": "postdeploy", "ONEOFF_REASON": "deploy",
        "ONEOFF_ATTEMPT": "1",
      ])
    try spec.validate()
  }

  @Test func appReplacesDefaultsAndPlatformReplacesTheApp() throws {
    var hook = Hook(appDirectory: "/srv/blog")
    hook.app = "shop"
    let variables = [
      try EnvironmentVariable(parsing: "HOME=/h"), try EnvironmentVariable(parsing: "APP=x"),
      try EnvironmentVariable(parsing: "CONTAINER_VERSION=7"),
    ]
    let environment = environment(try spec(of: hook, variables: variables))
    #expect(environment["HOME"] == "/h")
    #expect(environment["APP"] == "shop")
    #expect(environment["CONTAINER_VERSION"] == "7")
  }

  @Test(arguments: [("/", "app"), (".", "app"), ("a/..", "app"), ("a/b/", "b")])
  func namesTheAppAfterItsDirectory(directory: String, app: String) throws {
    let spec = try spec(of: Hook(appDirectory: FilePath(directory)))
    #expect(environment(spec)["APP"] == app)
  }

  @Test func defaultsOfTheManifestAreBelowTheAppsVariables() throws {
    var hook = Hook(appDirectory: "/srv/blog")
    hook.containerVersion = "v1"
    let command = PhaseCommand(
      phase: .firstDeploy, command: "x",
      source: .manifest(fileName: "app.json", jsonPath: "scripts.first-deploy"))
    let spec = try hook.spec(
      running: command, layers: ["/srv/image"],
      defaults: ["A=m", "B=m", "LANG=m", "APP=m"].map { try EnvironmentVariable(parsing: $0) },
      variables: [try EnvironmentVariable(parsing: "B=app")])
    let environment = environment(spec)
    #expect(environment["A"] == "m")
    #expect(environment["B"] == "app")
    #expect(environment["LANG"] == "m")
    #expect(environment["APP"] == "blog")
    #expect(environment["CONTAINER_TYPE"] == "first-deploy")
    #expect(environment["CONTAINER"] == "first-deploy-1")
    #expect(environment["ONEOFF_PHASE"] == "first-deploy")
  }

  @Test func platformSaysWhatRunsAndWhy() throws {
    var hook = Hook(appDirectory: "/srv/blog")
    hook.size = .extraLarge
    hook.stack = "scalingo-22"
    hook.sourceVersion = "3f1c"
    hook.reason = HookReason(.rollback, attempt: 3, previousVersion: "v41")
    let variables = ["STACK=x", "HOSTNAME=x", "CONTAINER_MEMORY=x", "ONEOFF_REASON=x"]
    var spec = try spec(
      of: hook, variables: variables.map { try EnvironmentVariable(parsing: ByteString($0)) })
    spec.limits.memory = .mebibytes(512)
    spec.id = try RunID("run-7")
    try hook.complete(&spec)
    let known = environment(spec)
    #expect(known["CONTAINER_SIZE"] == "XL")
    #expect(known["CONTAINER_MEMORY"] == "536870912")
    #expect(known["HOSTNAME"] == "run-7")
    #expect(known["STACK"] == "scalingo-22")
    #expect(known["SOURCE_VERSION"] == "3f1c")
    #expect(known["ONEOFF_REASON"] == "rollback")
    #expect(known["ONEOFF_ATTEMPT"] == "3")
    #expect(known["ONEOFF_PREVIOUS_VERSION"] == "v41")
    spec.hostname = try Hostname("shop.example")
    try hook.complete(&spec)
    #expect(environment(spec)["HOSTNAME"] == "shop.example")
    #expect(spec.command == ["bash", "-c", "rake $X"])
  }

  @Test func whatNobodyKnowsIsNotSet() throws {
    let hook = Hook(appDirectory: "/srv/blog")
    var spec = try spec(of: hook)
    try hook.complete(&spec)
    let names = Set(spec.environment.map(\.name))
    #expect(
      names == [
        "PATH", "HOME", "LANG", "APP", "CONTAINER", "CONTAINER_TYPE", "ONEOFF_PHASE",
        "ONEOFF_REASON", "ONEOFF_ATTEMPT",
      ])
  }

  @Test func profileIsSourcedOnALineBeforeTheCommand() throws {
    var hook = Hook(appDirectory: "/srv/blog")
    hook.mountPoint = "/it's"
    hook.hasProfile = true
    var spec = try spec(of: hook)
    try hook.complete(&spec)
    let lines = spec.command[2].description.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.last == "rake $X")
    #expect(
      lines.first?.hasPrefix(#"for oneoff_profile in '/it'\''s'/.profile.d/*.sh '/it'\''s'/.prof"#)
        == true)
    #expect(spec.fallbackCommand?.last == spec.command.last)

    var other = try self.spec(of: hook)
    other.workingDirectory = "/tmp"
    try hook.complete(&other)
    let line = other.command[2].description
    #expect(line.hasPrefix(#"cd '/it'\''s'; for "#))
    #expect(line.hasSuffix("; cd '/tmp'\nrake $X"))
  }
}
