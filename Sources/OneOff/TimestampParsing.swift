import ContainerSpec

extension Duration {
  /// Reads a moment of the wall clock, as the time since 1970: RFC 3339 such as
  /// `2026-01-02T03:04:05.123456789Z` or `2026-01-02T05:04:05+02:00`, with nanoseconds at most.
  ///
  /// Nil for anything else, also for one before 1970.
  package init?(timestamp text: some Sequence<UInt8>) {
    var rest = Array(text)[...]
    guard let year = rest.takeNumber(digits: 4), rest.take("-"),
      let month = rest.takeNumber(digits: 2), rest.take("-"),
      let day = rest.takeNumber(digits: 2), rest.take("T") || rest.take("t"),
      let hour = rest.takeNumber(digits: 2), rest.take(":"),
      let minute = rest.takeNumber(digits: 2), rest.take(":"),
      let second = rest.takeNumber(digits: 2), let nanoseconds = rest.takeFraction(),
      let offset = rest.takeOffset(), rest.isEmpty,
      (1970...9999).contains(year), (1...12).contains(month),
      (1...Self.length(ofMonth: month, in: year)).contains(day), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    let days = Self.daysSince1970(year: year, month: month, day: day)
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset
    guard seconds >= 0 else { return nil }
    self = .seconds(seconds) + .nanoseconds(nanoseconds)
  }

  private static func length(ofMonth month: Int, in year: Int) -> Int {
    let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeapYear ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let before = year - 1
    let leapDays = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
    let months = (1..<month).reduce(0) { $0 + length(ofMonth: $1, in: year) }
    return (year - 1970) * 365 + leapDays + months + day - 1
  }
}

// Each takes something off the beginning, or leaves everything there.
extension ArraySlice<UInt8> {
  fileprivate mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard first == UInt8(ascii: character) else { return false }
    removeFirst()
    return true
  }

  fileprivate mutating func takeNumber(digits count: Int) -> Int? {
    guard self.count >= count, prefix(count).allSatisfy(\.isDigit) else { return nil }
    defer { removeFirst(count) }
    return prefix(count).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  /// Nanoseconds; 0 where there is no fraction.
  fileprivate mutating func takeFraction() -> Int? {
    guard take(".") else { return 0 }
    let digits = prefix(while: \.isDigit)
    guard (1...9).contains(digits.count) else { return nil }
    removeFirst(digits.count)
    let scale = (digits.count..<9).reduce(1) { scale, _ in scale * 10 }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } * scale
  }

  /// Seconds east of Greenwich.
  fileprivate mutating func takeOffset() -> Int? {
    if take("Z") || take("z") { return 0 }
    let sign = take("+") ? 1 : take("-") ? -1 : 0
    guard sign != 0, let hours = takeNumber(digits: 2), take(":"),
      let minutes = takeNumber(digits: 2), hours < 24, minutes < 60
    else { return nil }
    return sign * (hours * 60 + minutes) * 60
  }
}
