import ContainerSpec
import FoundationEssentials
import SystemPackage
import Testing

@Suite struct LimitsTests {
  @Test(
    arguments: [
      ("2", 2000), ("1.5", 1500), ("0.25", 250), ("0.01", 10), ("1000", 1_000_000), ("1.05", 1050),
      ("1.005", 1005), ("01", 1000),
    ] as [(ByteString, UInt32)])
  func readsProcessors(_ text: ByteString, _ thousandths: UInt32) throws {
    #expect(try ProcessorShare(parsing: text).thousandths == thousandths)
  }

  @Test(
    arguments: [
      "", "0", "0.009", "0.0", "1000.001", "1001", "1.", ".5", "1.0005", "-1", "+1", "1e3", "1,5",
      " 1", "1 ", "1.5.5", "99999999999999999999", "1.-5",
    ] as [ByteString])
  func refusesWhatIsNotANumberOfProcessors(_ text: ByteString) {
    #expect(throws: SpecError.self) { try ProcessorShare(parsing: text) }
  }

  @Test(arguments: ["2", "1.5", "0.25", "0.01", "1.05", "1.005", "1000"] as [ByteString])
  func aShareIsWrittenAsItIsRead(_ text: ByteString) throws {
    #expect(try ProcessorShare(parsing: text).description == text.description)
  }

  @Test(arguments: ["0", "0-3", "0-1,4", "65535", "7,3"] as [ByteString])
  func aListOfProcessorsIsWrittenAsItIsRead(_ text: ByteString) throws {
    #expect(try ProcessorSet(parsing: text).description == text.description)
  }

  @Test(
    arguments: [
      "", ",", "0,", "3-1", "-1", "1-", "a", "0-1-2", "65536", "0 1", "0-3:2", "00",
    ] as [ByteString])
  func refusesWhatIsNotAListOfProcessors(_ text: ByteString) {
    #expect(throws: SpecError.self) { try ProcessorSet(parsing: text) }
  }

  @Test func readsALimitOnADevice() throws {
    let limit = try DeviceLimit(parsing: "/dev/disk/by-id/a:b:rbps=10M,wiops=200")
    var expected = DeviceLimit(device: "/dev/disk/by-id/a:b")
    expected.readBytes = 10 << 20
    expected.writeOperations = 200
    #expect(limit == expected)
  }

  @Test(
    arguments: [
      "", "/dev/sda", "/dev/sda:", "sda:rbps=1M", "8:0:rbps=1M", "/dev/sda:rbps", "/dev/sda:rbps=",
      "/dev/sda:rbps=0", "/dev/sda:xbps=1", "/dev/sda:rbps=1M,rbps=2M", "/dev/sda:riops=1M",
      "/dev/sda:wiops=0", "/dev/sda:rbps=1M,", "/dev/sda:rbps=-1",
    ] as [ByteString])
  func refusesWhatIsNotALimitOnADevice(_ text: ByteString) {
    #expect(throws: SpecError.self) { try DeviceLimit(parsing: text) }
  }

  @Test func numbersHaveTheirRanges() throws {
    #expect(try Limits.processes(parsing: "1") == 1)
    #expect(try Limits.processes(parsing: "4194303") == 4_194_303)
    #expect(try Limits.weight(parsing: "10000") == 10_000)
    for text in ["0", "4194304", "-1", "1.5", "max", "", "1k"] as [ByteString] {
      #expect(throws: SpecError.self) { try Limits.processes(parsing: text) }
    }
    for text in ["0", "10001"] as [ByteString] {
      #expect(throws: SpecError.self) { try Limits.weight(parsing: text) }
    }
  }

  // MARK: Sizes

  @Test func sizesGrowInEveryRespect() throws {
    let all = RunSize.allCases.map(\.limits)
    #expect(all.map { $0.memory?.description } == ["256M", "512M", "1G", "2G", "4G"])
    for (smaller, larger) in zip(all, all.dropFirst()) {
      #expect(try #require(smaller.processes) < #require(larger.processes))
      #expect(try #require(smaller.processorWeight) < #require(larger.processorWeight))
    }
    for size in RunSize.allCases { try size.limits.validate() }
    #expect(try RunSize(parsing: "2xl") == .doubleExtraLarge)
    for text in ["", "XXL", "512M", "s "] as [ByteString] {
      #expect(throws: SpecError.self) { try RunSize(parsing: text) }
    }
  }

  @Test func whatIsGivenBesidesASizeWins() {
    var given = Limits()
    given.memory = .mebibytes(700)
    given.processorSet = ProcessorSet(ranges: [.init(first: 0, last: 0)])
    let limits = RunSize.medium.limits.overridden(by: given)
    #expect(limits.memory == .mebibytes(700))
    #expect(limits.processorSet == given.processorSet)
    #expect(limits.processes == RunSize.medium.limits.processes)
    #expect(limits.processorWeight == 100)
  }

  // MARK: Validation

  @Test(
    arguments: [
      { $0.memory = ByteCount(bytes: (4 << 20) - 1) },
      { $0.memory = ByteCount(bytes: (1 << 50) + 1) },
      { $0.memorySwap = .mebibytes(64) },
      { limits in
        limits.memory = .mebibytes(64)
        limits.memorySwap = .mebibytes(63)
      },
      { limits in
        limits.memory = .mebibytes(64)
        limits.memorySwap = ByteCount(bytes: .max)
      },
      { $0.processors = ProcessorShare(thousandths: 9) },
      { $0.processors = ProcessorShare(thousandths: 1_000_001) },
      { $0.processorWeight = 0 }, { $0.processorWeight = 10_001 }, { $0.processes = 0 },
      { $0.processes = 4_194_305 }, { $0.processorSet = ProcessorSet(ranges: []) },
      { $0.processorSet = ProcessorSet(ranges: [.init(first: 2, last: 1)]) },
      { $0.devices = [DeviceLimit(device: "/dev/sda")] },
      { $0.devices = [.reading(0, of: "/dev/sda")] },
      { $0.devices = [.reading(1, of: "sda")] },
      { $0.devices = [.reading(1, of: "/dev/sda"), .reading(2, of: "/dev/sda")] },
    ] as [@Sendable (inout Limits) -> Void])
  func refuses(_ change: @Sendable (inout Limits) -> Void) {
    var spec = RunSpec(layers: ["/srv/image"], command: ["true"])
    change(&spec.limits)
    #expect(throws: SpecError.self) { try spec.validate() }
  }

  @Test func acceptsTheLimitsThemselves() throws {
    var limits = Limits()
    limits.memory = Limits.minimumMemory
    limits.memorySwap = RunSpec.maximumSize
    limits.processors = ProcessorShare(thousandths: 10)
    limits.processorWeight = 10_000
    limits.processes = 1
    limits.devices = [.reading(1, of: "/dev/sda"), .reading(1, of: "/dev/sdb")]
    limits.processorSet = ProcessorSet(ranges: [.init(first: 0, last: 65535)])
    try limits.validate()
    let decoded = try JSONDecoder().decode(Limits.self, from: JSONEncoder().encode(limits))
    #expect(decoded == limits)
  }
}

extension DeviceLimit {
  fileprivate static func reading(_ bytes: UInt64, of device: String) -> DeviceLimit {
    var limit = DeviceLimit(device: .init(device))
    limit.readBytes = bytes
    return limit
  }
}
