import ContainerSpec
import LinuxSystem
import OneOff

extension FuzzTarget {
  /// A stored log; the first byte says how many of its last lines are wanted.
  static let storedLog = FuzzTarget(name: "stored-log") { bytes in
    guard let first = bytes.first else { return }
    let log = Array(bytes.dropFirst())
    let all = try records(of: log, LogSelection())
    // What a log that consists of these records holds is the same.
    let again = try records(of: all.joined, LogSelection())
    try hold(again == all, "records are what they are read as")
    for stream in OutputStream.allCases {
      let tag = Array(" \(stream.rawValue) ".utf8)
      let alone = try records(of: log, LogSelection(stream: stream))
      try hold(
        alone == all.filter { $0.drop { $0 != UInt8(ascii: " ") }.starts(with: tag) },
        "a stream has its own records")
    }
    let tail = try records(of: log, LogSelection(tail: Int(first)))
    try hold(tail.isPart(of: all), "the tail is a part of the log, in its order")
    let lines = tail.filter { $0.drop { $0 != UInt8(ascii: " ") }.dropFirst(8).first == 70 }.count
    // The torn end of the log, of which the search for the last lines knows nothing, is no line.
    try hold(lines <= Int(first), "there are not more lines than are wanted")
    _ = try records(of: log, LogSelection(since: .seconds(1_000_000_000)))
    try checkSmallBlocks(log, all, tail, Int(first))
  }

  /// How much of the log is read at once does not matter; of lines that are too long, nothing is
  /// taken for a record.
  private static func checkSmallBlocks(
    _ log: [UInt8], _ all: [[UInt8]], _ tail: [[UInt8]], _ count: Int
  ) throws {
    let (block, longest) = (32, 128)
    func inBlocks(_ selection: LogSelection) throws -> [[UInt8]] {
      let file = GrowingFile(owning: try OwnedDescriptor(inMemory: log), subject: "of the log")
      return try records(
        from: LogReader(file, selection, block: block, longestRecord: longest))
    }
    let (some, someOfTail) = try (inBlocks(LogSelection()), inBlocks(LogSelection(tail: count)))
    if log.lines.allSatisfy({ $0.count <= longest }) {
      try hold(some == all && someOfTail == tail, "the same in blocks of every size")
    } else if log.last == UInt8(ascii: "\n") {
      // Of a torn line that is too long, the beginning is shown.
      try hold(some.isPart(of: all) && someOfTail.isPart(of: all), "a line is whole, or not there")
      let short = try records(
        of: log.lines.filter { $0.count <= longest }.joined, LogSelection())
      try hold(short.isPart(of: some), "what is not too long is there")
    }
  }

  private static func records(of log: [UInt8], _ selection: LogSelection) throws -> [[UInt8]] {
    let file = GrowingFile(owning: try OwnedDescriptor(inMemory: log), subject: "of the log")
    return try records(from: LogReader(file, selection))
  }

  private static func records(from reader: consuming LogReader) throws -> [[UInt8]] {
    var reader = reader
    var records: [[UInt8]] = []
    func take(_ record: LogRecord) {
      var bytes: [UInt8] = []
      record.appendRecord(to: &bytes)
      records.append(bytes)
    }
    try reader.read(take)
    try reader.readTornRecord(take)
    return records
  }
}

extension [[UInt8]] {
  fileprivate var joined: [UInt8] { flatMap { $0 } }

  /// Whether these are in `all`, in its order.
  fileprivate func isPart(of all: [[UInt8]]) -> Bool {
    var rest = all[...]
    for record in self {
      guard let found = rest.firstIndex(of: record) else { return false }
      rest = rest[(found + 1)...]
    }
    return true
  }
}
