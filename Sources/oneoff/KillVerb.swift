import ContainerSpec
import OneOff

/// `oneoff kill`: sends a signal to the command of recorded runs.
enum KillVerb {
  static let verb = Verb(
    name: "kill",
    summary: "Send a signal to recorded runs, or end them at once",
    operands: "ID…", operandCompletion: .nothing,
    details: [
      "The signal goes to the command, as if oneoff itself had got it: after one that asks for the "
        + "end (HUP, INT, QUIT, TERM) the command has the run's --grace to end, and then the "
        + "container is killed. KILL ends the container at once. No process id is used: what is "
        + "asked is the run's own supervisor. ID may be the beginning of a name, where that is "
        + "unique."
    ],
    groups: [.signal],
    examples: [
      .init(command: "oneoff kill release-42", purpose: "ask a run to end"),
      .init(command: "oneoff kill -s USR1 release-42", purpose: "send another signal"),
      .init(command: "oneoff kill -s KILL db-1 db-2", purpose: "end two runs at once"),
    ],
    exitStatuses: [
      ExitStatus(status: "0", meaning: "every supervisor has taken the signal"),
      ExitStatus(status: "1", meaning: "one did not get it: no such run, or it is over"),
      .failure,
    ]
  ) { invocation in
    try invocation.forEachRun(of: "kill") { store, id in
      let done: Void? = try store.ask(.signal(invocation.options.signal), of: id) { _ in () }
      guard done != nil else { throw VerbFailure(over: id) }
    }
  }
}
