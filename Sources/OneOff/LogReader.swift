package import LinuxSystem

/// Which lines of a log are wanted.
package struct LogSelection: Sendable, Hashable {
  /// Only those of one stream.
  package var stream: OutputStream?
  /// Only those that began at this time or later, since 1970.
  package var since: Duration?
  /// Only so many, the last ones.
  package var tail: Int?

  /// All lines.
  package init(stream: OutputStream? = nil, since: Duration? = nil, tail: Int? = nil) {
    self.stream = stream
    self.since = since
    self.tail = tail
  }
}

/// Reads the records of a log, to which somebody may still be writing.
package struct LogReader: ~Copyable {
  private let file: GrowingFile
  private let block: Int
  private let longestRecord: Int
  private let selection: LogSelection
  private var parser = LogRecordParser()
  /// The end of the last whole line that was read.
  private var offset = 0
  private var begins = PerStream(0)
  private var isInLine = PerStream(false)
  private var isWanted = PerStream(true)
  private var isInOverlongLine = false

  /// How many lines were no records.
  package private(set) var unreadableLines = 0

  /// Reads a log from the first line that is wanted.
  ///
  /// - Parameters:
  ///   - block: how many bytes are read at once.
  ///   - longestRecord: the bytes of which a longer line is no record: ours are far shorter, and
  ///     other writers cut lines at 16 KiB.
  /// - Throws: the errnos of pread(2).
  package init(
    _ file: consuming GrowingFile, _ selection: LogSelection, block: Int = 256 << 10,
    longestRecord: Int = 1 << 20
  ) throws(SystemError) {
    self.file = file
    self.block = block
    self.longestRecord = longestRecord
    self.selection = selection
    if let tail = selection.tail {
      begins = try findTail(tail)
      offset = min(begins.stdout, begins.stderr)
    }
  }

  /// Hands on every record that is wanted, up to the end that the log has now. A record is valid
  /// during the call.
  ///
  /// - Throws: the errnos of pread(2), and what `body` throws.
  package mutating func read(_ body: (LogRecord) throws -> Void) throws {
    var size = block
    while true {
      let bytes = try file.read(at: offset, atMost: size)
      guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
        if bytes.count < size { return }
        // No record has that many bytes without a line feed: what they belong to is passed over.
        if size > longestRecord {
          offset += bytes.count
          isInOverlongLine = true
        } else {
          size *= 2
        }
        continue
      }
      size = block
      let start = offset
      offset += last + 1
      try readLines(of: bytes[...last], at: start, body)
    }
  }

  /// Hands on what there is of a last record that is not whole, because its writer was killed, as a
  /// piece. Only when nobody writes any more.
  ///
  /// - Throws: the errnos of pread(2).
  package mutating func readTornRecord(_ body: (LogRecord) throws -> Void) throws {
    let bytes = try file.read(at: offset, atMost: longestRecord)
    guard !bytes.isEmpty, !isInOverlongLine else { return }
    guard var record = parser.parse(bytes[...]) else {
      unreadableLines += 1
      return
    }
    record.isPartial = true
    if wants(record, at: offset) { try body(record) }
  }

  private mutating func readLines(
    of bytes: ArraySlice<UInt8>, at start: Int, _ body: (LogRecord) throws -> Void
  ) throws {
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest[..<end]
      let position = start + line.startIndex
      rest = rest[(end + 1)...]
      guard !isInOverlongLine, let record = parser.parse(line) else {
        isInOverlongLine = false
        unreadableLines += 1
        continue
      }
      if wants(record, at: position) { try body(record) }
    }
  }

  private mutating func wants(_ record: LogRecord, at position: Int) -> Bool {
    let stream = record.stream
    guard position >= begins[stream], selection.stream ?? stream == stream else { return false }
    if !isInLine[stream] { isWanted[stream] = record.time >= selection.since ?? .zero }
    isInLine[stream] = record.isPartial
    return isWanted[stream]
  }

  // MARK: From the end

  private mutating func findTail(_ count: Int) throws(SystemError) -> PerStream<Int> {
    var tail = LogTail(count, of: selection.stream)
    var end = try endOfLastLine()
    if count == 0 { return PerStream(end) }
    while end > 0, !tail.isComplete {
      let (start, bytes) = try linesBefore(end)
      guard !bytes.isEmpty else { break }
      var rest = bytes
      while let last = rest.popLast() {
        precondition(last == UInt8(ascii: "\n"), "a block of lines ends with a line feed")
        let line = rest[((rest.lastIndex(of: last) ?? rest.startIndex - 1) + 1)...]
        let lineEnd = start + (line.endIndex - bytes.startIndex) + 1
        rest = rest[..<line.startIndex]
        guard let record = parser.parse(line) else { continue }
        tail.look(at: record, from: start + (line.startIndex - bytes.startIndex), to: lineEnd)
        if tail.isComplete { break }
      }
      end = start
    }
    return tail.beginnings(notBefore: end)
  }

  /// The position after the last line feed.
  private func endOfLastLine() throws(SystemError) -> Int {
    var end = try file.size()
    while end > 0 {
      let start = max(0, end - block)
      let bytes = try file.read(at: start, atMost: end - start)
      if let last = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + last + 1 }
      end = start
    }
    return 0
  }

  /// Whole lines that end at `end`, and where they begin; none where there is no record.
  private func linesBefore(
    _ end: Int
  ) throws(SystemError) -> (start: Int, bytes: ArraySlice<UInt8>) {
    var size = block
    while true {
      let start = max(0, end - size)
      let bytes = try file.read(at: start, atMost: end - start)
      // The file was cut back meanwhile.
      guard bytes.count == end - start else { return (end, []) }
      if start == 0 { return (0, bytes[...]) }
      let first = bytes.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.endIndex
      if first < bytes.endIndex { return (start + first, bytes[first...]) }
      if size > longestRecord { return (end, []) }
      size *= 2
    }
  }
}
