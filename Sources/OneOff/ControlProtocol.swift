// What is said over the control socket of a run; docs/control.md has it for other programs.

/// What is asked of a supervisor: one JSON object on a line.
package struct ControlRequest: Sendable, Hashable, Codable {
  /// What it is to do.
  package enum Action: String, Sendable, Hashable, Codable {
    /// Send the command a signal.
    case signal
    /// Send what the command writes from now on.
    case attach
  }

  /// The version of what is said.
  package private(set) var version = 1
  /// What is to be done.
  package var action: Action
  /// The signal's number, 1 to 63; nil where none is to be sent.
  package var signal: Int32?

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case action = "do"
    case signal
  }

  /// Asks for a signal.
  package static func signal(_ number: Int32) -> ControlRequest {
    ControlRequest(action: .signal, signal: number)
  }

  /// Asks for the output.
  package static let attach = ControlRequest(action: .attach)

  /// The longest line that a supervisor reads, in bytes.
  static let longestLine = 4 << 10

  /// Reads a line without its line feed; nil for what this version does not understand.
  init?(parsing line: ArraySlice<UInt8>) {
    guard let request = StoredJSON.value(ControlRequest.self, of: Array(line)),
      request.version == 1
    else { return nil }
    self = request
    let signals: Range<Int32> = 1..<64
    guard action == .attach || signal.map(signals.contains) == true else { return nil }
  }

  private init(action: Action, signal: Int32? = nil) {
    self.action = action
    self.signal = signal
  }
}

/// What a supervisor answers: one JSON object on a line.
package struct ControlAnswer: Sendable, Hashable, Codable {
  private var version = 1
  /// Whether it is done.
  package var isDone: Bool
  /// Why not.
  package var error: String?

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case isDone = "ok"
    case error
  }

  static let done = ControlAnswer(isDone: true)
  static let notUnderstood = ControlAnswer(
    isDone: false, error: "this version of oneoff does not understand the request")
  static let busy = ControlAnswer(
    isDone: false, error: "\(RunControl.mostClients) others are connected to the run already")

  private init(isDone: Bool, error: String? = nil) {
    self.isDone = isDone
    self.error = error
  }
}

/// What a supervisor sends to somebody who is attached: a byte for the kind, the number of the
/// bytes that follow as four bytes with the highest first, and those bytes.
package struct ControlFrame: Sendable, Hashable {
  /// What the bytes are.
  package enum Kind: UInt8, Sendable, Hashable {
    /// Written by the command to its standard output.
    case stdout = 1
    /// Written to its standard error.
    case stderr = 2
    /// Why nothing more is sent although the run goes on: a text for people.
    case dropped = 3
    /// The run is over; no bytes.
    case end = 4
  }

  package var kind: Kind
  package var bytes: [UInt8]

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

  /// Puts frames together from what is read.
  struct Reader: Sendable {
    private var pending: [UInt8] = []

    /// Takes what was read; returns the frames that are whole. Kinds that are unknown are skipped.
    mutating func take(_ bytes: [UInt8]) -> [ControlFrame] {
      pending += bytes
      var frames: [ControlFrame] = []
      var rest = pending[...]
      while rest.count >= ControlFrame.headSize {
        let head = rest.prefix(ControlFrame.headSize)
        let count = Int(head.dropFirst().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
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
