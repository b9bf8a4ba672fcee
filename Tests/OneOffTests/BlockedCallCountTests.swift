import Testing

@testable import OneOff

@Suite struct BlockedCallCountTests {
  @Test func callsAreCountedByNumberAndErrno() {
    var count = BlockedCallCount()
    for (number, errno) in [(9, 1), (7, 1), (9, 38), (7, 1), (8, 1)] as [(UInt32, UInt16)] {
      count.add(number: number, errno: errno)
    }
    #expect(
      count.entries == [
        .init(number: 7, errno: 1, count: 2), .init(number: 8, errno: 1, count: 1),
        .init(number: 9, errno: 1, count: 1), .init(number: 9, errno: 38, count: 1),
      ])
    #expect(count.others == 0)
  }

  @Test func kindsBeyondTheCapacityAreCountedTogether() {
    var count = BlockedCallCount()
    for number in 0..<UInt32(BlockedCallCount.capacity + 5) { count.add(number: number, errno: 1) }
    count.add(number: 0, errno: 1)
    #expect(count.entries.count == BlockedCallCount.capacity)
    #expect(count.entries.first == .init(number: 0, errno: 1, count: 2))
    #expect(count.others == 5)
  }
}
