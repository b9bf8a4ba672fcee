import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

@Suite struct LaunchSubjectTests {
  private func candidates(_ name: ByteString, path: ByteString? = nil) throws -> [String] {
    let spec = try Sample.spec { spec in
      if let path { spec.environment = [try EnvironmentVariable(name: "PATH", value: path)] }
    }
    return try Sample.subject(spec).execution(of: [name, "argument"])
      .candidates.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func aNameIsLookedForInEveryDirectoryOfPathInOrder() throws {
    #expect(try candidates("rake", path: "/opt/bin:/bin") == ["/opt/bin/rake", "/bin/rake"])
  }

  @Test func withoutPathTheUsualDirectoriesAreTried() throws {
    #expect(
      try candidates("rake") == [
        "/usr/local/sbin/rake", "/usr/local/bin/rake", "/usr/sbin/rake", "/usr/bin/rake",
        "/sbin/rake", "/bin/rake",
      ])
  }

  @Test func anEmptyEntryOfPathIsTheWorkingDirectory() throws {
    #expect(try candidates("x", path: ":/bin") == ["./x", "/bin/x"])
    #expect(try candidates("x", path: "/bin:") == ["/bin/x", "./x"])
    #expect(try candidates("x", path: "/a::/b") == ["/a/x", "./x", "/b/x"])
    #expect(try candidates("x", path: "") == ["./x"])
  }

  @Test(arguments: ["/bin/sh", "bin/rake", "./x", "../x"]) func aNameWithASlashIsNotLookedFor(
    name: String
  ) throws {
    let bytes = try ByteString(bytes: Array(name.utf8), subject: "the command")
    #expect(try candidates(bytes, path: "/opt/bin") == [name])
  }

  @Test func argumentsAndEnvironmentReachTheCommandAsGiven() throws {
    let bytes = try ByteString(bytes: [0xff, 0x20, 0x0a], subject: "an argument")
    let spec = try Sample.spec { spec in
      spec.environment = [
        try EnvironmentVariable(name: "B", value: bytes),
        try EnvironmentVariable(name: "HOME", value: ""),
        try EnvironmentVariable(name: "PATH", value: "/bin"),
      ]
    }
    let execution = try Sample.subject(spec).execution(of: ["/x", bytes, ""], isOptional: true)
    #expect(execution.arguments == [Array("/x".utf8), [0xff, 0x20, 0x0a], []])
    #expect(
      execution.environment == [
        Array("B=".utf8) + [0xff, 0x20, 0x0a], Array("HOME=".utf8), Array("PATH=/bin".utf8),
      ])
    #expect(execution.isOptional)
  }

  @Test func pathAndHomeAreThereWhenNobodyGaveThem() throws {
    let user = ResolvedUser(uid: 1, gid: 1, home: "/home/ann")
    let environment = try Sample.subject(Sample.spec(), user: user).environment
      .map { String(decoding: $0, as: UTF8.self) }
    #expect(environment == ["PATH=\(RunSpec.defaultPath.description)", "HOME=/home/ann"])
    let homeless = try Sample.subject(Sample.spec()).environment.last
    #expect(homeless == Array("HOME=/".utf8))
  }

  @Test func idsInsideAreOffsetByTheBaseUnlessTheNamespaceIsTheHosts() throws {
    let user = ResolvedUser(uid: 1000, gid: 100)
    let own = try Sample.subject(Sample.spec(), user: user)
    #expect(own.user == .init(uid: 0x7000_0000 + 1000, gid: 0x7000_0000 + 100))
    let shared = try Sample.subject(Sample.spec { $0.userNamespace = .host }, user: user)
    #expect(shared.user == .init(uid: 1000, gid: 100))
    #expect(shared.root == .init(uid: 0, gid: 0))
  }

  @Test func landlockIsForASharedNetworkOnAKernelThatHasScopes() throws {
    func uses(_ network: Network, _ version: Int) throws -> Bool {
      try Sample.subject(Sample.spec { $0.network = network }, landlock: version).usesLandlock
    }
    #expect(try uses(.host, 6))
    #expect(try uses(.host, 7))
    #expect(try !uses(.host, 5))
    #expect(try !uses(.none, 6))
    #expect(try !uses(.path("/run/netns/x"), 6))
  }

  @Test func theHostsRootGetsAFreshRunAndTmpUnlessTheSpecHasThem() throws {
    let own = TemporaryFileSystem(destination: "/tmp", size: .mebibytes(1))
    let spec = Sample.spec(layers: ["/"]) { $0.temporaryFileSystems = [own] }
    #expect(
      try Sample.subject(spec).temporaryFileSystems == [
        TemporaryFileSystem(destination: "/run"), own,
      ])
    #expect(try Sample.subject(Sample.spec()).temporaryFileSystems.isEmpty)
  }
}
