import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// A printer whose standard output and standard error are files in memory.
private struct PrintedLog {
  private final class File {
    let descriptor: OwnedDescriptor
    init() throws { self.descriptor = try OwnedDescriptor(inMemory: []) }
    func text() throws -> String {
      let path = FilePath("/proc/self/fd/\(descriptor.number)")
      return String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self)
    }
  }

  private let files: PerStream<File>
  let printer: LogPrinter

  init(_ format: LogPrinter.Format) throws {
    var files = PerStream(try File())
    files.stderr = try File()
    self.files = files
    self.printer = LogPrinter(
      format, stdout: OutputWriter(files.stdout.descriptor.number),
      stderr: OutputWriter(files.stderr.descriptor.number))
  }

  var stdout: String { get throws { try files.stdout.text() } }
  var stderr: String { get throws { try files.stderr.text() } }
}

@Suite struct LogPrinterTests {
  private let log: LogFixture

  init() throws {
    self.log = try LogFixture()
    log.write("one\ntw", at: .seconds(1))
    log.write("err\u{1b}[2J\n", .stderr, at: .seconds(2))
    log.write("o\n\n", at: .seconds(3))
    log.write([0xff, UInt8(ascii: "\"")], .stderr, at: .seconds(4))
    log.write("end", at: .seconds(5))
  }

  private func printed(_ format: LogPrinter.Format) throws -> PrintedLog {
    let printed = try PrintedLog(format)
    for record in try log.records() { printed.printer.print(record) }
    printed.printer.end()
    return printed
  }

  private func time(_ second: Int) -> String { "1970-01-01T00:00:0\(second).000000000Z" }

  @Test func textIsWhatTheCommandWrote() throws {
    let found = try printed(.text(withTimes: false))
    #expect(try found.stdout == "one\ntwo\n\nend")
    #expect(
      try found.stderr
        == String(decoding: Array("err\u{1b}[2J\n".utf8) + [0xff, 34], as: UTF8.self))
  }

  @Test func textHasTheTimeBeforeEachLine() throws {
    let found = try printed(.text(withTimes: true))
    #expect(
      try found.stdout
        == "\(time(1)) one\n\(time(1)) two\n\(time(3)) \n\(time(5)) end")
    #expect(try found.stderr.hasPrefix("\(time(2)) err\u{1b}[2J\n\(time(4)) "))
  }

  @Test func jsonIsTheEventsOfTheRun() throws {
    let found = try printed(.json)
    func event(_ sequence: Int, _ second: Int, _ rest: String) -> String {
      #"{"v":1,"event":"log","seq":\#(sequence),"time":"\#(time(second))","stream":"# + rest
        + #","partial":false}"# + "\n"
    }
    #expect(
      try found.stdout
        == event(1, 1, #""stdout","text":"one""#)
        + event(2, 2, #""stderr","text":"err\u001b[2J""#)
        + event(3, 3, #""stdout","text":"two""#) + event(4, 3, #""stdout","text":"""#)
        + event(5, 5, #""stdout","text":"end""#) + event(6, 5, #""stderr","base64":"/yI=""#))
    #expect(try found.stderr.isEmpty)
  }

  @Test func criIsTheLogItself() throws {
    let found = try printed(.cri)
    let stored = String(decoding: try log.contents(), as: UTF8.self)
    #expect(try found.stdout == stored)
    #expect(stored.hasPrefix("\(time(1)) stdout F one\n\(time(1)) stdout P tw\n"))
    #expect(try found.stderr.isEmpty)
  }

  @Test func aTornRecordIsPrintedAsAPiece() throws {
    let torn = try LogFixture("\(time(1)) stdout F whole\n\(time(2)) stdout F to")
    let cri = try PrintedLog(.cri)
    for record in try torn.records() { cri.printer.print(record) }
    cri.printer.end()
    #expect(try cri.stdout == "\(time(1)) stdout F whole\n\(time(2)) stdout P to\n")
  }

  @Test func syslogIsAMessageForEachLine() throws {
    let source = SyslogSource(hostname: "h", application: "a", process: "p.1")
    let found = try printed(.syslog(source))
    func message(_ second: Int, _ priority: Int, _ text: String) -> String {
      let bytes =
        "<\(priority)>1 1970-01-01T00:00:0\(second).000000Z h a p.1 - -"
        + (text.isEmpty ? "" : " " + text)
      return "\(bytes.utf8.count) \(bytes)"
    }
    let last = "<131>1 1970-01-01T00:00:05.000000Z h a p.1 - - "
    #expect(
      try found.stdout
        == message(1, 134, "one") + message(2, 131, "err\u{1b}[2J") + message(3, 134, "two")
        + message(3, 134, "") + message(5, 134, "end") + "\(last.utf8.count + 2) \(last)\u{fffd}\"")
    #expect(try found.stderr.isEmpty)
  }

  @Test func linesOfBothStreamsKeepTheirOrderOnOneDescriptor() throws {
    let file = try OwnedDescriptor(inMemory: [])
    let writer = OutputWriter(file.number)
    let printer = LogPrinter(.text(withTimes: false), stdout: writer, stderr: writer)
    for record in try log.records() { printer.print(record) }
    printer.end()
    let text = try readFile(FilePath("/proc/self/fd/\(file.number)"), limit: 1000)
    #expect(text.starts(with: Array("one\ntwerr\u{1b}[2J\no\n\n".utf8)))
  }

  @Test func saysWhenItsReaderIsGone() throws {
    ignoreWriteSignals()
    let pipe = try Pipe()
    let writer = OutputWriter(pipe.writer.number)
    let printer = LogPrinter(.cri, stdout: writer, stderr: writer)
    #expect(!printer.isReaderGone)
    for record in try log.records() { printer.print(record) }
    let reader = pipe.takeReader()
    reader.closeNow()
    #expect(printer.isReaderGone)
    printer.flush()
    #expect(printer.failure?.errno == .brokenPipe)
  }
}
