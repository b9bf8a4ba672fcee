import LinuxSystem
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, 0, "1970-01-01T00:00:00.000000000Z"),
    (0, 1, "1970-01-01T00:00:00.000000001Z"),
    (68_169_599, 999_999_999, "1972-02-28T23:59:59.999999999Z"),
    (68_169_600, 0, "1972-02-29T00:00:00.000000000Z"),
    (951_782_400, 0, "2000-02-29T00:00:00.000000000Z"),
    (951_868_800, 0, "2000-03-01T00:00:00.000000000Z"),
    (978_307_199, 0, "2000-12-31T23:59:59.000000000Z"),
    (1_767_323_045, 123_456_789, "2026-01-02T03:04:05.123456789Z"),
    (2_147_483_647, 0, "2038-01-19T03:14:07.000000000Z"),
    (2_147_483_648, 0, "2038-01-19T03:14:08.000000000Z"),
    (4_107_542_399, 0, "2100-02-28T23:59:59.000000000Z"),
    (4_107_542_400, 0, "2100-03-01T00:00:00.000000000Z"),
    (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
  ]) func isTheDateOfTheSecond(seconds: Int64, nanoseconds: Int64, text: String) {
    #expect(Timestamp.text(.seconds(seconds) + .nanoseconds(nanoseconds)) == text)
  }

  @Test func everyDayOfFourHundredYearsFollowsTheOneBefore() {
    var expected = (year: 1970, month: 1, day: 1)
    for number in 0..<146_097 {
      let text = Timestamp.text(.seconds(Int64(number) * 86400))
      let parts = text.prefix(10).split(separator: "-").compactMap { Int($0) }
      guard parts == [expected.year, expected.month, expected.day] else {
        Issue.record("day \(number) is \(text)")
        return
      }
      expected.day += 1
      if expected.day > Self.length(of: expected.month, in: expected.year) {
        expected.day = 1
        expected.month = expected.month % 12 + 1
        if expected.month == 1 { expected.year += 1 }
      }
    }
  }

  private static func length(of month: Int, in year: Int) -> Int {
    let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }
}
