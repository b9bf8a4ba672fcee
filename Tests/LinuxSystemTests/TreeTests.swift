import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import LinuxSystem

/// Trees that are copied and removed below descriptors.
@Suite struct TreeTests {
  private let path = FilePath("/tmp/oneoff-tree-\(getpid())-\(UInt32.random(in: 0 ... .max))")

  private func withDirectory(_ body: (borrowing OwnedDescriptor) throws -> Void) throws {
    try makeDirectories(path, permissions: 0o700)
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    try body(try OwnedDescriptor(opening: path, flags: .directory))
  }

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func linkIsRemovedAndNotFollowed() throws {
    try withDirectory { directory in
      for name in ["kept", "removed", "removed/below"] {
        try makeDirectories(path.appending(name), permissions: 0o700)
      }
      _ = try directory.openDirectory("kept").makeFile("file")
      let removed = try directory.openDirectory("removed")
      try removed.makeSymbolicLink("link", to: "../kept")
      _ = try removed.openDirectory("below").makeFile("a\nb")
      try removed.removeContents()
      #expect(try removed.openDirectory("").entryNames(atMost: 10) == [])
      #expect(
        try directory.openDirectory("kept").entryNames(atMost: 10) == [bytes("file")])
    }
  }

  @Test func treeIsRemovedAndNothingElse() throws {
    try withDirectory { directory in
      for name in ["kept", "tree", "tree/a", "tree/a/b"] {
        try makeDirectories(path.appending(name), permissions: 0o700)
      }
      _ = try directory.openDirectory("kept").makeFile("file")
      let tree = try directory.openDirectory("tree")
      try tree.makeSymbolicLink("link", to: "../kept")
      _ = try tree.openDirectory("a").makeFile([0xff, 0x0a])
      try directory.makeSymbolicLink("alias", to: "kept")
      _ = try directory.makeFile("single")
      for name in ["tree", "alias", "single", "nothing", "no/thing"] {
        try removeTree(path.appending(name))
      }
      #expect(try directory.openDirectory("").entryNames(atMost: 10) == [bytes("kept")])
      #expect(
        try directory.openDirectory("kept").entryNames(atMost: 10) == [bytes("file")])
    }
  }

  /// Whoever made the tree, its depth neither ends the removal nor takes a descriptor a level.
  @Test func deepTreeIsRemoved() throws {
    try withDirectory { directory in
      try directory.makeDirectory("deep")
      var deepest = try directory.openDirectory("deep")
      for _ in 0..<3000 {
        try deepest.makeDirectory("d")
        deepest = try deepest.openDirectory("d")
      }
      try removeTree(path.appending("deep"))
      #expect(try directory.openDirectory("").entryNames(atMost: 10) == [])
    }
  }

  @Test func whatCannotBeRemovedIsNamed() throws {
    let error = #expect(throws: SystemError.self) { try removeTree("/proc/self") }
    #expect(error?.subject == "for the removal of /proc/self")
    #expect(error?.errno == .notPermitted)
  }

  /// A directory that is moved while its contents are removed must not lead out of the tree.
  @Test func movedDirectoryIsNotTheWayOut() throws {
    try withDirectory { directory in
      let others = (0..<8).map { "home\($0)" }
      for name in ["tree/mnt/moved", "elsewhere"] + others + others.map({ "tree/" + $0 }) {
        try makeDirectories(path.appending(name), permissions: 0o700)
      }
      let moved = try directory.openDirectory("tree").openDirectory("mnt")
        .openDirectory("moved")
      for number in 0..<20_000 { _ = try moved.makeFile("\(number)") }
      for name in others {
        _ = try directory.openDirectory(name).makeFile("kept")
      }
      let (from, to) = (path.string + "/tree/mnt/moved", path.string + "/elsewhere/moved")
      try startThread {
        // As soon as it is being emptied.
        var files = 20_000
        while files == 20_000 {
          files = (try? FileManager.default.contentsOfDirectory(atPath: from).count) ?? 0
        }
        // Safe: both are C strings for the call.
        _ = unsafe rename(from, to)
      }
      let error = #expect(throws: SystemError.self) {
        try directory.openDirectory("tree").removeContents()
      }
      #expect(error?.errno == .resourceBusy)
      for name in others {
        #expect(
          try directory.openDirectory(name).entryNames(atMost: 10) == [bytes("kept")])
      }
    }
  }

  @Test func linkIsNeitherAFileNorADirectory() throws {
    try withDirectory { directory in
      try makeDirectories(path.appending("d"), permissions: 0o700)
      try directory.makeSymbolicLink("link", to: "d")
      #expect(throws: SystemError.self) { _ = try directory.openDirectory("link") }
      #expect(throws: SystemError.self) { _ = try directory.openFile("link") }
      let isDirectoryOpened = try directory.openFile("d") != nil
      #expect(!isDirectoryOpened)
      #expect(throws: SystemError.self) { _ = try directory.openDirectory("..") }
      #expect(try directory.linkTarget(of: "link") == bytes("d"))
    }
  }

  @Test func pipeIsNotWaitedFor() throws {
    try withDirectory { directory in
      let made = unsafe mkfifo(path.appending("pipe").string, 0o600)
      #expect(made == 0)
      let isOpened = try directory.openFile("pipe") != nil
      #expect(!isOpened)
    }
  }

  @Test func nothingIsReplacedUnlessItIsExchanged() throws {
    try withDirectory { directory in
      try directory.makeFile("a").write([1])
      try directory.makeFile("b").write([2, 2])
      let refused = #expect(throws: SystemError.self) {
        try directory.move("a", to: directory, as: "b", exchanging: false)
      }
      #expect(refused?.errno == .fileExists)
      try directory.move("a", to: directory, as: "b", exchanging: true)
      #expect(try readFile(path.appending("a"), limit: 9) == [2, 2])
      #expect(try readFile(path.appending("b"), limit: 9) == [1])
    }
  }

  @Test func contentIsCopiedWithItsHoles() throws {
    try withDirectory { directory in
      let source = try directory.makeFile("source")
      let end = 40 << 20
      try source.write([1, 2, 3])
      #expect(lseek(source.number, end, SEEK_SET) == end)
      try source.write([4, 5])
      #expect(ftruncate(source.number, 2 * end) == 0)
      let copy = try directory.makeFile("copy")
      var pieces = 0
      let count = try directory.openFile("source")?.copyContent(to: copy) {
        pieces += 1
        return true
      }
      #expect(try #require(count) <= 64 << 10)
      #expect(pieces == 3)
      let text = try readFile(path.appending("copy"), limit: 100 << 20)
      #expect(text.count == 2 * end)
      #expect(Array(text.prefix(4)) == [1, 2, 3, 0])
      #expect(Array(text[end..<(end + 3)]) == [4, 5, 0])
      let allocated = try copy.status().contentSize
      #expect(allocated < 1 << 20)
    }
  }

  @Test func copyEndsWhenItIsTold() throws {
    try withDirectory { directory in
      try directory.makeFile("source").write([1])
      let copy = try directory.makeFile("copy")
      guard let file = try directory.openFile("source") else {
        Issue.record("a regular file is opened")
        return
      }
      #expect(try file.copyContent(to: copy) { false } == nil)
      #expect(try copy.status().contentSize == 0)
    }
  }
}
