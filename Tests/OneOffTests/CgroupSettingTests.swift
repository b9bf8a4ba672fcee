import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// Which text goes into which file of a cgroup.
@Suite struct CgroupSettingTests {
  private static func limits(_ change: (inout Limits) -> Void) -> Limits {
    var limits = Limits()
    change(&limits)
    return limits
  }

  private func text(
    _ limits: Limits, _ controller: CgroupController, _ version: CgroupVersion,
    devices: [String] = []
  ) -> [String] {
    limits.settings(of: controller, version, devices: devices).map(\.description)
  }

  @Test func memoryWithoutSwap() {
    let limits = Self.limits { $0.memory = .mebibytes(512) }
    #expect(
      text(limits, .memory, .v1) == [
        "memory.limit_in_bytes = 536870912", "memory.memsw.limit_in_bytes = 536870912",
      ])
    #expect(text(limits, .memory, .v2) == ["memory.max = 536870912", "memory.swap.max = 0"])
    // A kernel without swap has no file for it.
    for version in [CgroupVersion.v1, .v2] {
      #expect(
        limits.settings(of: .memory, version, devices: []).map(\.isOptional) == [false, true])
    }
  }

  @Test func swapIsWhatIsAboveTheMemory() {
    let limits = Self.limits { limits in
      limits.memory = .mebibytes(512)
      limits.memorySwap = .mebibytes(768)
    }
    #expect(text(limits, .memory, .v1).last == "memory.memsw.limit_in_bytes = 805306368")
    #expect(text(limits, .memory, .v2).last == "memory.swap.max = 268435456")
    #expect(limits.settings(of: .memory, .v2).allSatisfy { !$0.isOptional })
  }

  @Test func processesDoNotIncludePID1() {
    let limits = Self.limits { $0.processes = 64 }
    #expect(text(limits, .pids, .v1) == ["pids.max = 65"])
    #expect(text(limits, .pids, .v2) == ["pids.max = 65"])
  }

  @Test(arguments: [
    (10, "1000"), (250, "25000"), (1500, "150000"), (1_000_000, "100000000"),
  ])
  func processorTimeIsAQuotaOf100Milliseconds(_ thousandths: UInt32, _ quota: String) {
    let limits = Self.limits { $0.processors = ProcessorShare(thousandths: thousandths) }
    #expect(text(limits, .cpu, .v1) == ["cpu.cfs_quota_us = \(quota)"])
    #expect(text(limits, .cpu, .v2) == ["cpu.max = \(quota) 100000"])
  }

  @Test(arguments: [(1, 10), (100, 1024), (200, 2048), (10_000, 102_400)])
  func theDefaultWeightIsTheDefaultOfBoth(_ weight: UInt32, _ shares: Int) {
    let limits = Self.limits { $0.processorWeight = weight }
    #expect(text(limits, .cpu, .v1) == ["cpu.shares = \(shares)"])
    #expect(text(limits, .cpu, .v2) == ["cpu.weight = \(weight)"])
  }

  @Test func processorsAndDevices() {
    let limits = Self.limits { limits in
      limits.processorSet = ProcessorSet(ranges: [
        .init(first: 0, last: 1), .init(first: 4, last: 4),
      ])
      var first = DeviceLimit(device: "/dev/sda")
      first.readBytes = 1 << 20
      first.writeOperations = 200
      var second = DeviceLimit(device: "/dev/sdb")
      second.writeBytes = 4096
      second.readOperations = 7
      limits.devices = [first, second]
    }
    #expect(text(limits, .cpuset, .v1) == ["cpuset.cpus = 0-1,4"])
    #expect(
      text(limits, .io, .v2, devices: ["8:0", "8:16"]) == [
        "io.max = 8:0 rbps=1048576 wiops=200", "io.max = 8:16 wbps=4096 riops=7",
      ])
  }

  @Test func onlyTheControllersAreUsedThatALimitNeeds() {
    #expect(Limits().controllers.isEmpty)
    #expect(Self.limits { $0.memory = .mebibytes(9) }.controllers == [.memory])
    #expect(Self.limits { $0.processes = 9 }.controllers == [.pids])
    #expect(Self.limits { $0.processorWeight = 9 }.controllers == [.cpu])
    #expect(Self.limits { $0.processors = .init(thousandths: 9) }.controllers == [.cpu])
    #expect(Self.limits { $0.processorSet = .init(ranges: []) }.controllers == [.cpuset])
    #expect(Self.limits { $0.devices = [.init(device: "/dev/sda")] }.controllers == [.io])
    for controller in CgroupController.allCases {
      #expect(Limits().settings(of: controller, .v1).isEmpty)
      #expect(Limits().settings(of: controller, .v2).isEmpty)
    }
  }

  @Test func defaultsHoldWhereAControllerIsThereAnyway() throws {
    #expect(Limits().withDefaults(of: []) == Limits())
    let limits = Limits().withDefaults(of: [.memory, .pids])
    #expect(limits.processes == 4096)
    #expect(try #require(limits.memory).bytes == hostMemory() / 4 * 3)
    let own = Self.limits { limits in
      limits.memory = .mebibytes(64)
      limits.processes = 5
    }
    #expect(own.withDefaults(of: [.memory, .pids, .io]) == own)
  }
}
