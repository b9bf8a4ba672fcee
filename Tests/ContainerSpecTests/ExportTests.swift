import SystemPackage
import Testing

@testable import ContainerSpec

@Suite struct ExportTests {
  @Test(
    arguments: [
      ("/a=b", "/a", "b"), ("/a//./b/=../c", "/a/b", "../c"), ("/a=b=c", "/a", "b=c"),
      ("/a=/x/../y/", "/a", "/x/../y"),
    ] as [(ByteString, FilePath, FilePath)])
  func readsExports(text: ByteString, source: FilePath, destination: FilePath) throws {
    #expect(try Export(parsing: text) == Export(source: source, destination: destination))
  }

  @Test(
    arguments: [
      ("", "does not say where to"), ("/a", "does not say where to"), ("=b", "is not absolute"),
      ("a=b", "is not absolute"), ("/a/../b=c", "has '..'"), ("/=b", "root directory"),
      ("/proc=b", "cannot be '/proc'"), ("/a=", "has no destination"),
      ("/a=.", "ends with no name"),
      ("/a=x/..", "ends with no name"), ("/a=/", "ends with no name"),
    ] as [(ByteString, String)])
  func refusesWhatIsNoExport(text: ByteString, message: String) {
    let error = #expect(throws: SpecError.self) { try Export(parsing: text) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func keepsPathsThatAreNotUTF8() throws {
    let text = try ByteString(bytes: Array("/a".utf8) + [0xff] + Array("=b".utf8), subject: "x")
    #expect(try Export(parsing: text).source.length == 3)
  }

  private func validate(_ change: (inout RunSpec) -> Void) throws {
    var spec = RunSpec(layers: ["/image"], command: ["true"])
    change(&spec)
    try spec.validate()
  }

  @Test func eachHasADestinationOfItsOwn() throws {
    try validate {
      $0.exports = [.init(source: "/a", destination: "x/y"), .init(source: "/a", destination: "y")]
    }
    let error = #expect(throws: SpecError.self) {
      try validate { spec in
        spec.exports = [
          .init(source: "/a", destination: "x/y"), .init(source: "/b", destination: "./x//y"),
        ]
      }
    }
    #expect(error?.message == "two exports have the destination 'x/y'")
  }

  @Test func checksWhatWasNotReadFromOptions() throws {
    for export in [
      Export(source: "a", destination: "x"), Export(source: "/a", destination: ""),
      Export(source: "/a/..", destination: "x"),
    ] {
      #expect(throws: SpecError.self) { try validate { $0.exports = [export] } }
    }
    #expect(throws: SpecError.self) { try validate { $0.replacesExports = true } }
  }

  @Test func areOnlySoMany() throws {
    func exports(_ count: Int) -> [Export] {
      (0..<count).map { Export(source: "/a", destination: FilePath("x\($0)")) }
    }
    try validate { $0.exports = exports(RunSpec.maximumExports) }
    #expect(throws: SpecError.self) {
      try validate { $0.exports = exports(RunSpec.maximumExports + 1) }
    }
  }
}
