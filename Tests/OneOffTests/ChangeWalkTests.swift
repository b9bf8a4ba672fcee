import FoundationEssentials
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// How a walk over changes is bounded. What it finds is tested with real overlays.
@Suite struct ChangeWalkTests {
  private let path: FilePath
  private let overlay = ChangedOverlay(upper: "upper", layers: [.layer(0)], mountPoint: "")

  init() throws {
    path = FilePath("/var/tmp/oneoff-walk-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    for name in ["upper", "layer"] {
      try makeDirectories(path.appending(name), permissions: 0o700)
    }
  }

  /// A clock that shows each of these times once, and the last one for ever.
  private final class Clock {
    private var times: [Duration]
    private(set) var looks = 0

    init(_ times: [Duration]) { self.times = times }

    func look() -> Duration {
      looks += 1
      return times.count > 1 ? times.removeFirst() : times[0]
    }
  }

  private func makeFiles(_ count: Int, in name: String) throws {
    try makeDirectories(path.appending(name), permissions: 0o700)
    let directory = try OwnedDescriptor(opening: path.appending(name), flags: .directory)
    for number in 0..<count { _ = try directory.makeFile(Array("f\(number)".utf8)) }
  }

  /// A directory that was removed and made again, of whose files in the layer nothing is left.
  private func makeOpaqueDirectory(lacking count: Int) throws {
    try makeFiles(count, in: "layer/d")
    let upper = path.appending("upper/d")
    try makeDirectories(upper, permissions: 0o700)
    #expect(try setAttribute("user.overlay.opaque", of: upper, to: "y") == 0)
  }

  /// See setxattr(2), which Swift's module of the C library lacks.
  private func setAttribute(
    _ name: String, of path: FilePath, to value: String
  ) throws -> CInt {
    typealias Call =
      @convention(c) (
        UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, Int, CInt
      ) -> CInt
    let symbol = unsafe dlsym(nil, "setxattr")
    // Safe: that is the function's type, and the texts are there for the call.
    let call = unsafe unsafeBitCast(try #require(unsafe symbol), to: Call.self)
    return unsafe call(path.string, name, value, value.utf8.count, 0)
  }

  private func changes(
    atMost limit: Int = ChangeWalk.maximumEntries, _ clock: Clock = Clock([.zero])
  ) throws -> RunResult.Changes {
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    let descriptors = DescriptorTable()
    descriptors.adopt(try OwnedDescriptor(directory: path), as: .scratch)
    descriptors.adopt(try OwnedDescriptor(directory: path.appending("layer")), as: .layer(0))
    var walk = ChangeWalk(
      descriptors: descriptors, own: [], watched: [], attributes: "user.overlay.",
      atMost: limit, clock: clock.look)
    walk.walk(overlay)
    return walk.changes
  }

  @Test func timeRunsOutBetweenDirectories() throws {
    for name in ["a", "b", "c"] { try makeFiles(2, in: "upper/\(name)") }
    // When it begins, for the top, for the first directory, and for the second one.
    let found = try changes(Clock([.zero, .seconds(1), .milliseconds(4999), .seconds(5)]))
    #expect(found.created == 3 + 2)
    #expect(!found.complete)
  }

  @Test func withoutHasteEverythingIsCounted() throws {
    for name in ["a", "b", "c"] { try makeFiles(2, in: "upper/\(name)") }
    let found = try changes(Clock([.zero, .milliseconds(4999)]))
    #expect(found.created == 9)
    #expect(found.complete)
  }

  @Test func timeRunsOutInOneDirectory() throws {
    try makeFiles(3000, in: "upper")
    // When it begins, for the top, and twice of the eleven times in it.
    let found = try changes(Clock([.zero, .zero, .zero, .seconds(6)]))
    #expect((500..<600).contains(found.created), "\(found.created)")
    #expect(!found.complete)
  }

  @Test func opaqueDirectoryHasLostWhatTheLayerHas() throws {
    try makeOpaqueDirectory(lacking: 3000)
    let found = try changes()
    #expect(found.deleted == 3000)
    #expect(found.complete)
  }

  @Test func timeRunsOutInAnOpaqueDirectory() throws {
    try makeOpaqueDirectory(lacking: 3000)
    // When it begins, for the top, the directory, and twice of the twelve times in the layer.
    let clock = Clock([.zero, .zero, .zero, .zero, .seconds(6)])
    let found = try changes(clock)
    #expect(found.deleted == 0)
    #expect(!found.complete)
    #expect(clock.looks == 5)
  }

  @Test(arguments: [("upper", 0), ("opaque", 0), ("enough", 21)])
  func numberOfEntriesIsLimited(kind: String, deleted: Int) throws {
    if kind == "upper" {
      try makeFiles(21, in: "upper")
    } else {
      try makeOpaqueDirectory(lacking: 21)
    }
    let found = try changes(atMost: kind == "enough" ? 22 : 20)
    #expect(found.created == 0)
    #expect(found.deleted == deleted)
    #expect(found.complete == (kind == "enough"))
  }
}
