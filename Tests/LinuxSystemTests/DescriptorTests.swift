import Glibc
import SystemPackage
import Testing

@testable import LinuxSystem

@Suite struct DescriptorTests {
  /// Whether a pipe's last writer is gone.
  private func isAtEnd(_ reader: borrowing OwnedDescriptor) throws -> Bool {
    var waiting = pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0)
    // Safe: one structure of ours is filled.
    return unsafe poll(&waiting, 1, 0) == 1 && waiting.revents & Int16(POLLHUP) != 0
  }

  @Test func aDescriptorIsClosedWhenItsOwnerLetsGo() throws {
    let pipe = try Pipe()
    let reader = OwnedDescriptor(owning: dup(pipe.reader.number))
    #expect(try !isAtEnd(reader))
    pipe.takeReader().closeNow()
    #expect(try isAtEnd(reader))
  }

  @Test func aReleasedDescriptorStaysOpen() throws {
    let pipe = try Pipe()
    let reader = OwnedDescriptor(owning: dup(pipe.reader.number))
    let number = pipe.takeWriter().release()
    #expect(try !isAtEnd(reader))
    close(number)
    #expect(try isAtEnd(reader))
  }

  @Test func bothEndsOfAPipeAreClosedOnExecution() throws {
    let pipe = try Pipe()
    #expect(fcntl(pipe.reader.number, F_GETFD) & FD_CLOEXEC != 0)
    #expect(fcntl(pipe.writer.number, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func aTableClosesWhatItOwns() throws {
    let reader: OwnedDescriptor
    do {
      let table = DescriptorTable()
      reader = table.adoptWriter(of: try Pipe(), as: .standardOutput)
      #expect(try !isAtEnd(reader))
      #expect(table.number(of: .standardOutput) >= 0)
      #expect(table.number(of: .scratch) == -1)
    }
    #expect(try isAtEnd(reader))
  }

  @Test func aTableClosesEverythingOnce() throws {
    // A number that nobody else gets in between.
    let number = fcntl(0, F_DUPFD_CLOEXEC, 900)
    let table = DescriptorTable()
    table.adopt(OwnedDescriptor(owning: number), as: .null)
    table.closeAll()
    #expect(fcntl(number, F_GETFD) == -1)
    #expect(dup2(0, number) == number)
    table.closeAll()
    #expect(fcntl(number, F_GETFD) >= 0)
    close(number)
  }

  @Test func aPathBelowATableStaysBelow() throws {
    let directory = try TemporaryDirectory()
    let inside = try directory.file("inside", Array("x".utf8))
    try directory.descriptor.makeSymbolicLink(
      "out", to: "/../../inside", owner: .init(uid: 0, gid: 0))
    let table = DescriptorTable()
    table.adopt(try OwnedDescriptor(directory: directory.path), as: .layer(0))
    func contents(_ path: String) throws -> [UInt8]? {
      guard let file = try table.find(path, below: .layer(0), flags: .reading) else { return nil }
      return try file.readAll(limit: 10, subject: "of \(inside)")
    }
    #expect(try contents("out") == Array("x".utf8))
    #expect(try contents("etc/passwd") == nil)
    #expect(try contents("inside/x") == nil)
  }
}

@Suite struct FileTests {
  @Test func aFileLargerThanTheLimitIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = FilePath(try directory.file("x", Array(repeating: 7, count: 1000)))
    #expect(try readFile(path, limit: 1000).count == 1000)
    let error = #expect(throws: SystemError.self) { try readFile(path, limit: 999) }
    #expect(error?.errno == .fileTooLarge)
  }

  @Test func aFileThatIsMissingNamesItself() {
    let error = #expect(throws: SystemError.self) { try readFile("/no/such", limit: 1) }
    #expect(error?.description.hasPrefix("open(2) of /no/such: ENOENT (") == true)
  }

  @Test func directoriesAreMadeWithThoseAboveThem() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a/b/c")
    try makeDirectories(path, permissions: 0o700)
    try makeDirectories(path, permissions: 0o700)
    #expect(try fileStatus(following: path).kind == .directory)
    let file = FilePath(try directory.file("file", []))
    let error = #expect(throws: SystemError.self) {
      try makeDirectories(file.appending("x"), permissions: 0o700)
    }
    #expect(error?.errno == .notDirectory)
  }

  @Test(arguments: ["a/b/..", "a/b/\(String(repeating: "n", count: 256))/c"])
  func nothingIsLeftOfDirectoriesThatCannotBeMade(_ path: String) throws {
    let directory = try TemporaryDirectory()
    let path = FilePath("\(directory.path)/\(path)")
    #expect(throws: SystemError.self) { try makeDirectories(path, permissions: 0o700) }
    #expect(try directoryEntryNames(directory.path).isEmpty)
  }

  @Test func directoriesAreRemovedAsFarAsTheyAreEmpty() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a/b/c")
    let made = try makeDirectories(path, permissions: 0o700)
    #expect(made == ["a", "a/b", "a/b/c"].map { directory.path.appending($0) })
    #expect(try makeDirectories(path, permissions: 0o700).isEmpty)
    try makeDirectories(directory.path.appending("a/other"), permissions: 0o700)
    removeEmptyDirectories(made)
    #expect(try directoryEntryNames(directory.path.appending("a")) == ["other"])
  }

  @Test func aLockIsHeldByOneAtATime() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("lock")
    func isTaken() throws -> Bool {
      guard let file = try LockedFile.tryLock(path) else { return true }
      return file.descriptor.number < 0
    }
    do {
      guard let held = try LockedFile.tryLock(path) else {
        Issue.record("a new lock is taken")
        return
      }
      #expect(try isTaken())
      withExtendedLifetime(held.descriptor.number) {}
    }
    // A child of another test may have inherited it until its execve(2).
    #expect(try eventually { try !isTaken() })
  }

  @Test func aLockFileThatIsALinkIsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.descriptor.makeSymbolicLink("l", to: "/tmp/x", owner: .init(uid: 0, gid: 0))
    #expect(throws: SystemError.self) {
      _ = try LockedFile.tryLock(directory.path.appending("l"))
    }
  }
}

@Suite struct PlanArenaTests {
  @Test func holdsWhatFitsAndRefusesTheRest() throws {
    let arena = try PlanArena()
    let mebibyte = [UInt64](repeating: 1, count: 128 << 10)
    for _ in 0..<3 { _ = unsafe try arena.copy(mebibyte) }
    let error = #expect(throws: SystemError.self) {
      _ = unsafe try arena.copy(mebibyte + [1])
    }
    #expect(error?.errno == .argListTooLong)
    #expect(unsafe String(cString: try arena.text("still usable")) == "still usable")
  }

  @Test func everythingIsAlignedForPointers() throws {
    let arena = try PlanArena()
    for text in ["", "a", "ab", "abcdefg"] {
      let address = unsafe UInt(bitPattern: try arena.text(text))
      #expect(address % 16 == 0)
    }
  }

  @Test func aListEndsWithAnEmptyText() throws {
    let arena = try PlanArena()
    let list = unsafe try arena.list([Array("ab".utf8), Array("c".utf8)])
    let bytes = (0..<6).map { unsafe list[$0] }
    #expect(bytes == [97, 98, 0, 99, 0, 0])
    #expect(unsafe try arena.list([])[0] == 0)
  }

  @Test func aVectorEndsWithNull() throws {
    let arena = try PlanArena()
    let vector = unsafe try arena.vector([Array("ab".utf8), []])
    #expect(unsafe vector[0].map { unsafe String(cString: $0) } == "ab")
    #expect(unsafe vector[1].map { unsafe String(cString: $0) } == "")
    #expect(unsafe vector[2] == nil)
  }
}
