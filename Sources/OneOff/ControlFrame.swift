import ContainerSpec

/// What a supervisor and somebody who is attached send to each other: a byte for the kind, the
/// number of the bytes that follow as four bytes with the highest first, and those bytes.
struct ControlFrame: Sendable, Hashable {
  /// What the bytes are.
  enum Kind: UInt8, Sendable, Hashable {
    /// From the supervisor: written by the command to its standard output.
    case stdout = 1
    /// From the supervisor: written to its standard error.
    case stderr = 2
    /// From the supervisor: why nothing more is sent although the run goes on; a text for people.
    case dropped = 3
    /// From the supervisor: the run is over; no bytes.
    case end = 4
    /// To the supervisor: input for the command.
    case input = 5
    /// To the supervisor: there will be no more of it; no bytes.
    case inputEnd = 6
    /// To the supervisor: how large the terminal is, as two numbers of two bytes, the highest
    /// first: rows, columns.
    case size = 7
  }

  var kind: Kind
  var bytes: [UInt8]

  static let headSize = 5

  /// The frame as it is sent.
  static func encoded(_ kind: Kind, _ bytes: ArraySlice<UInt8> = []) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(headSize + bytes.count)
    frame.append(kind.rawValue)
    let count = UInt32(bytes.count)
    for shift: UInt32 in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: count >> shift)) }
    frame += bytes
    return frame
  }

  /// A frame with the size of a terminal.
  static func encoded(_ size: TerminalSize) -> [UInt8] {
    let bytes = [size.rows, size.columns].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    return encoded(.size, bytes[...])
  }

  /// The size of a terminal; nil in a frame of another kind or length, or for no size at all.
  var size: TerminalSize? {
    guard kind == .size, bytes.count == 4 else { return nil }
    let rows = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    let columns = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    return rows > 0 && columns > 0 ? TerminalSize(rows: rows, columns: columns) : nil
  }

  /// Puts frames together from what is read.
  struct Reader: Sendable {
    private let longest: Int
    private var pending: [UInt8] = []

    /// Takes frames of at most so many bytes.
    init(longest: Int) { self.longest = longest }

    /// Takes what was read; returns the frames that are whole, but for unknown kinds.
    ///
    /// - Returns: nil when one is too long.
    mutating func take(_ bytes: [UInt8]) -> [ControlFrame]? {
      pending += bytes
      var frames: [ControlFrame] = []
      var rest = pending[...]
      while rest.count >= ControlFrame.headSize {
        let head = rest.prefix(ControlFrame.headSize)
        let count = Int(head.dropFirst().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        guard count <= longest else { return nil }
        guard rest.count - ControlFrame.headSize >= count else { break }
        let bytes = rest.dropFirst(ControlFrame.headSize).prefix(count)
        if let kind = head.first.flatMap(Kind.init) {
          frames.append(ControlFrame(kind: kind, bytes: Array(bytes)))
        }
        rest = rest.dropFirst(ControlFrame.headSize + count)
      }
      pending = Array(rest)
      return frames
    }
  }
}
