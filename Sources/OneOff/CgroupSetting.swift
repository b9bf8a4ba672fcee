import ContainerSpec
import LinuxSystem

/// A file of a run's cgroup, and what is written there before the run is in it.
struct CgroupSetting: Sendable, Hashable {
  /// The file's name.
  var file: String
  /// What is written.
  var text: String
  /// Whether a kernel that has no such file has nothing to limit there.
  var isOptional = false
}

extension CgroupSetting: CustomStringConvertible {
  var description: String { "\(file) = \(text)" }
}

extension Limits {
  /// The controllers that enforce what is limited.
  var controllers: [CgroupController] {
    var controllers: [CgroupController] = []
    if memory != nil { controllers.append(.memory) }
    if processes != nil { controllers.append(.pids) }
    if processors != nil || processorWeight != nil { controllers.append(.cpu) }
    if processorSet != nil { controllers.append(.cpuset) }
    if !devices.isEmpty { controllers.append(.io) }
    return controllers
  }

  /// The options that ask for a controller, for an error.
  func options(of controller: CgroupController) -> String {
    switch controller {
    case .memory: "--memory"
    case .pids: "--pids"
    case .cpu: processors != nil ? "--cpus" : "--cpu-weight"
    case .cpuset: "--cpuset"
    case .io: "--io-max"
    case .cpuacct: "--stats"
    }
  }

  /// What one controller is told, in the order in which it has to be told.
  ///
  /// - Parameter devices: the numbers of the limited devices, `MAJOR:MINOR`, in their order.
  func settings(
    of controller: CgroupController, _ version: CgroupVersion, devices: [String] = []
  ) -> [CgroupSetting] {
    switch controller {
    case .memory: memory.map { memorySettings($0, version) } ?? []
    case .pids:
      // PID 1 is oneoff's own, and counts here.
      processes.map { [CgroupSetting(file: "pids.max", text: "\($0 + 1)")] } ?? []
    case .cpu: processorSettings(version)
    case .cpuset:
      processorSet.map { [CgroupSetting(file: "cpuset.cpus", text: "\($0)")] } ?? []
    case .io:
      zip(self.devices, devices).map {
        CgroupSetting(file: "io.max", text: "\($1) \($0.text)")
      }
    case .cpuacct: []
    }
  }

  private func memorySettings(_ memory: ByteCount, _ version: CgroupVersion) -> [CgroupSetting] {
    let together = memorySwap ?? memory
    // Without the file, the kernel knows no swap, or was told not to count it.
    let isOptional = together == memory
    switch version {
    case .v1:
      return [
        CgroupSetting(file: "memory.limit_in_bytes", text: "\(memory.bytes)"),
        // AFTER the other, which it may not be below.
        CgroupSetting(
          file: "memory.memsw.limit_in_bytes", text: "\(together.bytes)", isOptional: isOptional),
      ]
    case .v2:
      return [
        CgroupSetting(file: "memory.max", text: "\(memory.bytes)"),
        CgroupSetting(
          file: "memory.swap.max", text: "\(together.bytes - memory.bytes)",
          isOptional: isOptional),
      ]
    }
  }

  private func processorSettings(_ version: CgroupVersion) -> [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let processors {
      // In microseconds, of a period of 100 ms, the kernel's default.
      let quota = processors.thousandths * 100
      settings.append(
        version == .v1
          ? CgroupSetting(file: "cpu.cfs_quota_us", text: "\(quota)")
          : CgroupSetting(file: "cpu.max", text: "\(quota) 100000"))
    }
    if let processorWeight {
      // 100 is 1024, each the default; 2 is the kernel's least.
      let shares = max(2, processorWeight * 1024 / 100)
      settings.append(
        version == .v1
          ? CgroupSetting(file: "cpu.shares", text: "\(shares)")
          : CgroupSetting(file: "cpu.weight", text: "\(processorWeight)"))
    }
    return settings
  }
}

extension DeviceLimit {
  /// The limits as `io.max` takes them, behind the device's numbers.
  fileprivate var text: String {
    var text = ""
    let limits = [
      ("rbps", readBytes), ("wbps", writeBytes), ("riops", readOperations),
      ("wiops", writeOperations),
    ]
    for (name, value) in limits {
      guard let value else { continue }
      if !text.isEmpty { text += " " }
      text += "\(name)=\(value)"
    }
    return text
  }
}
