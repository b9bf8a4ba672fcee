/// A moment of the wall clock as text: RFC 3339 in UTC with nanoseconds.
package enum Timestamp {
  /// The text of a time since 1970-01-01T00:00:00Z, such as `2026-01-02T03:04:05.123456789Z`.
  package static func text(_ time: Duration) -> String {
    String(decoding: bytes(time), as: UTF8.self)
  }

  /// The same as ASCII bytes; formatted without a locale or an allocation for each part.
  package static func bytes(_ time: Duration) -> [UInt8] {
    let (seconds, attoseconds) = time.components
    let (year, month, day) = date(daysSince1970: seconds / 86400)
    let secondOfDay = seconds % 86400
    var text: [UInt8] = []
    text.reserveCapacity(30)
    append(year, digits: 4, then: "-", to: &text)
    append(month, digits: 2, then: "-", to: &text)
    append(day, digits: 2, then: "T", to: &text)
    append(secondOfDay / 3600, digits: 2, then: ":", to: &text)
    append(secondOfDay / 60 % 60, digits: 2, then: ":", to: &text)
    append(secondOfDay % 60, digits: 2, then: ".", to: &text)
    append(attoseconds / 1_000_000_000, digits: 9, then: "Z", to: &text)
    return text
  }

  private static func append(
    _ number: Int64, digits: Int, then separator: Unicode.Scalar, to text: inout [UInt8]
  ) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      text.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
    text.append(UInt8(ascii: separator))
  }

  /// The civil date of a day of the Gregorian calendar, counted in eras of 400 years that begin on
  /// 1 March, so that the leap day comes last. (H. Hinnant, "chrono-Compatible Low-Level Date
  /// Algorithms", civil_from_days.)
  private static func date(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSince1970 + 719468
    let era = shifted / 146097
    let dayOfEra = shifted % 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
