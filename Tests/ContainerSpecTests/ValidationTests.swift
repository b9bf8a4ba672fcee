import ContainerSpec
import SystemPackage
import Testing

@Suite struct ValidationTests {
  struct Fault: CustomTestStringConvertible {
    let message: String
    let apply: @Sendable (inout RunSpec) throws -> Void
    var testDescription: String { message }

    init(_ message: String, _ apply: @escaping @Sendable (inout RunSpec) throws -> Void) {
      self.message = message
      self.apply = apply
    }
  }

  static let faults = [
    Fault("there is no command") { $0.command = [] },
    Fault("the command's name is empty") { $0.command = ["", "x"] },
    Fault("there is no command") { $0.fallbackCommand = [] },
    Fault("the command's name is empty") { $0.fallbackCommand = [""] },
    Fault("there is no root file system") { $0.layers = [] },
    Fault("501 layers are too many") { $0.layers = Array(repeating: "/a", count: 501) },
    Fault("a layer's path is empty") { $0.layers = ["/a", ""] },
    Fault("the working directory 'app' is not absolute") { $0.workingDirectory = "app" },
    Fault("the working directory '' is not absolute") { $0.workingDirectory = "" },
    Fault("has '..' in it") { $0.volumes = [Volume(source: "/a", destination: "/b/../..")] },
    Fault("is not absolute") { $0.volumes = [Volume(source: "/a", destination: "../..")] },
    Fault("a volume's source is empty") { $0.volumes = [Volume(source: "", destination: "/b")] },
    Fault("cannot be the root directory") {
      $0.temporaryFileSystems = [TemporaryFileSystem(destination: "/")]
    },
    Fault("size 0") {
      $0.temporaryFileSystems = [TemporaryFileSystem(destination: "/a", size: .init(bytes: 0))]
    },
    Fault("cannot be the root directory") { $0.app = AppDirectory(source: "/a", mountPoint: "/") },
    Fault("the app directory's path is empty") { $0.app = AppDirectory(source: "") },
    Fault("two mounts have the destination '/b'") {
      $0.volumes = [Volume(source: "/a", destination: "/b/.")]
      $0.temporaryFileSystems = [TemporaryFileSystem(destination: "/b")]
    },
    Fault("two mounts have the destination '/app'") {
      $0.app = AppDirectory(source: "/a")
      $0.volumes = [Volume(source: "/a", destination: "/app")]
    },
    Fault("1003 mounts are too many") {
      $0.volumes = (0...1000).map { Volume(source: "/a", destination: FilePath("/v\($0)")) }
    },
    Fault("4097 variables are too many") {
      $0.environment = try (0...4096).map { try .init(name: "A\($0)", value: "") }
    },
    Fault("a scratch of 32K is too small") { $0.scratch = .tmpfs(ByteCount(bytes: 32 << 10)) },
    Fault("a scratch of 0 is too small") { $0.scratch = .tmpfs(ByteCount(bytes: 0)) },
    Fault("a scratch on disk of 32M is too small") { $0.scratch = .disk(.mebibytes(32)) },
    Fault("a scratch on disk of 16T is too large") { $0.scratch = .disk(.mebibytes(16 << 20)) },
    Fault("the grace time is negative") { $0.grace = .seconds(-1) },
    Fault("an argument has 131072 bytes") {
      $0.command.append(try ByteString(String(repeating: "x", count: 131_072)))
    },
    Fault("the variable 'A' has 131072 bytes") {
      $0.environment = [
        try .init(name: "A", value: ByteString(String(repeating: "x", count: 131_070)))
      ]
    },
    Fault("the variable 'A' is there twice") {
      $0.environment = [try .init(name: "A", value: ""), try .init(name: "A", value: "")]
    },
    Fault("4294967295 is not an id") { $0.user = UserReference(user: .id(.max)) },
    Fault("4294967295 is not an id") {
      $0.user = UserReference(user: .id(1), group: .id(.max))
    },
    Fault("grace time") { $0.grace = .seconds(Int64.max) + .seconds(Int64.max) },
    Fault("is too large") { $0.scratch = .tmpfs(ByteCount(bytes: .max)) },
    Fault("not an absolute path") { $0.network = .path("ns") },
    Fault("the arguments and variables have") {
      let argument = try ByteString(String(repeating: "x", count: 131_071))
      $0.command += Array(repeating: argument, count: 16)
    },
  ]

  static func valid() throws -> RunSpec {
    var spec = RunSpec(layers: Array(repeating: "/a", count: 500), command: ["true", ""])
    spec.app = AppDirectory(source: "/srv/app")
    spec.volumes = [Volume(source: "a", destination: "/data")]
    spec.temporaryFileSystems = [TemporaryFileSystem(destination: "/tmp")]
    spec.command.append(try ByteString(String(repeating: "x", count: 131_071)))
    spec.scratch = .tmpfs(ByteCount(bytes: 65_536))
    spec.grace = .zero
    return spec
  }

  @Test func acceptsTheLimitsThemselves() throws {
    try Self.valid().validate()
  }

  @Test(arguments: faults)
  func refuses(fault: Fault) throws {
    var spec = try Self.valid()
    try fault.apply(&spec)
    let error = #expect(throws: SpecError.self) { try spec.validate() }
    #expect(error?.message.contains(fault.message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }
}
