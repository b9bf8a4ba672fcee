import ContainerSpec
import FoundationEssentials
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

@Suite struct SinkConfigurationTests {
  @Test(arguments: [
    "udp://192.0.2.1:514", "tcp://127.0.0.1:1", "tcp://[::1]:65535", "udp://[2001:db8::1]:514",
    "unix:/dev/log", "unix:relative",
  ])
  func takesNumbersAndPaths(text: String) throws {
    #expect(try SyslogTarget(parsing: ByteString(text)).text == text)
  }

  @Test(arguments: [
    "", "udp://", "udp://:514", "udp://log.example:514", "udp://192.0.2.1", "udp://192.0.2.1:",
    "udp://192.0.2.1:0", "udp://192.0.2.1:65536", "udp://192.0.2.1:+5", "udp://192.0.2.1:5x",
    "udp://::1:514", "udp://[192.0.2.1]:514", "udp://[::1:514", "tcp://192.0.2.01:1",
    "tls://192.0.2.1:6514", "UDP://192.0.2.1:514", "unix:",
    "unix:/" + String(repeating: "x", count: 107),
  ])
  func refusesEverythingElseWithARemedy(text: String) throws {
    let error = try #require(throws: SpecError.self) {
      try SyslogTarget(parsing: ByteString(text))
    }
    #expect(error.remedy != nil)
  }

  @Test func isTheSameAfterItWasCoded() throws {
    var sinks = SinkConfiguration()
    sinks.syslog = [try SyslogTarget(parsing: "tcp://[::1]:601")]
    let notText = Array("unix:/run/".utf8) + [0xff]
    sinks.syslog.append(try SyslogTarget(parsing: ByteString(bytes: notText, subject: "a path")))
    sinks.jsonFiles = ["/var/log/hook.json"]
    sinks.journald = true
    sinks.overflow = .block
    sinks.application = "shop"
    sinks.process = "postdeploy.1"
    let data = try JSONEncoder().encode(sinks)
    #expect(try JSONDecoder().decode(SinkConfiguration.self, from: data) == sinks)
  }
}

/// What comes through a channel into a pipe, and what is counted.
@Suite struct ForwardingSinkTests {
  init() { ignoreWriteSignals() }

  /// Passes random lines on, of which a slow reader takes some now and then.
  private func pass(
    _ overflow: RecordChannel.Overflow
  ) throws -> (sent: [UInt8], received: [UInt8], sink: RunResult.Log.Sink) {
    let pipe = try Pipe()
    let reader = try OwnedDescriptor(
      opening: FilePath("/proc/self/fd/\(pipe.reader.number)"), flags: [.reading, .nonBlocking])
    let number = reader.number
    let channel = try RecordChannel(
      owning: OwnedDescriptor(
        opening: FilePath("/proc/self/fd/\(pipe.writer.number)"), flags: [.writing, .nonBlocking]),
      name: "test", overflow: overflow)
    let sink = ForwardingSink(PlainLines(), to: channel)
    var sent: [UInt8] = []
    var received: [UInt8] = []
    /// Whether there was anything in the pipe.
    func take() -> Bool {
      let bytes = (try? readAvailable(number, atMost: 1 << 16, subject: "of a pipe")) ?? []
      received += bytes
      channel.advance()
      return !bytes.isEmpty
    }
    for _ in 0..<120 {
      var bytes: [UInt8] = []
      while bytes.count < 60_000 {
        bytes += [UInt8](repeating: .random(in: 97...122), count: .random(in: 0...3000))
        if Bool.random() { bytes.append(10) }
      }
      sent += bytes
      sink.received(bytes[...], on: .stdout, at: .zero)
      if Int.random(in: 0..<4) == 0 { _ = take() }
      while channel.holdsUp { #expect(take()) }
    }
    sink.ended(.stdout)
    while take() {}
    RecordChannel.finish([channel], hurried: false)
    return (sent, received, RunResult.Log.Sink(channel))
  }

  @Test func nothingIsLostWhereTheCommandWaits() throws {
    let (sent, received, sink) = try pass(.block)
    #expect(received == sent)
    #expect(sink == .init(name: "test", droppedLines: 0, droppedBytes: 0, failure: nil))
  }

  @Test func whatIsNotReceivedIsCounted() throws {
    let (sent, received, sink) = try pass(.drop)
    #expect(sink.droppedLines > 0)
    #expect(UInt64(received.count) + sink.droppedBytes == UInt64(sent.count))
    #expect(sink.failure == nil)
  }

  @Test func aFullDiskIsCountedAndTheRunGoesOn() throws {
    let channel = try RecordChannel(
      owning: OwnedDescriptor(opening: "/dev/full", flags: [.writing]), name: "test",
      overflow: .block)
    let sink = ForwardingSink(PlainLines(), to: channel)
    #expect(sink.accepts(.stdout))
    for _ in 0..<3 { sink.received(Array("one\ntwo\n".utf8)[...], on: .stdout, at: .zero) }
    #expect(!sink.accepts(.stdout))
    #expect(!channel.holdsUp)
    let found = RunResult.Log.Sink(channel)
    #expect(found.droppedLines == 6)
    #expect(found.droppedBytes == 24)
    #expect(found.failure?.contains("ENOSPC") == true)
    #expect(found.sentence?.hasPrefix("test: 6 lines (24 bytes) were dropped: write(2)") == true)
  }

  @Test func whatGotThereNeedsNoWord() {
    let sink = RunResult.Log.Sink(name: "x", droppedLines: 0, droppedBytes: 0, failure: nil)
    #expect(sink.sentence == nil)
    var slow = sink
    slow.droppedLines = 1
    slow.droppedBytes = 5
    #expect(slow.sentence == "x: a line of 5 bytes was dropped: it takes them too slowly")
  }
}

/// The bytes as they are.
private struct PlainLines: LineEncoding {
  let longestLine = 1000

  func head(of stream: OutputStream, at time: Duration) -> [UInt8] { [] }

  func append(_ line: LoggedLine, _ head: [UInt8], to record: inout [UInt8]) -> Int {
    record += line.bytes
    if line.hasLineFeed { record.append(10) }
    return 0
  }
}
