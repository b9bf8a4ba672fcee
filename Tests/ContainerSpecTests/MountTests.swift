import ContainerSpec
import SystemPackage
import Testing

@Suite struct MountTests {
  @Test(
    arguments: [
      ("/srv/data:/data", "/srv/data", "/data", false), ("a:/b:ro", "a", "/b", true),
      ("a:/b:rw", "a", "/b", false), ("/a//b/:/c//d/", "/a/b", "/c/d", false),
      ("../a:/b/./c", "../a", "/b/c", false),
    ] as [(ByteString, FilePath, FilePath, Bool)])
  func readsVolumes(
    text: ByteString, source: FilePath, destination: FilePath, isReadOnly: Bool
  ) throws {
    let volume = Volume(source: source, destination: destination, isReadOnly: isReadOnly)
    #expect(try Volume(parsing: text) == volume)
  }

  @Test(
    arguments: [
      ("", "is not a volume"), ("/a", "is not a volume"), (":/a", "is not a volume"),
      ("/a:/b:ro:x", "is not a volume"), ("/a:/b:rx", "cannot follow"), ("/a:", "is not absolute"),
      ("/a:b", "is not absolute"), ("/a:../..", "is not absolute"), ("/a:/b/../..", "has '..'"),
      ("/a:/", "root directory"), ("/a:/.", "root directory"), ("/a://", "root directory"),
    ] as [(ByteString, String)])
  func refusesWhatIsNoVolume(text: ByteString, message: String) {
    let error = #expect(throws: SpecError.self) { try Volume(parsing: text) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func keepsPathsThatAreNotUTF8() throws {
    let text = try ByteString(bytes: Array("/a".utf8) + [0xff] + Array(":/b".utf8), subject: "x")
    let volume = try Volume(parsing: text)
    #expect(volume.source.length == 3)
    #expect(volume.source != "/a\u{fffd}")
  }

  @Test func readsTemporaryFileSystems() throws {
    #expect(try TemporaryFileSystem(parsing: "/tmp") == .init(destination: "/tmp"))
    #expect(
      try TemporaryFileSystem(parsing: "/tmp:1M")
        == .init(destination: "/tmp", size: .mebibytes(1)))
  }

  @Test(
    arguments: ["", "tmp", "/tmp:", "/tmp:0", "/tmp:-1", "/tmp:1X", "/tmp:1M:ro", "/../tmp"]
      as [ByteString])
  func refusesWhatIsNoTemporaryFileSystem(text: ByteString) {
    #expect(throws: SpecError.self) { try TemporaryFileSystem(parsing: text) }
  }

  @Test func readsNetworks() throws {
    #expect(try Network(parsing: "host") == .host)
    #expect(try Network(parsing: "none") == .none)
    #expect(try Network(parsing: "path:/run/netns/a") == .path("/run/netns/a"))
  }

  @Test(
    arguments: [
      ("hots", "did you mean 'host'?"), ("nome", "did you mean 'none'?"), ("bridge", "use host"),
      ("", "use host"), ("path:", "name a network namespace"),
      ("path:a", "name a network namespace"),
    ] as [(ByteString, String)])
  func refusesUnknownNetworks(text: ByteString, remedy: String) {
    let error = #expect(throws: SpecError.self) { try Network(parsing: text) }
    #expect(error?.remedy?.contains(remedy) == true, "\(error?.remedy ?? "")")
  }

  @Test func readsUserNamespaceModes() throws {
    #expect(try UserNamespaceMode(parsing: "host") == .host)
    let error = #expect(throws: SpecError.self) { try UserNamespaceMode(parsing: "atuo") }
    #expect(error?.remedy == "did you mean 'auto'?")
  }

  @Test(
    arguments: [
      ("64K", .tmpfs(ByteCount(bytes: 65_536)), "tmpfs:64K"),
      ("tmpfs:1G", .tmpfs(.mebibytes(1024)), "tmpfs:1G"),
      ("disk:10g", .disk(.mebibytes(10240)), "disk:10G"),
      ("disk:1048576KiB", .disk(.mebibytes(1024)), "disk:1G"),
    ] as [(ByteString, Scratch, String)])
  func readsScratches(text: ByteString, scratch: Scratch, written: String) throws {
    #expect(try Scratch(parsing: text) == scratch)
    #expect(scratch.description == written)
  }

  @Test(
    arguments: [
      ("", "is not a size"), ("disk", "is not a size"), ("disk:", "is not a size"),
      ("disk:1X", "is not a size"), ("disk:-1", "is not a size"), ("tmpfs:1.5G", "is not a size"),
      ("disk:1G:ro", "is not a size"), ("0", "would hold nothing"),
      ("disk:0", "would hold nothing"), ("disk:0G", "would hold nothing"),
      ("disk:99999999999999999999", "is too large"), ("nfs:1G", "'nfs' is no place for a scratch"),
      (":1G", "'' is no place for a scratch"), ("DISK:1G", "'DISK' is no place for a scratch"),
      ("disc:1G", "'disc' is no place for a scratch"),
    ] as [(ByteString, String)])
  func refusesWhatIsNoScratch(text: ByteString, message: String) {
    let error = #expect(throws: SpecError.self) { try Scratch(parsing: text) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func aSlipInThePlaceOfAScratchIsGuessed() {
    let error = #expect(throws: SpecError.self) { try Scratch(parsing: "disc:1G") }
    #expect(error?.remedy == "did you mean 'disk'?")
  }
}
