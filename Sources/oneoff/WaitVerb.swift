import ContainerSpec
import OneOff

/// `oneoff wait`: waits for recorded runs, and ends as they have.
enum WaitVerb {
  static let verb = Verb(
    name: "wait",
    summary: "Wait for the end of recorded runs, and exit with the status of the first that failed",
    operands: "ID…", operandCompletion: .nothing,
    details: [
      "A run is named as oneoff ps lists it, or by the beginning of its name where that is unique. "
        + "One that is over is not waited for. Of several, the first in the order of the operands "
        + "whose status is not 0 decides; all of them are waited for."
    ],
    examples: [
      .init(command: "oneoff wait release-42", purpose: "and exit as that run did"),
      .init(
        command: "oneoff wait db-1 db-2 && echo both went well", purpose: "wait for two runs"),
    ],
    exitStatuses: ExitStatus.ofRun.filter { $0.status != "125" } + [
      ExitStatus(status: "125", meaning: "there is no such run; also when its own status is 125"),
      ExitStatus(status: "137", meaning: "also when its supervisor was killed"),
    ]
  ) { invocation in
    let operands = try invocation.runOperands(of: "wait")
    do {
      // All of them must be there before one is waited for.
      let ids = try operands.map { try withRun($0) { $1 } }
      var status: Int32 = 0
      for id in ids {
        let own = try withRun(ByteString(id.text)) { store, id in
          guard let result = try store.waitForEnd(of: id) else { throw VerbFailure(noRun: id.text) }
          return result.status
        }
        if status == 0 { status = own }
      }
      return status
    } catch var failure as VerbFailure {
      // 1 is what a command may have ended with.
      failure.status = CommandLineTool.failureStatus
      throw failure
    }
  }
}
