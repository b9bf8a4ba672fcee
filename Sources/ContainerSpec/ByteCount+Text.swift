extension ByteCount: CustomStringConvertible {
  /// Reads a size as people write it: `4096`, `64K`, `256M`, `1G`, `2T`.
  ///
  /// K, M, G and T are powers of 1024, in either case, and may be followed by `B` or `iB`: a size
  /// limits memory, which everyone counts in powers of two.
  ///
  /// - Throws: ``SpecError`` for 0, a sign, a fraction, another unit, or 2^64 bytes and more.
  public init(parsing text: ByteString) throws(SpecError) {
    let number = DecimalPrefix(text.bytes[...])
    let shift = ByteCount.shift(ofUnit: text.bytes.dropFirst(number.length))
    guard number.length > 0, let shift else {
      throw ByteCount.error("\(String(quoting: text.bytes)) is not a size")
    }
    guard let value = number.value, value <= UInt64.max >> shift else {
      throw ByteCount.error("\(String(quoting: text.bytes)) is too large")
    }
    guard value > 0 else {
      throw ByteCount.error("a size of \(String(quoting: text.bytes)) would hold nothing")
    }
    self.init(bytes: value << shift)
  }

  /// Reads a limit of bytes: nil for `none`, which is no limit.
  ///
  /// - Throws: ``SpecError`` for what ``init(parsing:)`` refuses.
  public static func limit(parsing text: ByteString) throws(SpecError) -> ByteCount? {
    text.bytes.elementsEqual("none".utf8) ? nil : try ByteCount(parsing: text)
  }

  /// The size in the largest unit that divides it: `256M`, `1500K`, `4097`.
  public var description: String {
    for (letter, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)]
    where bytes > 0 && bytes.trailingZeroBitCount >= shift {
      return "\(bytes >> shift)\(letter)"
    }
    return "\(bytes)"
  }

  /// The size for people, rounded: `64 KB`, `4.2 MB`, `512 MB`, `11.5 GB`, each of 1024 of the unit
  /// before it. What is to be given again as an option is the ``description``.
  package var roundedText: String {
    let megabyte: UInt64 = 1 << 20
    if bytes < megabyte { return "\(bytes >> 10) KB" }
    if bytes < 10 * megabyte { return tenths(of: 20) + " MB" }
    // Half of a unit up.
    let megabytes = ((bytes >> 19) + 1) >> 1
    return megabytes < 10_000 ? "\(megabytes) MB" : tenths(of: 30) + " GB"
  }

  /// The size in units of 2 to the power of `shift`, with a place behind the point unless it is 0.
  private func tenths(of shift: UInt64) -> String {
    let tenths = ((bytes >> (shift - 10)) * 10) >> 10
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  private static func shift(ofUnit suffix: ArraySlice<UInt8>) -> UInt64? {
    guard let first = suffix.first?.lowercased else { return 0 }
    let rest = suffix.dropFirst().map(\.lowercased)
    let shift: UInt64
    switch first {
    case UInt8(ascii: "b"): return rest.isEmpty ? 0 : nil
    case UInt8(ascii: "k"): shift = 10
    case UInt8(ascii: "m"): shift = 20
    case UInt8(ascii: "g"): shift = 30
    case UInt8(ascii: "t"): shift = 40
    default: return nil
    }
    let isUnit = rest.isEmpty || rest.elementsEqual("b".utf8) || rest.elementsEqual("ib".utf8)
    return isUnit ? shift : nil
  }

  private static func error(_ message: String) -> SpecError {
    SpecError(message, remedy: "give a whole number above 0, such as 4096, 64K, 256M or 1G")
  }
}
