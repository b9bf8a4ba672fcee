import Testing

@testable import LinuxSystem

@Suite struct RecordQueueTests {
  private var queue = RecordQueue(capacity: 100)

  private mutating func append(_ text: String, prefix: Int = 0, isBounded: Bool = true) {
    queue.append(payload: text.utf8.count - prefix, isBounded: isBounded) { bytes in
      bytes += text.utf8
      return prefix
    }
  }

  private func text(_ bytes: ArraySlice<UInt8>?) -> String? {
    bytes.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test mutating func givesBytesInOrderHoweverFewAreTaken() {
    for word in ["one,", "two,", "three,"] { append(word) }
    var taken = ""
    while !queue.isEmpty {
      taken += text(queue.stream.prefix(3)) ?? ""
      queue.take(min(3, queue.byteCount))
    }
    #expect(taken == "one,two,three,")
    #expect(queue.byteCount == 0)
    #expect(queue.dropped == RecordCount())
  }

  @Test mutating func givesRecordsWithoutWhatOnlyAStreamNeeds() {
    append("3 one", prefix: 2)
    append("3 two", prefix: 2)
    #expect(text(queue.first) == "one")
    #expect(text(queue.stream) == "3 one3 two")
    queue.takeFirst()
    #expect(text(queue.first) == "two")
    queue.dropFirst()
    #expect(queue.first == nil)
    #expect(queue.dropped.records == 1)
    #expect(queue.dropped.bytes == 3)
  }

  @Test mutating func beginsARecordAnewThatWasTakenInPart() {
    append("first")
    append("second")
    queue.take(7)
    #expect(text(queue.stream) == "cond")
    queue.restartFirst()
    #expect(text(queue.stream) == "second")
    queue.take(2)
    queue.takeFirst()
    #expect(queue.isEmpty)
  }

  @Test mutating func dropsWhatHasNoRoomAndCountsIt() {
    append(String(repeating: "a", count: 60))
    append(String(repeating: "b", count: 41))
    append(String(repeating: "c", count: 40))
    #expect(queue.byteCount == 100)
    #expect(queue.dropped.records == 1)
    #expect(queue.dropped.bytes == 41)
    #expect(queue.isFull(for: 1))
    append("d", isBounded: false)
    #expect(queue.byteCount == 101)
    queue.take(1)
    queue.dropAll()
    // A record of which a part was taken has not been passed on.
    #expect(queue.dropped.records == 4)
    #expect(queue.dropped.bytes == 142)
    #expect(queue.isEmpty)
  }

  @Test func everyRecordIsTakenOrCounted() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var queue = RecordQueue(capacity: 500)
      var offered: [[UInt8]] = []
      var taken: [UInt8] = []
      for number in 0..<400 {
        let record =
          Array("\(number):".utf8)
          + [UInt8](repeating: 46, count: Int.random(in: 0...60, using: &random)) + [10]
        let before = queue.dropped.records
        queue.append(payload: record.count, isBounded: true) {
          $0 += record; return 0
        }
        if queue.dropped.records == before { offered.append(record) }
        let count = Int.random(in: 0...min(40, queue.byteCount), using: &random)
        taken += queue.stream.prefix(count)
        queue.take(count)
      }
      #expect(queue.dropped.records > 0)
      #expect(UInt64(offered.count) + queue.dropped.records == 400)
      taken += queue.stream
      #expect(taken == offered.flatMap(\.self))
    }
  }
}
