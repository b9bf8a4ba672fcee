import ContainerSpec
import Testing

@testable import OneOff

@Suite struct LineEncodingTests {
  private let time = Duration.seconds(1_767_323_045) + .nanoseconds(123_456_789)

  private func records(
    _ encoding: some LineEncoding, _ line: [UInt8], on stream: OutputStream = .stdout,
    hasLineFeed: Bool = true, isPartial: Bool = false
  ) -> (record: [UInt8], prefix: Int) {
    var record: [UInt8] = []
    let line = LoggedLine(
      bytes: line[...], stream: stream, hasLineFeed: hasLineFeed, isPartial: isPartial)
    let prefix = encoding.append(line, encoding.head(of: stream, at: time), to: &record)
    return (record, prefix)
  }

  private func text(
    _ encoding: some LineEncoding, _ line: String, on stream: OutputStream = .stdout,
    hasLineFeed: Bool = true
  ) -> String {
    let record = records(encoding, Array(line.utf8), on: stream, hasLineFeed: hasLineFeed).record
    return String(decoding: record, as: UTF8.self)
  }

  private let syslog = SyslogEncoding(
    source: SyslogSource(hostname: "host", application: "shop", process: "postdeploy.1"),
    longestLine: 1536)

  @Test func syslogOnAStreamHasTheNumberOfItsBytesBeforeIt() {
    let message = "<134>1 2026-01-02T03:04:05.123456Z host shop postdeploy.1 - - grüße"
    #expect(text(syslog, "grüße") == "\(message.utf8.count) \(message)")
    let (record, prefix) = records(syslog, Array("grüße".utf8))
    #expect(String(decoding: record.dropFirst(prefix), as: UTF8.self) == message)
    #expect(
      text(syslog, "", on: .stderr)
        == "61 <131>1 2026-01-02T03:04:05.123456Z host shop postdeploy.1 - -")
  }

  @Test func theLongestDatagramOfSyslogHasAtMost2048Bytes() {
    let long = String(repeating: "x", count: 300)
    let encoding = SyslogEncoding(
      source: SyslogSource(hostname: long, application: long, process: long),
      longestLine: SyslogEncoding.longestTextOfDatagram)
    let (record, prefix) = records(encoding, [UInt8](repeating: 120, count: encoding.longestLine))
    #expect(record.count - prefix <= 2048)
    #expect(record.count - prefix > 1900)
  }

  private func journal(_ id: String = "r1") throws -> JournalEncoding {
    var encoding = JournalEncoding(application: "shop", process: "postdeploy.1")
    encoding.begin(try RunID(id))
    return encoding
  }

  @Test func anEntryOfTheJournalHasAFieldALine() throws {
    #expect(
      text(try journal(), "hello\tworld", on: .stderr) == """
        PRIORITY=3
        SYSLOG_IDENTIFIER=shop
        ONEOFF_PROCESS=postdeploy.1
        ONEOFF_ID=r1
        ONEOFF_STREAM=stderr
        MESSAGE=hello\tworld

        """)
    #expect(text(try journal(), "").hasPrefix("PRIORITY=6\n"))
    #expect(text(try journal(), "").hasSuffix("\nMESSAGE=\n"))
  }

  @Test func aMessageThatIsNoTextHasItsLengthBeforeIt() throws {
    let (record, _) = records(try journal(), [1, 0xff, 0, 13], isPartial: true)
    let end =
      Array("CONTAINER_PARTIAL_MESSAGE=true\nMESSAGE\n".utf8)
      + [4, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 13, 10]
    #expect(record.suffix(end.count) == end[...])
    // A name with a line feed could otherwise add fields.
    let forged = JournalEncoding(application: "a\nPRIORITY=0", process: "p")
    #expect(text(forged, "").contains("SYSLOG_IDENTIFIER\n\u{c}\0\0\0\0\0\0\0a\nPRIORITY=0\n"))
  }

  @Test func aLineOfDockersFormatIsAnObject() {
    let end = #""stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}"# + "\n"
    #expect(text(DockerLogEncoding(), "hé") == #"{"log":"hé\n","# + end)
    #expect(text(DockerLogEncoding(), "end", hasLineFeed: false) == #"{"log":"end","# + end)
    #expect(
      text(DockerLogEncoding(), "a\"b\\c\td\re\u{1b}[0m\u{7f}")
        == #"{"log":"a\"b\\c\td\re\u001b[0m\u007f\n","# + end)
    let (record, _) = records(DockerLogEncoding(), [97, 0xff, 98])
    #expect(String(decoding: record, as: UTF8.self) == #"{"log":"a"# + "\u{fffd}" + #"b\n","# + end)
  }
}

@Suite struct LineSplitterTests {
  /// The pieces of a text that comes in reads of some lengths.
  private func pieces(
    _ text: [UInt8], longest: Int, keepsCharacters: Bool, reads: () -> Int
  ) -> [(bytes: [UInt8], isPartial: Bool)] {
    var splitter = LineSplitter(longest: longest, keepsCharacters: keepsCharacters)
    var pieces: [([UInt8], Bool)] = []
    var rest = text[...]
    while !rest.isEmpty {
      let read = rest.prefix(reads())
      splitter.split(read) { pieces.append((Array($0), $1)) }
      rest = rest.dropFirst(read.count)
    }
    splitter.end { line, _ in pieces.append((Array(line), true)) }
    return pieces
  }

  @Test func cutsNoCharacterInTwo() {
    for shift in 0..<8 {
      let text = Array((String(repeating: "a", count: shift) + "aä€😀öé😀\n").utf8)
      let found = pieces(text, longest: 8, keepsCharacters: true) { 5 }
      #expect(found.flatMap(\.bytes) == Array(text.dropLast()))
      #expect(found.allSatisfy { String(validating: $0.bytes, as: UTF8.self) != nil })
      #expect(found.allSatisfy { $0.bytes.count <= 8 })
    }
    #expect(
      pieces(Array("aaaaaaaä\n".utf8), longest: 8, keepsCharacters: false) { 5 }[0].bytes.count == 8
    )
  }

  @Test func losesNothingOfAnyBytesInAnyReads() {
    for _ in 0..<200 {
      let count = Int.random(in: 0...300)
      let text = (0..<count).map { _ in
        [10, 0x61, 0xc3, 0xa4, 0xf0, 0x9f, 0x80, 0xff].randomElement() ?? UInt8(10)
      }
      let found = pieces(text, longest: 8, keepsCharacters: true) { Int.random(in: 1...20) }
      #expect(found.flatMap { $0.bytes + ($0.isPartial ? [] : [10]) } == text)
      #expect(found.allSatisfy { $0.bytes.count <= 8 && !$0.bytes.contains(10) })
    }
  }
}
