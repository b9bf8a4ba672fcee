import Glibc
import SystemPackage

/// Writes what a command has written as a log in the text format of Kubernetes' CRI: one record a
/// line, `2026-01-02T03:04:05.123456789Z stdout F message`.
///
/// - `F`: the line ends with this record, and had a line feed. `P`: what comes next on the stream
///   belongs to the same line. So the bytes of a stream can be made again exactly: the messages of
///   its records, with a line feed after each `F`.
/// - Nothing is held back: the open end of a line is a record `P` at once. So the log has all that
///   was read, whoever is killed, and a prompt can be seen. Messages have at most 64 KiB.
/// - A record is written whole or not at all: when the disk is full in the middle of one, the file
///   is cut back to the last whole one. What is lost is counted, and as soon as there is space
///   again, the log goes on.
///
/// Every message that one call is given has the same time.
public final class CRILogWriter {
  /// The most bytes of a line in one record.
  public static let longestMessage = 64 << 10
  /// `2026-01-02T03:04:05.123456789Z stdout F `, in a shape that is stored without a call.
  private typealias Header = (UInt64, UInt64, UInt64, UInt64, UInt64)
  private static let headerLength = 40
  private static let kindPosition = 38
  /// Where there are that many bytes, the file is written in pieces of this length that begin at
  /// multiples of it: so the page cache is made of large pages. Records lie across.
  private static let piece = 512 << 10
  private static let capacity = piece + piece / 2 + headerLength + longestMessage + 1

  private let file: OwnedDescriptor
  /// The end of the last whole record in the file.
  private var offset: Int
  /// What comes there. Made by the first write: a command that writes nothing needs none.
  private var records: [UInt8] = []
  private var filled = 0
  /// How many bytes of the first record are in the file already.
  private var stored = 0
  /// Where the last record begins.
  private var lastRecord = 0
  private var space: SpaceAhead

  /// How many bytes of the command's could not be stored.
  public private(set) var dropped: UInt64 = 0

  /// Why bytes could not be stored, the last time; stays when later ones could be.
  public private(set) var failure: SystemError?

  /// Takes over a file that was opened for writing, and not for appending (O_APPEND): what is
  /// written comes after what it holds.
  public init(owning file: consuming OwnedDescriptor) {
    self.offset = max(0, Int(lseek(file.number, 0, SEEK_END)))
    self.space = SpaceAhead(file)
    self.file = file
  }

  /// Stores what was read from a stream.
  ///
  /// - Parameters:
  ///   - tag: `stdout` or `stderr`.
  ///   - time: when it was read, since 1970.
  public func write(_ bytes: ArraySlice<UInt8>, tag: StaticString, time: Duration) {
    var text = Timestamp.bytes(time)
    text += " \(tag) F ".utf8
    precondition(text.count == Self.headerLength, "a tag has six letters")
    // Safe: any byte is a valid value, and so many there are.
    let header = unsafe text.withUnsafeBytes { unsafe $0.loadUnaligned(as: Header.self) }
    if records.isEmpty {
      // Safe: any byte is a valid value; only pages that are written to cost memory.
      records = unsafe [UInt8](unsafeUninitializedCapacity: Self.capacity) { $1 = $0.count }
    }
    var rest = bytes
    while !rest.isEmpty {
      // What ends a piece of the file; a very short one becomes part of the next.
      var goal = Self.piece - offset % Self.piece
      if goal < Self.piece / 2 { goal += Self.piece }
      // Safe: the pointers are used within the call only.
      let taken = unsafe rest.withUnsafeBytes { bytes in
        unsafe records.withUnsafeMutableBytes { unsafe append(bytes, header, upTo: goal, to: $0) }
      }
      rest = rest.dropFirst(taken)
      flush(rest.isEmpty ? filled : goal)
    }
  }

  /// Gives memory back, and the disk space that was taken for more, because nothing comes just now.
  public func rest() {
    records.releaseMemory()
    space.giveBack(file, behind: offset)
  }

  /// Appends records until there are at least `goal` bytes of them; returns how many of the
  /// command's are in them.
  private func append(
    _ bytes: UnsafeRawBufferPointer, _ header: Header, upTo goal: Int,
    to records: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard let source = bytes.baseAddress, let target = records.baseAddress
    else { return bytes.count }
    let (lineFeed, piece) = (UInt8(ascii: "\n"), UInt8(ascii: "P"))
    var (taken, filled, lastRecord) = (0, self.filled, 0)
    while taken < bytes.count, filled < goal {
      // Safe: `taken` is less than there are bytes.
      let start = unsafe source + taken
      // One more than a message may have: the line feed of the longest one.
      let room = min(bytes.count - taken, Self.longestMessage + 1)
      // Safe: reads at most `room` bytes of the source.
      let end = unsafe memchr(start, CInt(lineFeed), room)
      let length = unsafe end.map { unsafe UnsafeRawPointer($0) - start }
      let messageLength = length ?? min(room, Self.longestMessage)
      let record = unsafe target + filled
      // Safe: below the goal there is room for a record of the longest message.
      unsafe record.storeBytes(of: header, as: Header.self)
      if length == nil {
        unsafe record.storeBytes(of: piece, toByteOffset: Self.kindPosition, as: UInt8.self)
      }
      unsafe memcpy(record + Self.headerLength, start, messageLength)
      let recordLength = Self.headerLength + messageLength
      unsafe record.storeBytes(of: lineFeed, toByteOffset: recordLength, as: UInt8.self)
      lastRecord = filled
      filled += recordLength + 1
      taken += length == nil ? messageLength : messageLength + 1
    }
    self.filled = filled
    self.lastRecord = lastRecord
    return taken
  }

  /// Writes the records that wait, up to their byte `end`, which lies in the last one.
  private func flush(_ end: Int) {
    space.take(in: file, behind: offset + stored, for: end - stored)
    var written = stored
    while written < end {
      do throws(SystemError) {
        // Safe: writes bytes that `append` has filled.
        let count = unsafe records.withUnsafeBytes {
          unsafe pwrite(
            file.number, $0.baseAddress.map { unsafe $0 + written }, end - written,
            offset + written)
        }
        written += try check(count, "write(2)", "of the log")
      } catch let error where error.errno == .interrupted {
        continue
      } catch {
        failure = error
        offset += cutBack(to: written)
        (filled, stored) = (0, 0)
        return
      }
    }
    keepRecords(from: end == filled ? filled : lastRecord, stored: end)
  }

  /// Moves the record that is not all in the file to the front.
  private func keepRecords(from start: Int, stored end: Int) {
    // Safe: both lie within what `append` has filled.
    unsafe records.withUnsafeMutableBytes {
      guard let records = $0.baseAddress else { return }
      unsafe memmove(records, records + start, filled - start)
    }
    offset += start
    filled -= start
    stored = end - start
  }

  /// Removes the beginning of a record from the end of the file, and counts what is lost; returns
  /// the length of the whole records.
  private func cutBack(to written: Int) -> Int {
    let lineFeed = UInt8(ascii: "\n")
    let whole = records[..<written].lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
    // If that fails, too, the next record overwrites it, and readers do without it.
    if whole < written { _ = ftruncate(file.number, offset + whole) }
    space.giveBack(file, behind: offset + whole)
    var rest = records[whole..<filled]
    while let end = rest.firstIndex(of: lineFeed) {
      let isLine = rest[rest.startIndex + Self.kindPosition] == UInt8(ascii: "F")
      dropped += UInt64(end - rest.startIndex - Self.headerLength + (isLine ? 1 : 0))
      rest = rest[(end + 1)...]
    }
    return whole
  }
}
