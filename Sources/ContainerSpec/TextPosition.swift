/// A place in a text file, as editors count.
public struct TextPosition: Sendable, Hashable {
  /// The line, from 1.
  public var line: Int
  /// The character in the line, from 1.
  public var column: Int

  /// Makes a place from its line and column, both from 1.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The place of the byte at `offset`; a byte order mark takes no column.
  package init(of offset: Int, in bytes: [UInt8]) {
    line = 1
    column = 1
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    for byte in bytes[start..<max(start, offset)] {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
  }
}
