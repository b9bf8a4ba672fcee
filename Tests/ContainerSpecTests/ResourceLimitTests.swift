import ContainerSpec
import SystemPackage
import Testing

@Suite struct ResourceLimitTests {
  @Test(
    arguments: [
      ("nofile=1024", ResourceLimit(.openFiles, soft: 1024, hard: 1024)),
      ("nofile=1024:4096", ResourceLimit(.openFiles, soft: 1024, hard: 4096)),
      ("core=0", ResourceLimit(.coreSize, soft: 0, hard: 0)),
      ("as=1G", ResourceLimit(.addressSpace, soft: 1 << 30, hard: 1 << 30)),
      ("stack=64K:unlimited", ResourceLimit(.stackSize, soft: 65536, hard: .max)),
      ("cpu=unlimited", ResourceLimit(.processorTime, soft: .max, hard: .max)),
      ("fsize=18446744073709551614", ResourceLimit(.fileSize, soft: .max - 1, hard: .max - 1)),
    ] as [(ByteString, ResourceLimit)])
  func readsLimits(text: ByteString, limit: ResourceLimit) throws {
    #expect(try ResourceLimit(parsing: text) == limit)
  }

  @Test(arguments: ResourceLimit.Resource.allCases)
  func everyNameCanBeRead(_ resource: ResourceLimit.Resource) throws {
    let limit = try ResourceLimit(parsing: ByteString("\(resource.rawValue)=0"))
    #expect(limit.resource == resource)
  }

  @Test(
    arguments: [
      "", "nofile", "nofile=", "=1", "nofile=1:", "nofile=:1", "nofile=1:2:3", "nofile=2:1",
      "nofile=-1", "nofile=1K", "NOFILE=1", "nofile=0x10", "nofile=18446744073709551615",
      "nofile=18446744073709551616", "as=1X", "as=unlimited:1G", "nofile=unlimited:1",
      "nofile=1 ", "files=1", "as=16777216T",
    ] as [ByteString])
  func refusesWhatIsNone(text: ByteString) {
    let error = #expect(throws: SpecError.self) { try ResourceLimit(parsing: text) }
    #expect(error?.remedy != nil)
  }

  @Test func aSpecificationHasOneLimitForEachResource() throws {
    var spec = RunSpec(layers: ["/"], command: ["id"])
    spec.resourceLimits = [
      ResourceLimit(.coreSize, soft: 0, hard: 0), ResourceLimit(.openFiles, soft: 1, hard: 2),
    ]
    try spec.validate()
    spec.resourceLimits.append(ResourceLimit(.coreSize, soft: 1, hard: 1))
    #expect(throws: SpecError.self) { try spec.validate() }
    spec.resourceLimits = [ResourceLimit(.openFiles, soft: 2, hard: 1)]
    #expect(throws: SpecError.self) { try spec.validate() }
  }

  @Test(
    arguments: [
      { $0.timeout = .zero }, { $0.timeout = .seconds(-1) }, { $0.timeout = .seconds(400 * 86400) },
      { $0.silenceTimeout = .zero }, { $0.silenceTimeout = .seconds(Int64.max) },
      { $0.logMaximum = ByteCount(bytes: 0) }, { $0.niceness = 20 }, { $0.niceness = -21 },
      { $0.oomScoreAdjustment = 1001 }, { $0.oomScoreAdjustment = -1001 },
      { $0.grace = .seconds(-1) },
    ] as [@Sendable (inout RunSpec) -> Void])
  func refusesLimitsThatCannotBe(change: @Sendable (inout RunSpec) -> Void) throws {
    var spec = RunSpec(layers: ["/"], command: ["id"])
    try spec.validate()
    change(&spec)
    #expect(throws: SpecError.self) { try spec.validate() }
  }

  @Test(
    arguments: [("none", nil), ("20m", .seconds(1200)), ("1ms", .milliseconds(1))]
      as [(ByteString, Duration?)])
  func readsLimitsOfTime(text: ByteString, limit: Duration?) throws {
    #expect(try Duration.limit(parsing: text) == limit)
  }

  @Test(arguments: ["0", "0s", "", "None", "-1s", "366d"] as [ByteString])
  func refusesTimesThatAreNoLimit(text: ByteString) {
    #expect(throws: SpecError.self) { try Duration.limit(parsing: text) }
  }

  @Test(
    arguments: [("none", nil), ("1M", .mebibytes(1))] as [(ByteString, ByteCount?)])
  func readsLimitsOfBytes(text: ByteString, limit: ByteCount?) throws {
    #expect(try ByteCount.limit(parsing: text) == limit)
  }
}
