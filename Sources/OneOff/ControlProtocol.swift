// What is said over the control socket of a run; docs/control.md has it for other programs.

/// What is asked of a supervisor: one JSON object on a line.
package struct ControlRequest: Sendable, Hashable, Codable {
  /// What it is to do.
  package enum Action: String, Sendable, Hashable, Codable {
    /// Send the command a signal.
    case signal
    /// Send what the command writes from now on, and take input for it.
    case attach
  }

  /// The version of what is said.
  package private(set) var version = 1
  /// What is to be done.
  package var action: Action
  /// The signal's number, 1 to 63; nil where none is to be sent.
  package var signal: Int32?
  /// Whether who attaches wants to give the command's input; nil for no.
  package var input: Bool?
  /// When the run that is meant has begun, as its record says: another one may have its name. nil
  /// for whichever listens.
  package var started: String?

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case action = "do"
    case signal, input, started
  }

  /// Asks for a signal.
  package static func signal(_ number: Int32) -> ControlRequest {
    ControlRequest(action: .signal, signal: number)
  }

  /// Asks for the output.
  ///
  /// - Parameter givingInput: whether the command's input is to come from here.
  package static func attach(givingInput: Bool) -> ControlRequest {
    var request = ControlRequest(action: .attach)
    request.input = givingInput
    return request
  }

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
  /// Whether input is taken from who has attached; nil for no.
  package var input: Bool?

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case isDone = "ok"
    case error, input
  }

  static let done = ControlAnswer(isDone: true)

  /// He is attached.
  static func attached(takingInput: Bool) -> ControlAnswer {
    var answer = done
    answer.input = takingInput
    return answer
  }

  static let notUnderstood = ControlAnswer(
    isDone: false, error: "this version of oneoff does not understand the request")
  static let anotherRun = ControlAnswer(
    isDone: false,
    error: "another run of that name, whose record is in another directory, has the control socket")
  static let busy = ControlAnswer(
    isDone: false, error: "\(RunControl.mostAttached) others are attached to the run already")

  private init(isDone: Bool, error: String? = nil) {
    self.isDone = isDone
    self.error = error
  }
}
