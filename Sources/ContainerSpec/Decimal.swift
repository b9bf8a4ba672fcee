/// A run of decimal digits at the start of some bytes.
struct DecimalPrefix {
  /// The number, or nil when it does not fit into 64 bits.
  let value: UInt64?
  /// How many bytes it takes; 0 when there is no digit.
  let length: Int

  init(_ bytes: ArraySlice<UInt8>) {
    var value: UInt64? = 0
    var length = 0
    for byte in bytes {
      guard byte.isDigit else { break }
      length += 1
      value = value.flatMap { sum in
        let (product, overflow) = sum.multipliedReportingOverflow(by: 10)
        let (total, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
        return overflow || carry ? nil : total
      }
    }
    self.value = value
    self.length = length
  }
}

extension UInt32 {
  /// A user or group id: decimal digits only, no sign, no blank, no leading zero, and below
  /// 4294967295, which is -1 to chown(2) and setresuid(2).
  package init?(id bytes: ArraySlice<UInt8>) {
    let number = DecimalPrefix(bytes)
    guard number.length > 0, number.length == bytes.count, let value = number.value,
      value < UInt64(UInt32.max), number.length == 1 || bytes.first != UInt8(ascii: "0")
    else { return nil }
    self = UInt32(value)
  }
}

extension Int32 {
  /// Reads a whole number, with `-` before a negative one.
  ///
  /// - Parameter what: what the number is, as an error names it.
  /// - Throws: ``SpecError`` for anything else, and for a number outside of `range`.
  public init(
    parsing text: ByteString, _ what: String, in range: ClosedRange<Int32>
  ) throws(SpecError) {
    let isNegative = text.bytes.first == UInt8(ascii: "-")
    let digits = text.bytes.dropFirst(isNegative ? 1 : 0)
    let number = DecimalPrefix(digits)
    guard number.length > 0, number.length == digits.count, let value = number.value,
      value <= UInt64(Int32.max), range.contains(isNegative ? -Int32(value) : Int32(value))
    else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not \(what)",
        remedy: "give a number from \(range.lowerBound) to \(range.upperBound)")
    }
    self = isNegative ? -Int32(value) : Int32(value)
  }
}
