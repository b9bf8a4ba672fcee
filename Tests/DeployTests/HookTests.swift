import ContainerSpec
import Deploy
import SystemPackage
import Testing

@Suite struct HookTests {
  func spec(
    of hook: Hook, variables: [EnvironmentVariable] = []
  ) throws -> RunSpec {
    let file = try Procfile.parse(Array("postdeploy: rake $X".utf8), path: "/srv/blog/Procfile")
    let entry = try #require(try file.entry(for: .postdeploy))
    return try hook.spec(
      running: entry, layers: ["/srv/image"], variables: variables)
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
        "CONTAINER_VERSION": "v42",
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
}
