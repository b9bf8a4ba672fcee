import LinuxSystem
import SystemPackage

/// How much a run had written when its supervisor was killed, as far as its stored log has it.
struct StoredLogTotals: Sendable, Hashable {
  var stdoutBytes: UInt64 = 0
  var stderrBytes: UInt64 = 0
  /// When the last of it was read, as RFC 3339; nil when there was nothing.
  var lastTime: String?

  /// `2026-01-02T03:04:05.123456789Z stdout F `: the beginning of a record of ``CRILogWriter``.
  private static let headerLength = 40
  private static let timeLength = 30
  private static let tag = 31..<37
  private static let kind = 38

  /// Counts the record of a line; what is no whole record, as at the end of a log, counts nothing.
  mutating func add(_ line: ArraySlice<UInt8>) {
    guard line.count >= Self.headerLength else { return }
    let start = line.startIndex
    let message = line.count - Self.headerLength
    let isLine = line[start + Self.kind] == UInt8(ascii: "F")
    let bytes = UInt64(message + (isLine ? 1 : 0))
    let tag = line[(start + Self.tag.lowerBound)..<(start + Self.tag.upperBound)]
    if tag.elementsEqual(OutputStream.stdout.rawValue.utf8) {
      stdoutBytes += bytes
    } else if tag.elementsEqual(OutputStream.stderr.rawValue.utf8) {
      stderrBytes += bytes
    } else {
      return
    }
    lastTime = String(decoding: line.prefix(Self.timeLength), as: UTF8.self)
  }
}

extension OwnedDescriptor {
  /// The totals of the log in this directory of a record.
  borrowing func storedLogTotals() throws(SystemError) -> StoredLogTotals {
    var totals = StoredLogTotals()
    let log: OwnedDescriptor
    do throws(SystemError) {
      log = try open(RunRecord.File.log, flags: .reading)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      // The supervisor was killed before it had made one.
      return totals
    }
    var rest: [UInt8] = []
    while true {
      let chunk = try readAvailable(log.number, atMost: 1 << 20, subject: "of the log")
      if chunk.isEmpty { return totals }
      rest += chunk
      var unread = rest[...]
      while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        totals.add(unread[..<end])
        unread = unread[(end + 1)...]
      }
      rest = Array(unread)
    }
  }
}
