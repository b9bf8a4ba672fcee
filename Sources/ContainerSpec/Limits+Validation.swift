import SystemPackage

extension Limits {
  /// The kernel's most is PID_MAX_LIMIT, 2^22 (pid_max of proc(5)), and one of them is PID 1.
  public static let processesRange: ClosedRange<UInt32> = 1...4_194_303
  /// As `cpu.weight` has it.
  public static let weightRange: ClosedRange<UInt32> = 1...10_000
  /// The least memory with which a command can be executed at all.
  public static let minimumMemory = ByteCount.mebibytes(4)

  /// Checks whatever can be checked without looking at the host.
  ///
  /// - Throws: ``SpecError`` for the first limit that cannot be used.
  public func validate() throws(SpecError) {
    try validateMemory()
    try validateProcessors()
    if let processes { try Self.check(processes, in: Self.processesRange, "processes (--pids)") }
    for (index, limit) in devices.enumerated() {
      guard limit.device.isAbsolute else {
        throw SpecError(
          "the device \(String(quoting: limit.device.string)) is not an absolute path",
          remedy: "name a block device such as /dev/sda")
      }
      guard !devices[..<index].contains(where: { $0.device == limit.device }) else {
        throw SpecError(
          "the device \(String(quoting: limit.device.string)) has two limits (--io-max)",
          remedy: "give them in one, such as \(limit.device):rbps=10M,wbps=10M")
      }
      let values = [limit.readBytes, limit.writeBytes, limit.readOperations, limit.writeOperations]
      guard values.contains(where: { $0 != nil }), !values.contains(0) else {
        throw SpecError(
          "the limit on \(String(quoting: limit.device.string)) says nothing, or 0 (--io-max)",
          remedy: "give numbers above 0, such as \(limit.device):wbps=10M")
      }
    }
  }

  private func validateMemory() throws(SpecError) {
    guard let memory else {
      guard memorySwap == nil else {
        throw SpecError(
          "a limit on memory and swap needs one on memory", remedy: "add --memory SIZE")
      }
      return
    }
    guard memory >= Self.minimumMemory else {
      throw SpecError(
        "\(memory) of memory is too little to execute anything",
        remedy: "give --memory at least \(Self.minimumMemory)")
    }
    let together = memorySwap ?? memory
    guard together >= memory else {
      throw SpecError(
        "memory and swap together (\(together)) are less than the memory (\(memory))",
        remedy: "give --memory-swap at least --memory; the same means no swap")
    }
    guard together <= RunSpec.maximumSize else {
      throw SpecError("\(together) of memory is too large", remedy: "give at most 1024T")
    }
  }

  /// What only a specification that was not read from options can get wrong.
  private func validateProcessors() throws(SpecError) {
    if let processors, !ProcessorShare.range.contains(UInt64(processors.thousandths)) {
      throw SpecError(
        "\(processors) processors cannot be had", remedy: "give --cpus 0.01 to 1000")
    }
    if let processorWeight {
      try Self.check(processorWeight, in: Self.weightRange, "as weight (--cpu-weight)")
    }
    if let processorSet {
      guard !processorSet.ranges.isEmpty,
        processorSet.ranges.allSatisfy({ $0.first <= $0.last && $0.last <= 65535 })
      else {
        throw SpecError(
          "the list of processors is empty or out of order",
          remedy: "give numbers and ranges, such as 0-3 (--cpuset)")
      }
    }
  }

  private static func check(
    _ value: UInt32, in range: ClosedRange<UInt32>, _ what: String
  ) throws(SpecError) {
    guard range.contains(value) else {
      throw SpecError(
        "\(value) \(what) cannot be had",
        remedy: "give a number from \(range.lowerBound) to \(range.upperBound)")
    }
  }
}
