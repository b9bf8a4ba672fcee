import ContainerSpec
import OneOff

/// `oneoff inspect`: everything that is known of a recorded run.
enum InspectVerb {
  static let verb = Verb(
    name: "inspect",
    summary: "Print what a recorded run was to be, its state and its result, as JSON",
    operands: "ID", operandCompletion: .nothing,
    details: [
      "The values of secret variables are not in it. ID may be the beginning of a name, where that "
        + "is unique."
    ],
    examples: [
      .init(
        command: "oneoff inspect release-42 | jq .result.limits_hit",
        purpose: "which limits the run came up against")
    ],
    exitStatuses: [
      .success, ExitStatus(status: "1", meaning: "there is no such run"), .failure,
    ]
  ) { invocation in
    let operand = try invocation.runOperands(of: "inspect", atMost: 1)[0]
    let run = try withRun(operand) { store, id in
      guard let run = try store.read(id) else { throw VerbFailure(noRun: id.text) }
      return run
    }
    let text = StoredJSON.text(InspectedRun(run), isForPeople: true)
    try Printer.print(String(decoding: text, as: UTF8.self))
    return 0
  }
}

/// A run as `inspect` shows it: its `spec.json`, with state and result.
private struct InspectedRun: Encodable {
  private let run: RecordedRun

  init(_ run: RecordedRun) { self.run = run }

  private enum CodingKeys: String, CodingKey { case state, result }

  func encode(to encoder: any Encoder) throws {
    try run.description.encode(to: encoder)
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(run.state.name, forKey: .state)
    try members.encode(run.state.result, forKey: .result)
  }
}
