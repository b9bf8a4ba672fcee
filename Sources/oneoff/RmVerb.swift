import ContainerSpec
import OneOff

/// `oneoff rm`: removes records of runs.
enum RmVerb {
  static let verb = Verb(
    name: "rm",
    summary: "Remove the records of runs that are over",
    operands: "ID…", operandCompletion: .nothing,
    details: [
      "The record of a run that is alive stays: end it first, with oneoff kill. ID may be the "
        + "beginning of a name, where that is unique."
    ],
    examples: [.init(command: "oneoff rm release-41 release-42", purpose: "remove two records")],
    exitStatuses: [
      .success,
      ExitStatus(
        status: "1", meaning: "one was not removed: no such run, or alive; the others were"),
      .failure,
    ]
  ) { invocation in
    try invocation.forEachRun(of: "rm", remove)
  }

  private static func remove(from store: borrowing RunStore, _ id: RunID) throws {
    switch try store.remove(id) {
    case .removed: return
    case .missing: throw VerbFailure(noRun: id.text)
    case .running: throw VerbFailure(alive: id)
    }
  }
}
