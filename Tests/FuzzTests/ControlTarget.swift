import ContainerSpec

@testable import OneOff

extension FuzzTarget {
  /// A request to a supervisor, on a line, and the frames that either side sends; the first byte
  /// says in which pieces these come.
  static let control = FuzzTarget(name: "control") { bytes in
    guard let first = bytes.first else { return }
    let parts = Array(bytes.dropFirst()).sections(2)
    let line = parts[0].dropLast(parts[0].last == UInt8(ascii: "\n") ? 1 : 0)
    try checkRequest(line)
    try checkAnswers(Array(line))
    let frames = frames(in: parts[1], inPiecesOf: Int(first % 32) + 1)
    try hold(frames == Self.frames(in: parts[1], inPiecesOf: .max), "the same in every division")
    guard let frames else { return }
    try hold(frames.allSatisfy { $0.bytes.count <= longest }, "what is too long is refused")
    let again = frames.flatMap { ControlFrame.encoded($0.kind, $0.bytes[...]) }
    try hold(again.count <= parts[1].count, "frames have no more than was sent")
    try hold(Self.frames(in: again, inPiecesOf: .max) == frames, "frames are what they are read as")
    for frame in frames {
      guard let size = frame.size else { continue }
      try hold(size.rows > 0 && size.columns > 0, "a terminal has a size")
      let head = ControlFrame.encoded(.size, frame.bytes[...])
      try hold(ControlFrame.encoded(size) == head, "a size is sent as it was")
    }
  }

  /// The bytes of the longest frame that is taken.
  private static let longest = 100

  /// A request that is understood asks for what can be done, and travels as it is.
  private static func checkRequest(_ line: ArraySlice<UInt8>) throws {
    guard let request = ControlRequest(parsing: line) else { return }
    let signals: ClosedRange<Int32> = 1...63
    try hold(
      request.action == .attach || request.signal.map { signals.contains($0) } == true,
      "a signal has a number")
    let made: ControlRequest =
      request.action == .signal
      ? .signal(request.signal ?? 0) : .attach(givingInput: request.input == true)
    try hold(ControlRequest(parsing: StoredJSON.text(made).dropLast()) == made, "as clients ask")
    let again = StoredJSON.text(request)
    try hold(again.last == UInt8(ascii: "\n") && again.lines.count == 1, "a request is a line")
    try hold(ControlRequest(parsing: again.dropLast()) == request, "print and read again")
  }

  /// What a client reads as an answer travels as it is, and so does what a supervisor answers.
  private static func checkAnswers(_ line: [UInt8]) throws {
    let read = StoredJSON.value(ControlAnswer.self, of: line)
    let given: [ControlAnswer] = [
      .done, .notUnderstood, .busy, .attached(takingInput: line.count % 2 == 0),
    ]
    for answer in given + (read.map { [$0] } ?? []) {
      let again = StoredJSON.text(answer)
      try hold(again.lines.count == 1, "an answer is a line")
      try hold(StoredJSON.value(ControlAnswer.self, of: again) == answer, "print and read again")
    }
  }

  /// The frames; nil where one is refused.
  private static func frames(in bytes: [UInt8], inPiecesOf size: Int) -> [ControlFrame]? {
    var reader = ControlFrame.Reader(longest: longest)
    var frames: [ControlFrame] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let some = reader.take(Array(rest.prefix(size))) else { return nil }
      frames += some
      rest = rest.dropFirst(size)
    }
    return frames
  }
}
