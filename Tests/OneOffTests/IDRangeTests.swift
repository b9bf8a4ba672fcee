import LinuxSystem
import Testing

@testable import OneOff

@Suite struct IDRangeTests {
  private static let edges: [UInt32] = [
    0, 1, 2, 33, 999, 1000, 1001, 32767, 65533, 65534, 65535,
  ]
  private static let owners = edges + [65536, 65537, 100_000, 2_147_483_647, .max - 1]

  @Test(arguments: owners, edges) func exchangesOwnerAndUserAndStaysOneToOne(
    owner: UInt32, user: UInt32
  ) throws {
    let range = IDRange(base: 0x7000_0000)
    guard let map = range.map(showing: owner, as: user) else {
      #expect(owner == user)
      return
    }
    #expect(owner != user)
    #expect(map.ranges.count <= 5)
    #expect(map.ranges.allSatisfy { $0.count > 0 })
    // Of 65,536 ids each is mapped once; an owner from outside takes the place of the user's.
    let length = map.ranges.reduce(0) { $0 + Int($1.count) }
    #expect(length == 65536)
    for ends in [
      map.ranges.map { ($0.inside, $0.count) }, map.ranges.map { ($0.host, $0.count) },
    ] {
      let sorted = ends.sorted { $0.0 < $1.0 }
      for (first, second) in zip(sorted, sorted.dropFirst()) {
        #expect(UInt64(first.0) + UInt64(first.1) <= UInt64(second.0))
      }
    }
    #expect(map.host(of: owner) == range.base + user)
    if owner < 65536 { #expect(map.host(of: user) == range.base + owner) }
    for id in Self.edges where id != owner && id != user {
      #expect(map.host(of: id) == range.base + id)
    }
    let last = map.ranges.map { UInt64($0.host) + UInt64($0.count) }.max()
    #expect(last == UInt64(range.base) + 65536)
    #expect(map.ranges.map(\.host).min() == range.base)
  }

  @Test func theRangeItselfIsOneRun() {
    #expect(
      IDRange(base: 7).map == IDMap([.init(inside: 0, host: 7, count: 65536)]))
  }
}

extension IDMap {
  fileprivate func host(of id: UInt32) -> UInt32? {
    ranges.first { $0.inside <= id && id - $0.inside < $0.count }.map { $0.host + (id - $0.inside) }
  }
}
