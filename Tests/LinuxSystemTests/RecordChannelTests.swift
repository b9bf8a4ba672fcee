import Glibc
import SystemPackage
import Testing

@testable import LinuxSystem

/// Channels to sockets of this process.
@Suite struct RecordChannelTests {
  /// A socket that is bound to a path, which is removed with it.
  private final class Receiver {
    let path: FilePath
    let number: CInt

    init(_ type: __socket_type, at path: FilePath? = nil) throws {
      let path = path ?? FilePath("/tmp/oneoff-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
      self.path = path
      let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      self.number = try check(socket(AF_UNIX, CInt(type.rawValue) | flags, 0), "socket(2)")
      let address = try #require(SocketAddress(path))
      // Safe: the kernel copies the address before the call returns.
      _ = try check(unsafe address.withPointer { unsafe bind(number, $0, $1) }, "bind(2)")
      if type == SOCK_STREAM { _ = try check(listen(number, 1), "listen(2)") }
    }

    deinit {
      close(number)
      // Safe: the call reads the path.
      _ = unsafe unlink(path.string)
    }

    /// What has arrived; nil when nothing has.
    func receive(_ socket: CInt? = nil) -> String? {
      (try? readAvailable(socket ?? number, atMost: 1 << 20, subject: "of a socket"))
        .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The connection that waits.
    func accept() throws -> OwnedDescriptor {
      let connection = try check(Glibc.accept(number, nil, nil), "accept(2)")
      _ = fcntl(connection, F_SETFL, O_NONBLOCK)
      return OwnedDescriptor(owning: connection)
    }
  }

  private func append(_ text: String, to channel: RecordChannel) {
    channel.append(payload: text.utf8.count, atLeast: text.utf8.count) {
      $0 += "\(text.utf8.count) ".utf8
      let prefix = "\(text.utf8.count) ".utf8.count
      $0 += text.utf8
      return prefix
    }
  }

  private func channel(
    _ receiver: Receiver, _ overflow: RecordChannel.Overflow = .drop
  ) throws -> RecordChannel {
    try RecordChannel(
      to: .unix(try #require(SocketAddress(receiver.path))), name: "test", overflow: overflow)
  }

  @Test func aUnixSocketGetsDatagramsOrAStream() throws {
    let datagrams = try Receiver(SOCK_DGRAM)
    let first = try channel(datagrams)
    for word in ["one", "three"] { append(word, to: first) }
    first.advance()
    #expect(datagrams.receive() == "one")
    #expect(datagrams.receive() == "three")
    let stream = try Receiver(SOCK_STREAM)
    let second = try channel(stream)
    for word in ["one", "three"] { append(word, to: second) }
    second.advance()
    let connection = try stream.accept()
    #expect(stream.receive(connection.number) == "3 one5 three")
  }

  @Test func whoComesLateGetsWhatWaits() throws {
    let path: FilePath
    do { path = try Receiver(SOCK_DGRAM).path }
    let address = try #require(SocketAddress(path))
    let channel = try RecordChannel(to: .unix(address), name: "test", overflow: .drop)
    append("early", to: channel)
    channel.advance()
    #expect(channel.failure?.errno == .noSuchFileOrDirectory)
    let late = try Receiver(SOCK_DGRAM, at: path)
    var waiting = pollfd(fd: channel.activity, events: Int16(POLLIN), revents: 0)
    // Safe: one structure of ours is filled.
    while late.receive() == nil, unsafe poll(&waiting, 1, 5000) == 1 { channel.advance() }
    #expect(channel.dropped.records == 0)
    append("later", to: channel)
    channel.advance()
    #expect(late.receive() == "later")
  }

  @Test func whoHoldsUpForLongerThanAWhileIsNotWaitedFor() throws {
    let receiver = try Receiver(SOCK_STREAM)
    let channel = try channel(receiver, .block)
    let text = String(repeating: "x", count: 1000)
    while !channel.holdsUp {
      append(text, to: channel)
      channel.advance()
    }
    #expect(channel.dropped.records == 0)
    var waiting = pollfd(fd: channel.activity, events: Int16(POLLIN), revents: 0)
    let begin = monotonicClock()
    // Safe: one structure of ours is filled.
    while channel.holdsUp, unsafe poll(&waiting, 1, 20_000) == 1 { channel.advance() }
    #expect(monotonicClock() - begin >= .seconds(9))
    #expect(!channel.holdsUp)
    append(text, to: channel)
    #expect(channel.dropped.records == 1)
    // Who takes something again is waited for again.
    let connection = try receiver.accept()
    while receiver.receive(connection.number) != nil { channel.advance() }
    while !channel.holdsUp {
      append(text, to: channel)
      channel.advance()
    }
    #expect(channel.dropped.records == 1)
    RecordChannel.finish([channel], hurried: true)
    #expect(channel.dropped.records > 1000)
  }

  @Test func theEndWaitsOnceForAllTogether() throws {
    let receivers = try (0..<3).map { _ in try Receiver(SOCK_STREAM) }
    let channels = try receivers.map { try channel($0) }
    let text = String(repeating: "x", count: 1000)
    for channel in channels {
      for _ in 0..<1500 { append(text, to: channel) }
    }
    let begin = monotonicClock()
    RecordChannel.finish(channels, hurried: false)
    let duration = monotonicClock() - begin
    #expect(duration >= .seconds(1))
    #expect(duration < .seconds(2))
    #expect(channels.allSatisfy { $0.dropped.records > 0 && !$0.isOpen })
  }
}
