extension Duration {
  /// Reads a time as people write it: `90s`, `20m`, `1h30m`, `500ms`, or a number of seconds.
  ///
  /// The units are `d`, `h`, `m`, `s` and `ms`, each at most once and the larger first.
  ///
  /// - Throws: ``SpecError`` for a sign, a fraction, another unit or order, or more than 365 days.
  public init(parsing text: ByteString) throws(SpecError) {
    var rest = text.bytes[...]
    var total: UInt64 = 0
    var previous = TimeUnit.all.startIndex
    while !rest.isEmpty || text.bytes.isEmpty {
      let number = DecimalPrefix(rest)
      rest = rest.dropFirst(number.length)
      let letters = rest.prefix { !$0.isDigit }
      rest = rest.dropFirst(letters.count)
      let isPlain = letters.isEmpty && number.length == text.bytes.count
      let unit = TimeUnit.all[previous...].firstIndex {
        letters.elementsEqual($0.name.utf8) || (isPlain && $0.name == "s")
      }
      guard number.length > 0, let unit else {
        throw Self.error("\(String(quoting: text.bytes)) is not a time")
      }
      guard let value = number.value, value <= Self.maximum / TimeUnit.all[unit].milliseconds else {
        throw Self.error("\(String(quoting: text.bytes)) is more than 365 days")
      }
      total += value * TimeUnit.all[unit].milliseconds
      previous = unit + 1
    }
    guard total <= Self.maximum else {
      throw Self.error("\(String(quoting: text.bytes)) is more than 365 days")
    }
    self = .milliseconds(Int64(total))
  }

  /// Reads a limit of time: nil for `none`, which is no limit.
  ///
  /// - Throws: ``SpecError`` for what ``init(parsing:)`` refuses, and for a time of 0.
  public static func limit(parsing text: ByteString) throws(SpecError) -> Duration? {
    if text.bytes.elementsEqual("none".utf8) { return nil }
    let time = try Duration(parsing: text)
    guard time > .zero else {
      throw SpecError(
        "a time limit of \(String(quoting: text.bytes)) leaves no time",
        remedy: "give a time such as 90s or 20m, or none")
    }
    return time
  }

  /// The time for people: `4.2 s`, `20 m`, `1 h 5 m`.
  package var roundedText: String {
    let (seconds, attoseconds) = components
    let tenths = seconds * 10 + attoseconds / 100_000_000_000_000_000
    if tenths < 600 {
      return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
    let parts = [
      (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"),
      (seconds % 60, "s"),
    ]
    let shown = parts.drop { $0.0 == 0 }.prefix(2).filter { $0.0 > 0 }
    return shown.map { "\($0.0) \($0.1)" }.joined(separator: " ")
  }

  /// How long something took, for people: `34 ms` below a tenth of a second, else `4.2 s`, `20 m`.
  package var elapsedText: String {
    guard self < .milliseconds(100) else { return roundedText }
    return "\(components.attoseconds / 1_000_000_000_000_000) ms"
  }

  /// The time as ``init(parsing:)`` reads it, to the millisecond: `1h30m`, `500ms`, `0s`.
  public var shortText: String {
    let (seconds, attoseconds) = components
    var rest = UInt64(clamping: seconds) * 1000
    rest += UInt64(clamping: attoseconds) / 1_000_000_000_000_000
    var text = ""
    for unit in TimeUnit.all where rest >= unit.milliseconds {
      text += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return text.isEmpty ? "0s" : text
  }

  /// 365 days in milliseconds: far above any use, and far below what a timer overflows at.
  private static let maximum: UInt64 = 365 * 86_400_000

  private static func error(_ message: String) -> SpecError {
    SpecError(message, remedy: "give a time such as 500ms, 90s, 20m or 1h30m")
  }
}

private struct TimeUnit {
  let name: String
  let milliseconds: UInt64

  static let all = [
    TimeUnit(name: "d", milliseconds: 86_400_000),
    TimeUnit(name: "h", milliseconds: 3_600_000),
    TimeUnit(name: "m", milliseconds: 60_000),
    TimeUnit(name: "s", milliseconds: 1000),
    TimeUnit(name: "ms", milliseconds: 1),
  ]
}
