import LinuxSystem
import SystemPackage

@testable import OneOff

/// A log in memory.
final class LogFixture {
  private let descriptor: OwnedDescriptor
  let writer: CRILogWriter

  init(_ text: String = "") throws {
    self.descriptor = try OwnedDescriptor(inMemory: Array(text.utf8))
    self.writer = CRILogWriter(
      owning: try OwnedDescriptor(
        opening: FilePath("/proc/self/fd/\(descriptor.number)"), flags: .readingAndWriting))
  }

  func write(_ bytes: [UInt8], _ stream: OutputStream, at time: Duration = .seconds(1)) {
    writer.write(bytes[...], tag: stream == .stdout ? "stdout" : "stderr", time: time)
  }

  func write(_ text: String, _ stream: OutputStream = .stdout, at time: Duration = .seconds(1)) {
    write(Array(text.utf8), stream, at: time)
  }

  func contents() throws -> [UInt8] {
    try readFile(FilePath("/proc/self/fd/\(descriptor.number)"), limit: 256 << 20)
  }

  func file() throws -> GrowingFile {
    GrowingFile(
      owning: try OwnedDescriptor(
        opening: FilePath("/proc/self/fd/\(descriptor.number)"), flags: .reading),
      subject: "of the log")
  }

  /// What a reader of the log hands on.
  func records(
    _ selection: LogSelection = LogSelection(), isOver: Bool = true
  ) throws -> [LogRecord] {
    var reader = try LogReader(file(), selection)
    var records: [LogRecord] = []
    try reader.read { records.append($0) }
    if isOver { try reader.readTornRecord { records.append($0) } }
    return records
  }
}

extension [LogRecord] {
  /// What the command has written to a stream, made again.
  func output(_ stream: OutputStream) -> [UInt8] {
    var output: [UInt8] = []
    for record in self where record.stream == stream { record.appendOutput(to: &output) }
    return output
  }

  /// The records in short: `stdout F text`.
  var shorts: [String] {
    map { record in
      let message = String(decoding: record.message, as: UTF8.self)
      return "\(record.stream.rawValue) \(record.isPartial ? "P" : "F") \(message)"
    }
  }
}

/// Numbers that are the same in every run. (Sebastiano Vigna's SplitMix64.)
struct FixedNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { self.state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
