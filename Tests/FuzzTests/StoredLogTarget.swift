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
    var rest = all[...]
    for record in tail {
      guard let found = rest.firstIndex(of: record) else {
        throw Violation(description: "the tail is a part of the log, in its order")
      }
      rest = rest[(found + 1)...]
    }
    let lines = tail.filter { $0.drop { $0 != UInt8(ascii: " ") }.dropFirst(8).first == 70 }.count
    // The torn end of the log, of which the search for the last lines knows nothing, is no line.
    try hold(lines <= Int(first), "there are not more lines than are wanted")
    _ = try records(of: log, LogSelection(since: .seconds(1_000_000_000)))
  }

  private static func records(of log: [UInt8], _ selection: LogSelection) throws -> [[UInt8]] {
    let file = GrowingFile(owning: try OwnedDescriptor(inMemory: log), subject: "of the log")
    var reader = try LogReader(file, selection)
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
}
