import ContainerSpec
import OneOff

/// An answer that is no failure of oneoff's own, and has an exit status.
struct VerbFailure: Error, Sendable {
  /// The exit status.
  var status: Int32 = 1
  /// What is to be said.
  let error: SpecError

  /// Something has come between.
  init(_ text: String, remedy: String, status: Int32) {
    self.status = status
    error = SpecError(text, remedy: remedy)
  }

  /// There is no such run.
  init(noRun name: String) {
    error = SpecError(
      "there is no record of a run \(String(quoting: name))",
      remedy: "oneoff ps --all lists the runs; a run is recorded with --record or --name")
  }

  /// The run is over, and what was asked for is for those that are alive.
  init(over id: RunID) {
    error = SpecError(
      "the run \(id.text) is over",
      remedy: "oneoff inspect \(id.text) shows how it ended, and oneoff logs what it wrote")
  }

  /// The run is alive, and what was asked for is for those that are over.
  init(alive id: RunID) {
    error = SpecError(
      "the run \(id.text) is alive: its record stays",
      remedy: "end it first: oneoff kill \(id.text)")
  }
}

extension VerbFailure: CustomStringConvertible {
  var description: String { error.description }
}

/// Does something with the recorded run that an operand names, whole or by a unique beginning.
///
/// - Throws: ``VerbFailure`` where there is none; ``SpecError`` where there are several.
func withRun<Value>(
  _ operand: ByteString, _ body: (borrowing RunStore, RunID) throws -> Value
) throws -> Value {
  let name = try RunID(operand.description)
  guard let store = try RunStore.find() else { throw VerbFailure(noRun: name.text) }
  switch try store.find(name) {
  case .found(let id): return try body(store, id)
  case .missing: throw VerbFailure(noRun: name.text)
  case .ambiguous(let ids):
    throw SpecError(
      "\(String(quoting: name.text)) is the beginning of more than one run's name",
      remedy: "write more of it: \(ids.map(\.text).joined(separator: ", "))")
  }
}

extension Invocation {
  /// The operands, of which there must be one at least, and at most so many.
  ///
  /// - Throws: ``SpecError`` when there are not.
  func runOperands(of verb: String, atMost limit: Int = .max) throws(SpecError) -> [ByteString] {
    guard !operands.isEmpty, operands.count <= limit else {
      throw SpecError(
        operands.isEmpty
          ? "oneoff \(verb) needs the name of a run"
          : "oneoff \(verb) takes \(limit) name, but got \(operands.count)",
        remedy: "oneoff ps --all lists them; see oneoff \(verb) --help")
    }
    return operands
  }

  /// Does something with each of the runs that the operands name. What goes wrong with one is said,
  /// and the others have their turn.
  ///
  /// - Returns: the exit status: 0, or the highest of those that have gone wrong.
  func forEachRun(
    of verb: String, _ body: (borrowing RunStore, RunID) throws -> Void
  ) throws(SpecError) -> Int32 {
    var status: Int32 = 0
    for operand in try runOperands(of: verb) {
      do {
        try withRun(operand, body)
      } catch {
        Printer.printError("\(error)")
        let own = (error as? VerbFailure)?.status ?? CommandLineTool.failureStatus
        status = max(status, own)
      }
    }
    return status
  }
}
