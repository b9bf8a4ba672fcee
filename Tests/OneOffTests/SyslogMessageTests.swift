import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

@Suite struct SyslogMessageTests {
  private let source = SyslogSource(
    hostname: "web1.example.com", application: "shop", process: "postdeploy.1")
  private let time = Duration.seconds(1_767_323_045) + .nanoseconds(123_456_789)

  private func messages(_ line: String, _ stream: OutputStream = .stdout) -> [String] {
    source.messages(of: Array(line.utf8)[...], on: stream, at: time).map {
      String(decoding: $0.bytes, as: UTF8.self)
    }
  }

  @Test func isWhatTheStandardSays() {
    #expect(
      messages("migrating") == [
        "<134>1 2026-01-02T03:04:05.123456Z web1.example.com shop postdeploy.1 - - migrating"
      ])
    #expect(
      messages("no table", .stderr) == [
        "<131>1 2026-01-02T03:04:05.123456Z web1.example.com shop postdeploy.1 - - no table"
      ])
    #expect(
      messages("") == [
        "<134>1 2026-01-02T03:04:05.123456Z web1.example.com shop postdeploy.1 - -"
      ])
  }

  @Test func isCountedInBytes() {
    let framed = source.messages(of: Array("ä".utf8)[...], on: .stdout, at: time)[0].framed
    #expect(
      String(decoding: framed, as: UTF8.self)
        == "76 <134>1 2026-01-02T03:04:05.123456Z web1.example.com shop postdeploy.1 - - ä")
    #expect(framed.count == 76 + 3)
  }

  @Test func namesHaveNoBlanksAndAnEnd() {
    let odd = SyslogSource(
      hostname: "", application: "my shop\u{e9}\n" + String(repeating: "x", count: 60),
      process: String(repeating: "y", count: 200))
    let text = String(
      decoding: odd.messages(of: [], on: .stdout, at: time)[0].bytes, as: UTF8.self)
    let fields = text.split(separator: " ").map(String.init)
    #expect(fields.count == 7)
    #expect(fields[2] == "-")
    #expect(fields[3] == "my-shop---" + String(repeating: "x", count: 38))
    #expect(fields[4].count == 128)
  }

  @Test func aLongLineComesInMessagesOfWholeCharacters() {
    let line = Array(("x" + String(repeating: "ü", count: 10_000)).utf8)
    let messages = source.messages(of: line[...], on: .stdout, at: time)
    #expect(messages.count == 3)
    let header = Array(self.messages("")[0].utf8).count + 1
    let texts = messages.map { $0.bytes.dropFirst(header) }
    #expect(texts.allSatisfy { String(validating: $0, as: UTF8.self) != nil })
    #expect(texts.allSatisfy { $0.count <= SyslogSource.longestText })
    #expect(messages.allSatisfy { $0.bytes.count < 8192 })
    #expect(texts.flatMap { $0 } == line)
    let noText = [UInt8](repeating: 0x80, count: 20_000)
    let pieces = source.messages(of: noText[...], on: .stdout, at: time)
    #expect(pieces.flatMap { $0.bytes.dropFirst(header) } == noText)
  }

  @Test func ofAHookIsNamedAfterItsAppAndPhase() throws {
    let id = try RunID("r1")
    func source(_ variables: [(String, ByteString)]) throws -> SyslogSource {
      var spec = RunSpec(layers: ["/"], command: ["true"])
      spec.environment = try variables.map {
        try EnvironmentVariable(name: $0.0, value: $0.1)
      }
      return SyslogSource(of: spec, id: id, hostname: "h")
    }
    #expect(
      try source([("APP", "shop"), ("CONTAINER_TYPE", "postdeploy")])
        == SyslogSource(hostname: "h", application: "shop", process: "postdeploy.1"))
    let plain = SyslogSource(hostname: "h", application: "oneoff", process: "r1")
    #expect(try source([("APP", "")]) == plain)
    #expect(SyslogSource(of: nil, id: id, hostname: "h") == plain)
  }
}

@Suite struct TimestampParsingTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", Duration.zero),
    ("1970-01-01T00:00:00.000000001Z", .nanoseconds(1)),
    ("1970-01-01t01:30:00.5+01:30", .milliseconds(500)),
    ("1969-12-31T23:00:00-01:00", nil),
    ("1970-01-01T00:00:00-01:00", .seconds(3600)),
    ("1970-01-01T00:00:00+01:00", nil),
    ("2000-02-29T00:00:00Z", .seconds(951_782_400)),
    ("2100-03-01T00:00:00Z", .seconds(4_107_542_400)),
    ("9999-12-31T23:59:59Z", .seconds(253_402_300_799)),
    ("2016-12-31T23:59:60Z", .seconds(1_483_228_800)),
  ]) func isTheTimeSince1970(text: String, time: Duration?) {
    #expect(Duration(timestamp: text.utf8) == time)
  }

  @Test(arguments: [
    "", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-1-2T03:04:05Z",
    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
    "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+1:00",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", "-026-01-01T00:00:00Z",
  ]) func refuses(text: String) {
    #expect(Duration(timestamp: text.utf8) == nil)
  }

  @Test func readsWhatIsWritten() {
    for seconds in stride(from: 0, to: 253_402_300_800, by: 86_399 * 37) {
      let time = Duration.seconds(seconds) + .nanoseconds(seconds % 1_000_000_000)
      #expect(Duration(timestamp: Timestamp.bytes(time)) == time)
    }
  }
}
