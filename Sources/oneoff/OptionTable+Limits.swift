import ContainerSpec

extension OptionGroup {
  /// What the host's cgroups enforce; a limit that they cannot is an error.
  static let limits = OptionGroup(
    "Limits",
    [
      CommandOption(
        name: "size",
        value: .init(
          metavariable: "S|M|L|XL|2XL", completion: .words(RunSize.allCases.map(\.rawValue))),
        help: "a set of limits: 256M, 512M, 1G, 2G or 4G of memory, and processes and a share of "
          + "the processors in proportion; those given besides it win"
      ) { options, value throws(SpecError) in
        options.run.size = try RunSize(parsing: value)
      },
      CommandOption(
        name: "memory", letter: "m", value: .init(metavariable: "SIZE"),
        help: "memory of all processes, with the files in memory that they write",
        defaultText: "on cgroup v2 three quarters of the host's, else none"
      ) { options, value throws(SpecError) in
        options.run.limits.memory = try ByteCount(parsing: value)
      },
      CommandOption(
        name: "memory-swap", value: .init(metavariable: "SIZE"),
        help: "memory and swap together", defaultText: "as --memory: no swap"
      ) { options, value throws(SpecError) in
        options.run.limits.memorySwap = try ByteCount(parsing: value)
      },
      CommandOption(
        name: "pids", value: .init(metavariable: "N"),
        help: "processes and threads at once, the command included", defaultText: "4096"
      ) { options, value throws(SpecError) in
        options.run.limits.processes = try Limits.processes(parsing: value)
      },
      CommandOption(
        name: "cpus", value: .init(metavariable: "N"),
        help: "processor time, as so many processors have: 2, 1.5, 0.25"
      ) { options, value throws(SpecError) in
        options.run.limits.processors = try ProcessorShare(parsing: value)
      },
      CommandOption(
        name: "cpu-weight", value: .init(metavariable: "N"),
        help: "the share of the processors where others want them, too: 1 to 10000",
        defaultText: "100, as everybody"
      ) { options, value throws(SpecError) in
        options.run.limits.processorWeight = try Limits.weight(parsing: value)
      },
      CommandOption(
        name: "cpuset", value: .init(metavariable: "LIST"),
        help: "the processors that may be used, such as 0-1,4"
      ) { options, value throws(SpecError) in
        options.run.limits.processorSet = try ProcessorSet(parsing: value)
      },
      CommandOption(
        name: "io-max", value: .init(metavariable: "DEVICE:LIMIT[,LIMIT…]", completion: .files),
        help: "bytes (rbps=SIZE, wbps=SIZE) and operations (riops=N, wiops=N) of a block device "
          + "a second; cgroup v2 only",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.limits.devices.append(try DeviceLimit(parsing: value))
      },
    ])
}
