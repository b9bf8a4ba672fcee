import ContainerSpec
import Testing

@Suite struct SizeAndTimeTests {
  @Test(
    arguments: [
      ("1", 1), ("4096", 4096), ("64K", 65_536), ("64k", 65_536), ("64KB", 65_536),
      ("64KiB", 65_536), ("256M", 256 << 20), ("1G", 1 << 30), ("2T", 2 << 40), ("7B", 7),
      ("18446744073709551615", UInt64.max), ("16777215T", 16_777_215 << 40),
    ] as [(ByteString, UInt64)])
  func readsSizes(text: ByteString, bytes: UInt64) throws {
    #expect(try ByteCount(parsing: text).bytes == bytes)
  }

  @Test(
    arguments: [
      "", "0", "0M", "-1", "+1", "1X", "1.5G", "1 M", " 1", "1 ", "K", "1KK", "1Ki", "1MiBs",
      "0x10",
      "18446744073709551616", "16777216T", "99999999999999999999999G", "1e3", "١",
    ] as [ByteString])
  func refusesWhatIsNoSize(text: ByteString) {
    let error = #expect(throws: SpecError.self) { try ByteCount(parsing: text) }
    #expect(error?.remedy?.contains("256M") == true)
  }

  @Test(
    arguments: [
      (1, "1"), (4097, "4097"), (65_536, "64K"), (1 << 20, "1M"), (1536 << 10, "1536K"),
      (3 << 40, "3T"), (0, "0"),
    ] as [(UInt64, String)])
  func writesSizesThatItReads(bytes: UInt64, text: String) {
    #expect(ByteCount(bytes: bytes).description == text)
  }

  @Test(
    arguments: [
      (0, "0 KB"), (1, "1 KB"), (300, "300 KB"), (1023, "1023 KB"), (1024, "1 MB"),
      (9728, "9.5 MB"), (10_239, "9.9 MB"), (10_240, "10 MB"), (10_752, "11 MB"),
      (10_238_976, "9999 MB"), (12_058_624, "11.5 GB"), (1_099_511_627_776, "1048576 GB"),
    ] as [(UInt64, String)])
  func roundsSizesForPeople(kibibytes: UInt64, text: String) {
    #expect(ByteCount(bytes: kibibytes << 10).roundedText == text)
  }

  @Test(
    arguments: [
      ("90s", .seconds(90)), ("20m", .seconds(1200)), ("1h30m", .seconds(5400)),
      ("500ms", .milliseconds(500)), ("30", .seconds(30)), ("0s", .zero), ("0", .zero),
      ("1d2h3m4s5ms", .milliseconds(93_784_005)), ("365d", .seconds(31_536_000)),
    ] as [(ByteString, Duration)])
  func readsTimes(text: ByteString, time: Duration) throws {
    #expect(try Duration(parsing: text) == time)
  }

  @Test(
    arguments: [
      "", "s", "-1s", "+1s", "1.5h", "1x", "1m1h", "1s1s", "1 s", " 1s", "1h30", "366d", "364d25h",
      "99999999999999999999s", "9223372036854775807d",
    ] as [ByteString])
  func refusesWhatIsNoTime(text: ByteString) {
    let error = #expect(throws: SpecError.self) { try Duration(parsing: text) }
    #expect(error?.remedy?.contains("1h30m") == true)
  }

  @Test(
    arguments: [
      (.seconds(5400), "1h30m"), (.milliseconds(1500), "1s500ms"), (.zero, "0s"),
      (.seconds(86_400), "1d"), (.seconds(-1), "0s"),
    ] as [(Duration, String)])
  func writesTimesThatItReads(time: Duration, text: String) {
    #expect(time.shortText == text)
  }

  @Test(
    arguments: [
      (.zero, "0 s"), (.milliseconds(99), "0 s"), (.milliseconds(4250), "4.2 s"),
      (.seconds(59), "59 s"), (.seconds(60), "1 m"), (.milliseconds(61_900), "1 m 1 s"),
      (.seconds(1200), "20 m"), (.seconds(3600), "1 h"), (.seconds(3605), "1 h"),
      (.seconds(5405), "1 h 30 m"), (.seconds(90_000), "1 d 1 h"),
    ] as [(Duration, String)])
  func writesTimesForPeople(time: Duration, text: String) {
    #expect(time.roundedText == text)
    if time >= .milliseconds(100) { #expect(time.elapsedText == text) }
  }

  @Test func writesHowLongSomethingTook() {
    #expect(Duration.milliseconds(46).elapsedText == "46 ms")
    #expect(Duration.zero.elapsedText == "0 ms")
    #expect(Duration.milliseconds(100).elapsedText == "0.1 s")
  }
}
