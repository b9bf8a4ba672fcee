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

/// On a file system of 64 KiB.
@Suite(.requires(.root)) struct FullDiskTests {
  private let log: WrittenLog
  private let other: FilePath
  private let mount: Mount

  private final class Mount {
    let root: DetachedMount
    init() throws { self.root = try DetachedMount(type: "tmpfs", options: [("size", "64k")]) }
    var path: FilePath { FilePath("/proc/self/fd/\(root.descriptor.number)") }
  }

  init() throws {
    ignoreWriteSignals()
    self.mount = try Mount()
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
}
