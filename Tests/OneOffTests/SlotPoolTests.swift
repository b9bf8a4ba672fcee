import ContainerSpec
import LinuxSystem
import Testing

@testable import OneOff

@Suite struct SlotPoolTests {
  private func pool(_ base: String?, _ count: String?) throws(SpecError) -> SlotPool {
    try SlotPool(base: base.map { Array($0.utf8) }, count: count.map { Array($0.utf8) })
  }

  @Test func standardIdsAreClearOfThoseThatOthersHandOut() throws {
    let pool = try pool(nil, nil)
    #expect(IDRange(slot: pool.first).base == 0x7000_0000)
    #expect(IDRange(slot: pool.first + pool.count - 1).base == 0x7fff_0000)
    #expect(pool.count == 4096)
  }

  @Test func bothCanBeChosen() throws {
    let pool = try pool("1048576", "16")
    #expect(IDRange(slot: pool.first).base == 1_048_576)
    #expect(pool.count == 16)
    #expect(try self.pool(nil, "1").count == 1)
    #expect(try self.pool("65536", "32767").count == 32767)
  }

  @Test func aHighBaseLeavesRoomForFewer() throws {
    let last = try pool("2147418112", nil)
    #expect(last.count == 1)
    #expect(IDRange(slot: last.first).map.ranges[0].host == 0x7fff_0000)
    #expect(throws: SpecError.self) { try pool("2147418112", "2") }
  }

  /// `0` and `1000` would be ids of the host's own.
  @Test(arguments: [
    "", "0", "1000", "65535", "65537", "-65536", "+65536", " 65536", "65536 ", "065536", "0x10000",
    "65536abc", "2147483648", "4294967296", "18446744073709617152", "1e5",
  ])
  func anythingElseIsNotABase(text: String) {
    let error = #expect(throws: SpecError.self) { try pool(text, nil) }
    #expect(error?.message == "ONEOFF_ID_BASE is '\(text)'")
  }

  @Test(arguments: ["", "0", "-1", "4097", "32768", "1 ", "01", "1abc", "4294967296"])
  func anythingElseIsNotACount(text: String) {
    let error = #expect(throws: SpecError.self) { try pool(nil, text) }
    #expect(error?.message == "ONEOFF_SLOTS is '\(text)'")
  }

  @Test func poolsThatOverlapShareTheirSlots() throws {
    // One number, one lock file, one range, whatever the pool begins with.
    let low = try pool("1048576", "8")
    let high = try pool("1310720", "8")
    #expect(low.first + 4 == high.first)
    #expect(IDRange(slot: low.first + 4) == IDRange(slot: high.first))
  }
}
