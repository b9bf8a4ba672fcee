import ContainerSpec
import Testing

@Suite struct SubordinateIDsTests {
  private func first(_ text: String, count: UInt32 = 65536) -> UInt32? {
    SubordinateIDs(Array(text.utf8)).firstID(of: 1000, named: "me", count: count)
  }

  @Test func userIsNamedOrNumbered() {
    #expect(first("you:1:65536\nme:100000:65536\n") == 100_000)
    #expect(first("1000:200000:65536") == 200_000)
    #expect(first("me2:1:65536\n10000:1:65536\n") == nil)
    #expect(SubordinateIDs(Array("me:1:65536".utf8)).firstID(of: 1000, named: nil, count: 1) == nil)
  }

  @Test func firstRangeThatIsLargeEnoughCounts() {
    #expect(first("me:1:65535\nme:300000:65536\nme:400000:131072\n") == 300_000)
    #expect(first("me:1:65535\n") == nil)
    #expect(first("me:1:65535\n", count: 65535) == 1)
  }

  @Test(arguments: [
    "", "me", "me:1", "me:1:65536:x", "me:-1:65536", "me: 1:65536", "me:0x1:65536", "me:1:+65536",
    "me:4294967296:65536", "me:4294901761:65536", "me:1:99999999999999999999", "# me:1:65536",
  ])
  func malformedLinesAndRangesBeyondTheLastIDAreSkipped(line: String) {
    #expect(first(line) == nil)
    #expect(first(line + "\nme:7:65536") == 7)
  }

  @Test(
    arguments: [
      ("alice:100000:65536\n", nil),
      ("alice:100000:65536\nbob:1879048191:1\n", nil),
      ("bob:1879048191:2\n", "bob:1879048191:2"),
      ("bob:2147483648:65536", nil),
      ("bob:2147483647:1", "bob:2147483647:1"),
      ("bob:0:4294967296", "bob:0:4294967296"),
      ("# x\n\nbob\nbob:x:1\nbob:-1:5\nbob:1879048192:0\nbob:1:18446744073709551615\n", nil),
    ] as [(String, String?)])
  func rangesThatOthersHandOutAreFound(text: String, line: String?) {
    #expect(
      SubordinateIDs(Array(text.utf8)).line(overlapping: 0x7000_0000..<0x8000_0000) == line)
  }
}
