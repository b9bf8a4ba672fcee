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

extension UInt8 {
  package var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  /// Whether it is a space or a tab.
  package var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

  /// The ASCII capital of a lower-case letter; every other byte as it is.
  package var uppercased: UInt8 {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) ? self & ~0x20 : self
  }

  /// The lower-case letter of an ASCII capital; every other byte as it is.
  package var lowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}
