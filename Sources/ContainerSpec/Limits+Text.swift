import SystemPackage

extension ProcessorShare: CustomStringConvertible {
  /// Reads a number of processors with up to three decimals: `2`, `1.5`, `0.25`.
  ///
  /// - Throws: ``SpecError`` for anything else, less than 0.01 or more than 1,000.
  public init(parsing text: ByteString) throws(SpecError) {
    let whole = DecimalPrefix(text.bytes[...])
    var rest = text.bytes.dropFirst(whole.length)
    var thousandths = whole.length > 0 ? whole.value.flatMap { Self.thousandths(of: $0) } : nil
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      let scales: [UInt64] = [0, 100, 10, 1]
      let decimals = DecimalPrefix(rest)
      if (1...3).contains(decimals.length), let value = decimals.value {
        thousandths = thousandths.map { $0 + value * scales[decimals.length] }
        rest = rest.dropFirst(decimals.length)
      } else {
        thousandths = nil
      }
    }
    guard rest.isEmpty, let thousandths, Self.range.contains(thousandths) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a number of processors",
        remedy: "give 0.01 to 1000, such as 2, 1.5 or 0.25")
    }
    self.init(thousandths: UInt32(thousandths))
  }

  /// In thousandths. The kernel's shortest quota is 1 ms in 100 ms.
  static let range: ClosedRange<UInt64> = 10...1_000_000

  private static func thousandths(of processors: UInt64) -> UInt64? {
    processors <= 1000 ? processors * 1000 : nil
  }

  /// The share as it is read: `1.5`.
  public var description: String {
    var text = "\(thousandths / 1000)"
    var decimals = thousandths % 1000
    guard decimals > 0 else { return text }
    text += "."
    var scale: UInt32 = 100
    while decimals > 0 {
      text += "\(decimals / scale)"
      decimals %= scale
      scale /= 10
    }
    return text
  }
}

extension ProcessorSet: CustomStringConvertible {
  /// Reads numbers and ranges with commas between them: `0`, `0-3`, `0-1,4`.
  ///
  /// - Throws: ``SpecError`` for anything else, and for numbers above 65,535.
  public init(parsing text: ByteString) throws(SpecError) {
    var ranges: [Range] = []
    for part in text.bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let ends = part.split(
        separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = ends.first.flatMap({ Self.number($0) }),
        let last = ends.last.flatMap({ Self.number($0) }), first <= last
      else {
        throw SpecError(
          "\(String(quoting: text.bytes)) is not a list of processors",
          remedy: "give numbers and ranges, such as 0, 0-3 or 0,2-3")
      }
      ranges.append(Range(first: first, last: last))
    }
    self.init(ranges: ranges)
  }

  /// The kernel's own limit is 8192 (CONFIG_NR_CPUS).
  private static func number(_ text: ArraySlice<UInt8>) -> UInt32? {
    UInt32(id: text).flatMap { $0 <= 65535 ? $0 : nil }
  }

  /// The list as it is read.
  public var description: String {
    var text = ""
    for range in ranges {
      if !text.isEmpty { text += "," }
      text += range.first == range.last ? "\(range.first)" : "\(range.first)-\(range.last)"
    }
    return text
  }
}

extension DeviceLimit {
  /// Reads a device and what may be done with it in a second: `/dev/sda:rbps=10M,wiops=200`.
  ///
  /// `rbps` and `wbps` are sizes, `riops` and `wiops` numbers, as the kernel calls them.
  /// - Throws: ``SpecError`` for anything else, and for a limit that is given twice.
  public init(parsing text: ByteString) throws(SpecError) {
    guard let colon = text.bytes.lastIndex(of: UInt8(ascii: ":")),
      text.bytes.first == UInt8(ascii: "/")
    else { throw Self.error(text) }
    let device = try ByteString(bytes: Array(text.bytes[..<colon]), subject: "the device")
    self.init(device: FilePath(device))
    let limits = text.bytes[(colon + 1)...]
    for limit in limits.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let words = limit.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard words.count == 2 else { throw Self.error(text) }
      let value = try ByteString(bytes: Array(words[1]), subject: "the limit")
      try set(words[0], value, text)
    }
  }

  private mutating func set(
    _ name: ArraySlice<UInt8>, _ value: ByteString, _ text: ByteString
  ) throws(SpecError) {
    switch String(decoding: name, as: UTF8.self) {
    case "rbps" where readBytes == nil: readBytes = try ByteCount(parsing: value).bytes
    case "wbps" where writeBytes == nil: writeBytes = try ByteCount(parsing: value).bytes
    case "riops" where readOperations == nil: readOperations = try Self.operations(value, text)
    case "wiops" where writeOperations == nil: writeOperations = try Self.operations(value, text)
    default: throw Self.error(text)
    }
  }

  private static func operations(
    _ value: ByteString, _ text: ByteString
  ) throws(SpecError) -> UInt64 {
    guard let number = UInt32(id: value.bytes[...]), number > 0 else { throw error(text) }
    return UInt64(number)
  }

  private static func error(_ text: ByteString) -> SpecError {
    SpecError(
      "\(String(quoting: text.bytes)) is not a limit on a device",
      remedy: "give DEVICE:rbps=SIZE,wbps=SIZE,riops=N,wiops=N with at least one of the four, "
        + "each once, such as /dev/sda:wbps=10M")
  }
}

extension RunSize {
  /// Reads the name of a set, in either case.
  ///
  /// - Throws: ``SpecError`` for anything but S, M, L, XL and 2XL.
  public init(parsing text: ByteString) throws(SpecError) {
    let name = String(decoding: text.bytes.map(\.uppercased), as: UTF8.self)
    guard let size = RunSize(rawValue: name) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a size", remedy: "use S, M, L, XL or 2XL")
    }
    self = size
  }
}

extension Limits {
  /// Reads a limit on processes.
  ///
  /// - Throws: ``SpecError`` for what is no number in ``processesRange``.
  public static func processes(parsing text: ByteString) throws(SpecError) -> UInt32 {
    try number(text, in: processesRange, "a number of processes")
  }

  /// Reads a share of the processors.
  ///
  /// - Throws: ``SpecError`` for what is no number in ``weightRange``.
  public static func weight(parsing text: ByteString) throws(SpecError) -> UInt32 {
    try number(text, in: weightRange, "a weight")
  }

  private static func number(
    _ text: ByteString, in range: ClosedRange<UInt32>, _ what: String
  ) throws(SpecError) -> UInt32 {
    guard let number = UInt32(id: text.bytes[...]), range.contains(number) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not \(what)",
        remedy: "give a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
