import LinuxSystem
import Testing

@testable import OneOff

@Suite struct LogReaderTests {
  /// Output with line feeds of about that frequency, now and then with a line of 1 MiB.
  private static func output(_ numbers: inout FixedNumbers, count: Int, lineLength: Int) -> [UInt8]
  {
    var bytes = (0..<count).map { _ in
      Int.random(in: 0..<lineLength, using: &numbers) == 0
        ? UInt8(ascii: "\n") : UInt8.random(in: 0...255, using: &numbers)
    }
    if Int.random(in: 0..<10, using: &numbers) == 0 {
      let place = Int.random(in: 0...bytes.count, using: &numbers)
      bytes.insert(contentsOf: [UInt8](repeating: 120, count: 1 << 20), at: place)
    }
    return bytes
  }

  @Test(arguments: 0..<24) func givesBackEveryByteOfEachStream(seed: Int) throws {
    var numbers = FixedNumbers(UInt64(seed))
    let log = try LogFixture()
    let lineLength = [2, 80, 5000].randomElement(using: &numbers) ?? 80
    var expected = PerStream<[UInt8]>([])
    var rest = PerStream<ArraySlice<UInt8>>([])
    for stream in OutputStream.allCases {
      let count = Int.random(in: 0..<30_000, using: &numbers)
      expected[stream] = Self.output(&numbers, count: count, lineLength: lineLength)
      rest[stream] = expected[stream][...]
    }
    while !rest.stdout.isEmpty || !rest.stderr.isEmpty {
      let stream: OutputStream = Bool.random(using: &numbers) ? .stdout : .stderr
      let length = [1, 100, 10_000, 300_000].randomElement(using: &numbers) ?? 1
      let piece = rest[stream].prefix(Int.random(in: 0...length, using: &numbers))
      rest[stream] = rest[stream][piece.endIndex...]
      log.write(Array(piece), stream)
    }
    let records = try log.records()
    #expect(records.output(.stdout) == expected.stdout)
    #expect(records.output(.stderr) == expected.stderr)
    for stream in OutputStream.allCases {
      let alone = try log.records(LogSelection(stream: stream))
      #expect(alone.allSatisfy { $0.stream == stream })
      #expect(alone.output(stream) == expected[stream])
    }
  }

  @Test func readsOnFromWhereTheLogEnded() throws {
    let log = try LogFixture()
    var reader = try LogReader(log.file(), LogSelection())
    var found: [LogRecord] = []
    for text in ["one\n", "", "tw", "o\nthree\n"] {
      log.write(text)
      try reader.read { found.append($0) }
    }
    #expect(found.shorts == ["stdout F one", "stdout P tw", "stdout F o", "stdout F three"])
    try reader.read { _ in Issue.record("nothing is read twice") }
  }

  @Test func aTornRecordIsAPieceOnceTheRunIsOver() throws {
    let whole = "2026-01-02T03:04:05.123456789Z stdout F one\n"
    let torn = "2026-01-02T03:04:05.123456789Z stderr F tw"
    #expect(try LogFixture(whole + torn).records(isOver: false).shorts == ["stdout F one"])
    #expect(try LogFixture(whole + torn).records().shorts == ["stdout F one", "stderr P tw"])
    #expect(try LogFixture(torn).records(LogSelection(stream: .stdout)).isEmpty)
    // Of a torn header nothing is known.
    for length in 0..<40 {
      #expect(try LogFixture(whole + torn.prefix(length)).records().shorts == ["stdout F one"])
    }
  }

  @Test func passesOverWhatIsNoRecord() throws {
    let record = "2026-01-02T03:04:05Z stdout F good\n"
    let junk = [
      "", " ", "x", " stdout F x", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z stdout",
      "2026-01-02T03:04:05Z stdout F", "2026-01-02T03:04:05Z stdin F x",
      "2026-01-02T03:04:05Z stdout X x", "2026-01-02T03:04:05Z stdout FP x",
      "2026-02-30T03:04:05Z stdout F x", "{\"log\":\"x\"}", String(repeating: "\0", count: 4096),
      String(repeating: "z", count: 3 << 20),
    ]
    for line in junk {
      let log = try LogFixture(record + line + "\n" + record)
      var reader = try LogReader(log.file(), LogSelection())
      var found: [LogRecord] = []
      try reader.read { found.append($0) }
      #expect(found.shorts == ["stdout F good", "stdout F good"], "\(line.prefix(60))")
      #expect(reader.unreadableLines == 1)
      // Also as the first line, when there is no record before it.
      #expect(try LogFixture(line + "\n").records().isEmpty, "\(line.prefix(60))")
      #expect(try log.records(LogSelection(tail: 1)).count == 1)
    }
  }

  @Test func readsTheLogsOfOthers() throws {
    let log = try LogFixture(
      """
      2016-10-06T00:17:09.669794202Z stdout P log content 1
      2016-10-06T02:17:09.67+02:00 stderr F:tag=1 log content 2
      2016-10-05T20:17:10-04:00 stdout F\u{20}

      """)
    let records = try log.records()
    #expect(
      records.shorts == ["stdout P log content 1", "stderr F log content 2", "stdout F "])
    #expect(
      records.map(\.time) == [
        .seconds(1_475_713_029) + .nanoseconds(669_794_202),
        .seconds(1_475_713_029) + .milliseconds(670), .seconds(1_475_713_030),
      ])
  }

  @Test func sinceIsThatOfTheBeginningOfALine() throws {
    let log = try LogFixture()
    log.write("one\ntw", at: .seconds(1))
    log.write("other\n", .stderr, at: .seconds(2))
    log.write("o\nthree\n", at: .seconds(3))
    func since(_ time: Duration) throws -> [String] {
      try log.records(LogSelection(since: time)).shorts
    }
    #expect(
      try since(.seconds(1)) == [
        "stdout F one", "stdout P tw", "stderr F other", "stdout F o", "stdout F three",
      ])
    #expect(try since(.seconds(1) + .nanoseconds(1)) == ["stderr F other", "stdout F three"])
    #expect(try since(.seconds(3)) == ["stdout F three"])
    #expect(try since(.seconds(4)).isEmpty)
  }
}

@Suite struct LogTailTests {
  /// The lines of all records in the order in which they end, each with its stream and pieces.
  private func lines(of records: [LogRecord]) -> [[Int]] {
    var open = PerStream<[Int]>([])
    var lines: [[Int]] = []
    for (number, record) in records.enumerated() {
      open[record.stream].append(number)
      guard !record.isPartial else { continue }
      lines.append(open[record.stream])
      open[record.stream] = []
    }
    for stream in OutputStream.allCases where !open[stream].isEmpty { lines.append(open[stream]) }
    return lines.sorted { ($0.last ?? 0) < ($1.last ?? 0) }
  }

  private func check(_ log: LogFixture, tails: [Int]) throws {
    for stream in [nil, OutputStream.stdout, .stderr] {
      let all = try log.records(LogSelection(stream: stream))
      let lines = lines(of: all)
      for tail in tails {
        let expected = lines.suffix(tail).flatMap { $0 }.sorted().map { all[$0] }
        let found = try log.records(LogSelection(stream: stream, tail: tail))
        #expect(found.shorts == expected.shorts, "the last \(tail) of \(lines.count)")
      }
    }
  }

  @Test(arguments: 0..<30) func isTheLastLines(seed: Int) throws {
    var numbers = FixedNumbers(UInt64(seed))
    let log = try LogFixture()
    for _ in 0..<Int.random(in: 0..<60, using: &numbers) {
      let text = (0..<Int.random(in: 0..<4, using: &numbers)).map { "\($0)" }
        .joined(separator: "\n")
      let end = Bool.random(using: &numbers) ? "\n" : ""
      log.write(text + end, Int.random(in: 0..<4, using: &numbers) == 0 ? .stderr : .stdout)
    }
    try check(log, tails: [0, 1, 2, 3, 7, 50, 1000])
  }

  @Test(arguments: [1000, 60_000, 70_000]) func isTheLastLinesAcrossBlocks(length: Int) throws {
    let log = try LogFixture()
    for number in 0..<(800_000 / length) {
      log.write("\(number)" + String(repeating: "x", count: length) + "\n")
      if number % 3 == 0 { log.write("error \(number)\n", .stderr) }
    }
    try check(log, tails: [1, 5, 10, 100])
  }

  @Test func readsOnlyTheEndWhenTheOtherStreamHasWrittenLittle() throws {
    let log = try LogFixture()
    log.write("far off", .stderr)
    let line = String(repeating: "x", count: 79) + "\n"
    log.write(String(repeating: line, count: 40_000))
    log.write(" and the end\n", .stderr)
    // The beginning of the last line is 4.8 MB away: further than it is looked for.
    #expect(try log.records(LogSelection(tail: 1)).shorts == ["stderr F  and the end"])
    #expect(
      try log.records(LogSelection(stream: .stderr, tail: 1)).shorts
        == ["stderr F  and the end"])
  }
}
