import Glibc
import SystemPackage
import Testing

@testable import LinuxSystem

@Suite struct OutputWriterTests {
  init() { ignoreWriteSignals() }

  /// Everything that is in a pipe now.
  private func drain(_ reader: borrowing OwnedDescriptor, _ length: Int) throws -> [UInt8] {
    try readAvailable(reader.number, atMost: length, subject: "of a pipe")
  }

  @Test func keepsWhatThePipeDoesNotTakeAndWritesItLater() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
    writer.write(bytes[...])
    #expect(writer.hasPending)
    writer.write([1, 2, 3])
    var received: [UInt8] = []
    while writer.hasPending {
      received += try drain(pipe.reader, 4096)
      writer.flush()
    }
    while received.count < bytes.count + 3 { received += try drain(pipe.reader, 65536) }
    #expect(received == bytes + [1, 2, 3])
    #expect(writer.failure == nil)
  }

  @Test func leavesTheFlagsOfTheCallersDescriptorAlone() throws {
    let pipe = try Pipe()
    let before = fcntl(pipe.writer.number, F_GETFL)
    let writer = OutputWriter(pipe.writer.number)
    #expect(writer.descriptor != pipe.writer.number)
    #expect(fcntl(writer.descriptor, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(pipe.writer.number, F_GETFL) == before)
    #expect(before & O_NONBLOCK == 0)
  }

  @Test func writesToAFileAsItIsAtItsOwnPosition() throws {
    let directory = try TemporaryDirectory()
    let path = FilePath(try directory.file("log", []))
    let file = try OwnedDescriptor(opening: path, flags: .writing)
    let writer = OutputWriter(file.number)
    #expect(writer.descriptor == file.number)
    writer.write(Array("one ".utf8)[...])
    try file.write(Array("two".utf8))
    #expect(try readFile(path, limit: 100) == Array("one two".utf8))
  }

  @Test func aReaderThatIsGoneIsAFailureAndTheRestIsDropped() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(owning: pipe.takeWriter())
    writer.write([1])
    #expect(writer.failure?.errno == .brokenPipe)
    #expect(!writer.hasPending)
    writer.write([2])
    #expect(!writer.hasPending)
  }

  @Test func aReaderThatGoesAwayWhileBytesWaitIsAFailure() throws {
    let table = DescriptorTable()
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    writer.write([UInt8](repeating: 0, count: 200_000)[...])
    table.adopt(pipe.takeReader(), as: .standardOutput)
    table.closeAll()
    writer.flushBlocking()
    #expect(writer.failure?.errno == .brokenPipe)
    #expect(!writer.hasPending)
  }

  @Test func aReaderThatTakesNothingIsWaitedForNoLonger() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    writer.write([UInt8](repeating: 0, count: 200_000)[...])
    let begin = monotonicClock()
    writer.flushBlocking(atMost: .milliseconds(50))
    #expect(writer.hasPending)
    writer.flushBlocking(until: monotonicClock() + .milliseconds(50))
    #expect(writer.hasPending)
    #expect((Duration.milliseconds(90) ..< .seconds(5)).contains(monotonicClock() - begin))
    #expect(writer.takePending().count == 200_000 - 65_536)
    #expect(!writer.hasPending)
    #expect(writer.failure == nil)
  }

  @Test func aReaderThatTakesALittleAgainAndAgainDoesNotPutTheEndOff() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    writer.write([UInt8](repeating: 0, count: 1_000_000)[...])
    let reading = dup(pipe.reader.number)
    try startThread {
      while let piece = try? readAvailable(reading, atMost: 4096, subject: "of a pipe"),
        !piece.isEmpty
      { usleep(20_000) }
      close(reading)
    }
    let begin = monotonicClock()
    writer.flushBlocking(atMost: .seconds(10), until: begin + .milliseconds(300))
    #expect(writer.hasPending)
    #expect((Duration.milliseconds(250) ..< .seconds(4)).contains(monotonicClock() - begin))
  }

  @Test func aFullDeviceIsAFailure() throws {
    let writer = OutputWriter(owning: try OwnedDescriptor(opening: "/dev/full", flags: .writing))
    writer.write([1])
    #expect(writer.failure?.errno == .noSpace)
  }
}

@Suite struct InputReaderTests {
  @Test func tellsNothingYetFromTheEnd() throws {
    let pipe = try Pipe()
    let writing = dup(pipe.writer.number)
    let reader = try InputReader(pipe.takeReader())
    guard case .nothing = try reader.read() else {
      Issue.record("something to read in a new pipe")
      return
    }
    try writeAll([1, 2, 3], to: writing)
    guard case .bytes(let bytes) = try reader.read() else {
      Issue.record("nothing to read")
      return
    }
    #expect(bytes == [1, 2, 3])
    close(writing)
    #expect(
      try eventually {
        guard case .end = try reader.read() else { return false }
        return true
      })
  }

  @Test func thePipeHoldsAMebibyte() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    let reader = try InputReader(pipe.takeReader())
    writer.write([UInt8](repeating: 7, count: 1 << 20)[...])
    #expect(!writer.hasPending)
    var count = 0
    while case .bytes(let bytes) = try reader.read() { count += bytes.count }
    #expect(count == 1 << 20)
  }

  /// What was read before keeps its bytes, and what is read after has its own.
  @Test func readsOnAfterARest() throws {
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    let reader = try InputReader(pipe.takeReader())
    for value in UInt8(1)...3 {
      let text = [UInt8](repeating: value, count: 1 << 20)
      writer.write(text[...])
      guard case .bytes(let bytes) = try reader.read() else {
        Issue.record("nothing to read")
        return
      }
      reader.rest()
      #expect(Array(bytes) == text)
    }
  }
}

@Suite struct EventLoopTests {
  @Test func namesWhatIsReady() throws {
    let loop = try EventLoop()
    let quiet = try Pipe()
    let busy = try Pipe()
    try loop.add(quiet.reader.number, tag: 1)
    try loop.add(busy.reader.number, tag: 2)
    try busy.writer.write([1])
    #expect(try loop.wait() == [2])
    try loop.add(quiet.writer.number, tag: 3, for: .writing)
    #expect(try Set(loop.wait()) == [2, 3])
    loop.remove(busy.reader.number)
    #expect(try loop.wait() == [3])
  }

  @Test func theEndOfAPipeIsReadyToo() throws {
    let loop = try EventLoop()
    let table = DescriptorTable()
    let reader = table.adoptWriter(of: try Pipe(), as: .standardOutput)
    try loop.add(reader.number, tag: 7)
    table.closeAll()
    #expect(try loop.wait() == [7])
  }

  @Test func watchingADescriptorTwiceIsAnError() throws {
    let loop = try EventLoop()
    let pipe = try Pipe()
    try loop.add(pipe.reader.number, tag: 1)
    let error = #expect(throws: SystemError.self) { try loop.add(pipe.reader.number, tag: 2) }
    #expect(error?.errno == .fileExists)
  }

  @Test func aTimerGoesOffOnceAndNotBefore() throws {
    let loop = try EventLoop()
    let timer = try Timer()
    try loop.add(timer.descriptor.number, tag: 9)
    let start = monotonicClock()
    try timer.start(.milliseconds(30))
    #expect(try loop.wait() == [9])
    #expect(monotonicClock() - start >= .milliseconds(30))
    #expect(try isReady(timer.descriptor))
    try timer.stop()
    #expect(try !isReady(timer.descriptor))
  }

  @Test func aTimerOfNoTimeGoesOffAtOnce() throws {
    let timer = try Timer()
    try timer.start(.zero)
    #expect(try eventually { try isReady(timer.descriptor) })
  }

  private func isReady(_ descriptor: borrowing OwnedDescriptor) throws -> Bool {
    var waiting = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    // Safe: one structure of ours is filled.
    return unsafe poll(&waiting, 1, 0) == 1
  }

  @Test func aBlockedSignalIsReadFromItsDescriptor() throws {
    // SIGURG: ignored by default, so that it harms nobody where it is not blocked.
    let signals = try SignalDescriptor([SIGURG])
    #expect(try signals.next() == nil)
    pthread_kill(pthread_self(), SIGURG)
    #expect(try signals.next() == SIGURG)
    #expect(try signals.next() == nil)
  }

  @Test(
    arguments: [
      (Duration.zero, 0), (.nanoseconds(1), 1), (.seconds(-5), 0),
      (.seconds(2) + .milliseconds(3), 2_003_000_000), (.seconds(Int64.max), 1 << 63),
    ] as [(Duration, UInt64)]) func nanosecondsAreWithinBounds(duration: Duration, value: UInt64)
  {
    #expect(duration.nanoseconds == value)
  }
}

extension Launches {
  @Suite struct UserNamespaceTests {
    private static let map = IDMap([
      .init(inside: 0, host: 0x7000_0000, count: 1000), .init(inside: 2000, host: 5, count: 1),
    ])

    @Test func theMapIsWrittenALineForEachRange() {
      #expect(String(decoding: Self.map.text, as: UTF8.self) == "0 1879048192 1000\n2000 5 1\n")
    }

    @Test func theNamespaceOutlivesTheProcessThatHeldIt() throws {
      let children = FilePath("/proc/thread-self/children")
      let before = try readFile(children, limit: 65536)
      let namespace = try UserNamespaceMaker().make(users: Self.map, groups: Self.map)
      #expect(try readFile(children, limit: 65536) == before)
      #expect(try namespace.fileSystemType() == .namespace)
    }

    @Test func theMapIsWhatTheCommandSees() throws {
      let table = DescriptorTable()
      table.adopt(
        try UserNamespaceMaker().make(users: Self.map, groups: Self.map), as: .userNamespace)
      let output = table.adoptWriter(of: try Pipe(), as: .standardOutput)
      for name in [DescriptorName.standardInput, .standardError] {
        table.adopt(try OwnedDescriptor(opening: "/dev/null", flags: .readingAndWriting), as: name)
      }
      let plan = LaunchPlan.running(
        "read a b c < /proc/self/uid_map; echo $a $b $c; read a b c < /proc/self/gid_map; "
          + "echo $a $b $c",
        before: [
          .useStandardStreams(.standardInput, .standardOutput, .standardError),
          .joinUserNamespace(.userNamespace), .setGroups([]), .setGroup(0), .setUser(0),
        ])
      let records = try records(of: plan, with: table)
      #expect(records.first == .started)
      table.closeAll()
      #expect(
        String(decoding: try output.readAll(limit: 1000, subject: ""), as: UTF8.self)
          == "0 1879048192 1000\n0 1879048192 1000\n")
    }

    @Test func aMapThatTheKernelRefusesLeavesNoProcess() throws {
      let overlapping = IDMap([
        .init(inside: 0, host: 10, count: 5), .init(inside: 3, host: 100, count: 5),
      ])
      let children = FilePath("/proc/thread-self/children")
      let before = try readFile(children, limit: 65536)
      let error = #expect(throws: SystemError.self) {
        _ = try UserNamespaceMaker().make(users: overlapping, groups: overlapping)
      }
      #expect(error?.errno == .invalidArgument)
      #expect(try readFile(children, limit: 65536) == before)
    }
  }
}
