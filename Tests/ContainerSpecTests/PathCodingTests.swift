import ContainerSpec
import Foundation
import SystemPackage
import Testing

/// Paths as JSON.
@Suite struct PathCodingTests {
  private struct Paths: Codable, Equatable {
    var one: FilePath
    var none: FilePath?
    var some: FilePath?
    var list: [FilePath]
  }

  private func text(_ paths: Paths) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(paths), as: UTF8.self)
  }

  @Test func pathsAreStrings() throws {
    let paths = Paths(one: "/a/é", none: nil, some: "b", list: ["/c", "d"])
    #expect(try text(paths) == #"{"list":["/c","d"],"one":"/a/é","some":"b"}"#)
    #expect(try JSONDecoder().decode(Paths.self, from: Data(text(paths).utf8)) == paths)
  }

  @Test func specificationHasThemSoToo() throws {
    var spec = RunSpec(layers: ["/srv/image"], command: ["id"])
    spec.app = AppDirectory(source: "/srv/app")
    let text = String(decoding: try JSONEncoder().encode(spec), as: UTF8.self)
    #expect(text.contains(#""layers":["\/srv\/image"]"#))
    #expect(!text.contains("_storage"))
    #expect(try JSONDecoder().decode(RunSpec.self, from: Data(text.utf8)) == spec)
  }

  @Test func otherBytesAreKept() throws {
    let path = FilePath(try ByteString(bytes: [0x2f, 0xff], subject: "a path"))
    let paths = Paths(one: path, none: nil, some: path, list: [path])
    #expect(try JSONDecoder().decode(Paths.self, from: Data(text(paths).utf8)) == paths)
  }
}
