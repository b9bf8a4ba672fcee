/// How many records of how many bytes of the command's output.
public struct RecordCount: Sendable, Hashable {
  /// The records: lines, or pieces of long ones.
  public var records: UInt64 = 0
  /// The bytes of the output in them, line feeds included.
  public var bytes: UInt64 = 0

  /// None.
  public init() {}
}

/// Records that wait to be passed on, one after the other in one buffer, and the count of those
/// that there was no room for. A value that does nothing by itself.
public struct RecordQueue: Sendable {
  private struct Record {
    /// The bytes of the record in the buffer.
    var length: Int
    /// How many of them only a stream needs.
    var prefix: Int
    /// The bytes of output that it stands for.
    var payload: Int
  }

  /// So many bytes may wait.
  public let capacity: Int
  private var bytes: [UInt8] = []
  private var records: [Record] = []
  private var firstRecord = 0
  /// Where the part of the first record begins that has not been taken.
  private var head = 0
  private var takenOfFirst = 0

  /// What was not passed on.
  public private(set) var dropped = RecordCount()

  /// Makes an empty queue.
  public init(capacity: Int) { self.capacity = capacity }

  /// How many bytes wait.
  public var byteCount: Int { bytes.count - head }

  /// Whether nothing waits.
  public var isEmpty: Bool { firstRecord == records.count }

  /// Whether records of this many bytes may be more than fit.
  public func isFull(for count: Int) -> Bool { byteCount + count > capacity }

  /// Adds a record.
  ///
  /// - Parameters:
  ///   - payload: the bytes of output that it stands for.
  ///   - isBounded: whether it is dropped when there is no room for it.
  ///   - encode: appends the record to the buffer, and returns how many of its first bytes only a
  ///     stream needs.
  public mutating func append(
    payload: Int, isBounded: Bool, _ encode: (inout [UInt8]) -> Int
  ) {
    let begin = bytes.count
    let prefix = encode(&bytes)
    guard !isBounded || byteCount <= capacity else {
      bytes.removeSubrange(begin...)
      return drop(payload: payload)
    }
    records.append(Record(length: bytes.count - begin, prefix: prefix, payload: payload))
  }

  /// Counts a record that nobody has made.
  public mutating func drop(payload: Int) {
    dropped.records += 1
    dropped.bytes += UInt64(payload)
  }

  /// Everything that waits, as a stream has it.
  var stream: ArraySlice<UInt8> { bytes[head...] }

  /// The first record alone, without what only a stream needs; nil when nothing waits.
  var first: ArraySlice<UInt8>? {
    guard !isEmpty else { return nil }
    let record = records[firstRecord]
    return bytes[(head + record.prefix)..<(head + record.length)]
  }

  /// So many bytes of ``stream`` were taken.
  mutating func take(_ count: Int) {
    head += count
    takenOfFirst += count
    while !isEmpty, takenOfFirst >= records[firstRecord].length {
      takenOfFirst -= records[firstRecord].length
      firstRecord += 1
    }
    compact()
  }

  /// The first record was taken as a whole.
  mutating func takeFirst() {
    guard !isEmpty else { return }
    take(records[firstRecord].length - takenOfFirst)
  }

  /// The first record cannot be taken.
  mutating func dropFirst() {
    guard !isEmpty else { return }
    drop(payload: records[firstRecord].payload)
    takeFirst()
  }

  /// What was taken of a record that was not taken to its end is to be taken again.
  mutating func restartFirst() {
    head -= takenOfFirst
    takenOfFirst = 0
  }

  /// Nothing that waits will be taken.
  mutating func dropAll() {
    for record in records[firstRecord...] { drop(payload: record.payload) }
    firstRecord = records.count
    head = bytes.count
    takenOfFirst = 0
    compact()
  }

  /// Gives room back, but not for every few records: what is behind them has to be moved.
  private mutating func compact() {
    if isEmpty {
      bytes.removeAll(keepingCapacity: bytes.capacity <= capacity)
      records.removeAll(keepingCapacity: true)
      (head, firstRecord) = (0, 0)
    } else if head - takenOfFirst > capacity / 2 {
      bytes.removeSubrange(..<(head - takenOfFirst))
      records.removeSubrange(..<firstRecord)
      (head, firstRecord) = (takenOfFirst, 0)
    }
  }
}
