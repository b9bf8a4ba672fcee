import Glibc
import SystemPackage
import TestRequirements
import Testing

@testable import LinuxSystem

/// A log in a directory's file, and its writer.
private struct WrittenLog {
  let path: FilePath
  let writer: CRILogWriter

  init(_ path: FilePath, holding contents: String = "") throws {
    self.path = path
    let file = try OwnedDescriptor(
      opening: path, flags: [.readingAndWriting, .creating, .truncating])
    try file.write(Array(contents.utf8))
    self.writer = CRILogWriter(owning: file)
  }

  func write(_ text: String, _ tag: StaticString = "stdout", at seconds: Int = 1) {
    writer.write(Array(text.utf8)[...], tag: tag, time: .seconds(seconds))
  }

  func text() throws -> String {
    String(decoding: try readFile(path, limit: 64 << 20), as: UTF8.self)
  }

  /// The records without their times.
  func records() throws -> [String] {
    let text = try text()
    #expect(text.isEmpty || text.last == "\n")
    return text.split(separator: "\n").map { String($0.dropFirst(31)) }
  }
}

@Suite struct CRILogWriterTests {
  private let memory: OwnedFile
  private let log: WrittenLog

  /// A file without a name.
  private final class OwnedFile {
    let descriptor: OwnedDescriptor
    init() throws { self.descriptor = try OwnedDescriptor(inMemory: []) }
    var path: FilePath { FilePath("/proc/self/fd/\(descriptor.number)") }
  }

  init() throws {
    ignoreWriteSignals()
    self.memory = try OwnedFile()
    self.log = try WrittenLog(memory.path)
  }

  @Test func writesARecordForEveryLine() throws {
    log.write("one\n\ntwo\n")
    log.write("three\n", "stderr", at: 2)
    #expect(
      try log.text() == """
        1970-01-01T00:00:01.000000000Z stdout F one
        1970-01-01T00:00:01.000000000Z stdout F\u{20}
        1970-01-01T00:00:01.000000000Z stdout F two
        1970-01-01T00:00:02.000000000Z stderr F three

        """)
  }

  @Test func writesTheOpenEndOfALineAtOnce() throws {
    log.write("Password: ")
    #expect(try log.records() == ["stdout P Password: "])
    log.write("x\ny")
    #expect(
      try log.records() == ["stdout P Password: ", "stdout F x", "stdout P y"])
  }

  @Test func writesNothingForNothing() throws {
    log.write("")
    #expect(try log.text().isEmpty)
  }

  @Test func storesBytesAsTheyAre() throws {
    let bytes = (0...255).map { UInt8($0) }.filter { $0 != UInt8(ascii: "\n") }
    log.writer.write((bytes + [UInt8(ascii: "\n")])[...], tag: "stdout", time: .zero)
    let stored = try readFile(log.path, limit: 1000)
    #expect(stored == Array("1970-01-01T00:00:00.000000000Z stdout F ".utf8) + bytes + [10])
  }

  @Test(arguments: [
    (CRILogWriter.longestMessage - 1, [CRILogWriter.longestMessage - 1]),
    (CRILogWriter.longestMessage, [CRILogWriter.longestMessage]),
    (CRILogWriter.longestMessage + 1, [CRILogWriter.longestMessage, 1]),
    (1 << 20, [Int](repeating: 1 << 16, count: 16)),
  ]) func cutsALongLine(length: Int, pieces: [Int]) throws {
    log.write(String(repeating: "x", count: length) + "\nnext\n")
    let records = try log.records()
    #expect(records.dropLast().map { $0.utf8.count - 9 } == pieces)
    #expect(
      records.dropLast().map { $0.prefix(9).suffix(2).first }
        == pieces.indices.map { $0 == pieces.count - 1 ? "F" : "P" })
    #expect(records.last == "stdout F next")
  }

  @Test func continuesAFileThatHoldsSomething() throws {
    let log = try WrittenLog(memory.path, holding: "1970-01-01T00:00:00.000000000Z stderr F old\n")
    log.write("new\n")
    #expect(try log.records() == ["stderr F old", "stdout F new"])
  }

  @Test func takesMoreThanOneWriteCanHold() throws {
    // Empty lines grow most of all.
    log.write(String(repeating: "\n", count: 300_000))
    #expect(try log.text().utf8.count == 300_000 * 41)
    #expect(log.writer.dropped == 0)
  }
}

/// A file is written in pieces of 512 KiB, and records lie across.
@Suite struct LongLogTests {
  private let path: FilePath
  private let log: WrittenLog

  init() throws {
    let name = "oneoff-log-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    self.path = FilePath("/var/tmp").appending(name)
    self.log = try WrittenLog(path)
  }

  private func remove() { _ = unsafe path.withPlatformString { unsafe unlink($0) } }

  private func status() throws -> stat {
    var status = stat()
    // Safe: the call fills the structure.
    let result = unsafe path.withPlatformString { unsafe lstat($0, &status) }
    try #require(result == 0)
    return status
  }

  /// Every write ends with whole records in the file, wherever in a piece that is.
  @Test(arguments: [7, 79, 1000, 65_535, 65_536, 70_000])
  func holdsEveryByteAfterEachWrite(width: Int) throws {
    defer { remove() }
    var written: [UInt8] = []
    for round in 1...2 {
      let lines = 1 + 260_000 * round / (width + 1)
      for line in 0..<lines {
        written += repeatElement(UInt8(ascii: "a") + UInt8(line % 26), count: width) + [10]
      }
      log.writer.write(written.suffix(lines * (width + 1)), tag: "stdout", time: .seconds(round))
      // Without the two arrays in the message.
      let isWhole = try stored() == written
      #expect(isWhole)
    }
    #expect(log.writer.dropped == 0)
  }

  /// What the records hold.
  private func stored() throws -> [UInt8] {
    var rest = try readFile(path, limit: 64 << 20)[...]
    var messages: [UInt8] = []
    while let end = rest.firstIndex(of: 10) {
      let record = rest[...end]
      messages += record.dropFirst(40).dropLast(record.dropFirst(38).first == 80 ? 1 : 0)
      rest = rest[(end + 1)...]
    }
    #expect(rest.isEmpty)
    return messages
  }

  @Test func takesSpaceAheadAndGivesItBack() throws {
    defer { remove() }
    let text = String(repeating: "x", count: 1000) + "\n"
    for _ in 0..<4 { log.write(String(repeating: text, count: 1000)) }
    let (filled, length) = (try status(), 4_000 * 1041)
    #expect(filled.st_size == length)
    let isUseful = SpaceAhead(try OwnedDescriptor(opening: path, flags: .reading)).isUseful
    #expect((filled.st_blocks * 512 > length + 1 << 20) == isUseful)
    log.writer.rest()
    let rested = try status()
    #expect(rested.st_size == length)
    // Blocks of 512 bytes, of which there are more for the file system's own use.
    #expect(rested.st_blocks * 512 < length + 256 << 10)
    log.write("more\n")
    #expect(try readFile(path, limit: 64 << 20).suffix(5) == Array("more\n".utf8)[...])
  }
}

/// A file system in memory of that many KiB.
private final class SmallMount {
  let root: DetachedMount
  init(kibibytes: Int) throws {
    self.root = try DetachedMount(type: "tmpfs", options: [("size", "\(kibibytes)k")])
  }
  var path: FilePath { FilePath("/proc/self/fd/\(root.descriptor.number)") }
}

/// On a file system of 64 KiB.
@Suite(.requires(.root)) struct FullDiskTests {
  private let log: WrittenLog
  private let other: FilePath
  private let mount: SmallMount

  init() throws {
    ignoreWriteSignals()
    self.mount = try SmallMount(kibibytes: 64)
    self.other = mount.path.appending("other")
    self.log = try WrittenLog(mount.path.appending("log"))
  }

  private func fill(_ length: Int) throws {
    let file = try OwnedDescriptor(opening: other, flags: [.writing, .creating, .truncating])
    try file.write([UInt8](repeating: 0, count: length))
  }

  @Test func keepsWholeRecordsOnlyAndCountsTheRest() throws {
    let line = String(repeating: "x", count: 999) + "\n"
    for _ in 0..<4 { log.write(String(repeating: line, count: 30)) }
    let records = try log.records()
    // 64 KiB hold 63 records of 1040 bytes.
    #expect(records.count == 63)
    #expect(records.allSatisfy { $0.utf8.count == 9 + 999 })
    #expect(log.writer.dropped == (120 - 63) * 1000)
    #expect(log.writer.failure?.errno == .noSpace)
    #expect(log.writer.failure?.subject == "of the log")
  }

  @Test func goesOnWhenThereIsSpaceAgain() throws {
    try fill(60 << 10)
    log.write(String(repeating: "a", count: 3000) + "\n")
    log.write(String(repeating: "b", count: 3000) + "\n")
    log.write(String(repeating: "c", count: 3000))
    #expect(try log.records().map(\.utf8.count) == [3009])
    #expect(log.writer.dropped == 3001 + 3000)
    try fill(0)
    log.write("c\n", "stderr")
    #expect(try log.records().last == "stderr F c")
    #expect(try log.records().count == 2)
    #expect(log.writer.dropped == 3001 + 3000)
    #expect(log.writer.failure?.errno == .noSpace)
  }

  /// The disk is full at the end of a piece, in the middle of a record: its beginning, which is in
  /// the file already, is removed.
  @Test func cutsARecordThatLiesAcrossPieces() throws {
    let mount = try SmallMount(kibibytes: 1024)
    let log = try WrittenLog(mount.path.appending("log"))
    let line = String(repeating: "x", count: 999) + "\n"
    log.write(String(repeating: line, count: 1500))
    let whole = (1024 << 10) / 1040
    #expect(try log.records().count == whole)
    #expect(log.writer.dropped == UInt64(1500 - whole) * 1000)
    #expect(log.writer.failure?.errno == .noSpace)
  }
}
