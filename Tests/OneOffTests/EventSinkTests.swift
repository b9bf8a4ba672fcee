import ContainerSpec
import FoundationEssentials
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// A sink, and a file in memory that holds what it has written.
private struct Recording {
  let file: OwnedFile
  let writer: OutputWriter

  init() throws {
    self.file = try OwnedFile()
    self.writer = OutputWriter(file.number)
  }

  func text() throws -> String { String(decoding: try file.contents(), as: UTF8.self) }

  func lines() throws -> [String] {
    try text().split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  func logLines() throws -> [LogLine] {
    try lines().compactMap { line in
      guard case .log(let log) = try EventDecoder.decode(Array(line.utf8)[...]) else { return nil }
      return log
    }
  }
}

/// A file in memory that several values may hold.
private final class OwnedFile {
  private let descriptor: OwnedDescriptor

  init() throws { self.descriptor = try OwnedDescriptor(inMemory: []) }

  var number: Int32 { descriptor.number }

  func contents() throws -> [UInt8] {
    try readFile(FilePath("/proc/self/fd/\(number)"), limit: 16 << 20)
  }
}

@Suite struct EventSinkTests {
  private let recording: Recording
  private let sink: EventSink

  init() throws {
    self.recording = try Recording()
    self.sink = EventSink(recording.writer)
  }

  private func receive(_ text: String, _ stream: OutputStream = .stdout) {
    sink.received(Array(text.utf8)[...], on: stream, at: .seconds(1))
  }

  @Test func writesALineForEveryLine() throws {
    receive("one\n\ntwo\n")
    #expect(
      try recording.lines() == [
        #"{"v":1,"event":"log","seq":1,"time":"1970-01-01T00:00:01.000000000Z","stream":"stdout","#
          + #""text":"one","partial":false}"#,
        #"{"v":1,"event":"log","seq":2,"time":"1970-01-01T00:00:01.000000000Z","stream":"stdout","#
          + #""text":"","partial":false}"#,
        #"{"v":1,"event":"log","seq":3,"time":"1970-01-01T00:00:01.000000000Z","stream":"stdout","#
          + #""text":"two","partial":false}"#,
      ])
  }

  @Test func putsALineTogetherThatComesInPieces() throws {
    receive("mig")
    receive("ra")
    #expect(try recording.lines().isEmpty)
    receive("ting\nne")
    sink.ended(.stdout)
    sink.ended(.stderr)
    let lines = try recording.logLines()
    #expect(lines.map { String(decoding: $0.bytes, as: UTF8.self) } == ["migrating", "ne"])
    #expect(lines.allSatisfy { !$0.isPartial })
  }

  @Test func keepsUnfinishedLinesOfTheStreamsApartAndNumbersThemTogether() throws {
    receive("out")
    receive("err", .stderr)
    receive("put\n")
    receive("or\n", .stderr)
    let lines = try recording.logLines()
    #expect(lines.map(\.stream) == [.stdout, .stderr])
    #expect(lines.map(\.sequence) == [1, 2])
    #expect(lines.map { String(decoding: $0.bytes, as: UTF8.self) } == ["output", "error"])
  }

  @Test(arguments: [64 << 10, (64 << 10) + 1, (64 << 10) - 1, 3 << 16, 200_000])
  func cutsALongLineIntoPiecesOf64KiB(length: Int) throws {
    let line = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    for start in stride(from: 0, to: length, by: 50_000) {
      sink.received(line[start..<min(length, start + 50_000)], on: .stdout, at: .zero)
    }
    receive("\nnext\n")
    let pieces = try recording.logLines()
    #expect(pieces.dropLast().flatMap(\.bytes) == line)
    #expect(pieces.last?.bytes == Array("next".utf8))
    #expect(pieces.allSatisfy { $0.bytes.count <= 64 << 10 })
    let fullPieces = length / (64 << 10)
    #expect(pieces.count { $0.isPartial } == fullPieces)
    // The last piece of a line is not partial, even when nothing is left for it.
    #expect(pieces.count == fullPieces + 2)
  }

  @Test func bytesThatAreNotUTF8ArriveAsTheyAre() throws {
    let bytes: [UInt8] = [0x66, 0xff, 0x00, 0xc3]
    sink.received((bytes + [0x0a])[...], on: .stderr, at: .zero)
    let line = try #require(try recording.lines().first)
    #expect(line.contains(#""base64":"Zv8Aww==""#))
    #expect(!line.contains(#""text""#))
    #expect(try recording.logLines().first?.bytes == bytes)
  }

  @Test func everyLineIsTheSameAfterTheRoundTrip() throws {
    let texts = [
      "", " ", "\"quoted\" and \\ back", "tab\tcarriage\rbell\u{7}null\0escape\u{1b}[1m\u{7f}",
      "ümläut – 日本語 🚢", "\u{2028}\u{2029}", "</script>",
    ]
    for text in texts { receive(text + "\n") }
    #expect(
      try recording.logLines().map { String(decoding: $0.bytes, as: UTF8.self) } == texts)
    #expect(try recording.logLines().map(\.sequence) == Array(1...UInt64(texts.count)))
  }

  @Test func controlCharactersAreEscaped() throws {
    receive("\u{1}\u{1f}\u{7f}\"\\/\n")
    #expect(try recording.text().contains(#""text":"\u0001\u001f\u007f\"\\/""#))
  }

  @Test func theEventsOfARunCanBeReadAgain() throws {
    let id = try RunID("run-1")
    sink.started(id: id, time: .seconds(2), pid: 4711)
    sink.warned(RunWarning(code: "discarded-changes", text: "3 files"))
    let result = try RunResultTests.result()
    sink.finished(id: id, result: result)
    let events = try recording.lines().map { try EventDecoder.decode(Array($0.utf8)[...]) }
    #expect(
      events == [
        .started(id: id, time: "1970-01-01T00:00:02.000000000Z", pid: 4711),
        .warning(RunWarning(code: "discarded-changes", text: "3 files")),
        .finished(id: id, result),
      ])
    #expect(try recording.lines().allSatisfy { $0.contains(#""v":1"#) })
  }

  @Test func anEventOfALaterVersionIsPassedOver() throws {
    #expect(try EventDecoder.decode(Array(#"{"v":1,"event":"paused"}"#.utf8)[...]) == nil)
    #expect(throws: (any Error).self) { try EventDecoder.decode(Array("not json".utf8)[...]) }
  }
}

@Suite struct OutputSinkTests {
  private func indented(_ pieces: [String]) throws -> String {
    let recording = try Recording()
    let sink = OutputSink(
      stdout: recording.writer, stderr: recording.writer, style: .indented)
    for piece in pieces { sink.received(Array(piece.utf8)[...], on: .stdout, at: .zero) }
    sink.ended(.stdout)
    return try recording.text()
  }

  @Test func indentsEveryLineOnce() throws {
    #expect(try indented(["a\nb\n"]) == "       a\n       b\n")
    #expect(try indented(["a", "b\nc", "\n", "d\n"]) == "       ab\n       c\n       d\n")
  }

  @Test func endsALastLineThatHasNoLineFeed() throws {
    #expect(try indented(["a"]) == "       a\n")
    #expect(try indented([]) == "")
  }

  @Test func aLineOfOneStreamDoesNotIndentTheOther() throws {
    let recording = try Recording()
    let sink = OutputSink(stdout: recording.writer, stderr: recording.writer, style: .indented)
    sink.received(Array("a".utf8)[...], on: .stdout, at: .zero)
    sink.received(Array("b\n".utf8)[...], on: .stderr, at: .zero)
    sink.warned(RunWarning(code: "x", text: "careful"))
    #expect(try recording.text() == "       a       b\n\n !     warning: careful\n")
  }

  @Test func whatIsPlainIsPassedOnAsItIs() throws {
    let recording = try Recording()
    let sink = OutputSink(stdout: recording.writer, stderr: recording.writer, style: .plain)
    sink.received(Array("a\n\u{1b}b".utf8)[...], on: .stdout, at: .zero)
    sink.ended(.stdout)
    sink.warned(RunWarning(code: "x", text: "careful"))
    #expect(try recording.text() == "a\n\u{1b}b\noneoff: warning: careful\n")
  }
}
