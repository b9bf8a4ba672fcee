import ContainerSpec
import LinuxSystem
import OneOff

/// `oneoff attach`: shows what a recorded run writes from now on, and ends as it does.
enum AttachVerb {
  static let verb = Verb(
    name: "attach",
    summary: "Show what a recorded run writes from now on, give it input, and exit as it does",
    operands: "ID", operandCompletion: .nothing,
    details: [
      "Standard output and standard error are those of the command; what it has written before is "
        + "in its log (oneoff logs). A run that was started with --detach and -i gets its input "
        + "from here, from one caller at a time; its end is that of the command's. A run with a "
        + "terminal (-t) takes yours: every key is for the command, but those of --detach-keys, "
        + "with which you leave.",
      "Without a terminal Ctrl-C ends attach, and the run goes on: to end that, use oneoff kill. "
        + "Who only looks, and reads more slowly than the command writes, is sent away once 4 MiB "
        + "wait for him. The command waits for nobody but who gives its input. ID may be the "
        + "beginning of a name, where that is unique.",
    ],
    groups: [.attachment],
    examples: [
      .init(command: "oneoff attach release-42", purpose: "look at a run in passing"),
      .init(
        command: "oneoff run -d -it --name console --rootfs /srv/image -- bash && "
          + "oneoff attach console",
        purpose: "a shell that is still there after Ctrl-P Ctrl-Q, or a lost connection"),
    ],
    exitStatuses: [ExitStatus(status: "0", meaning: "also when you have left the run")]
      + ExitStatus.ofRun.filter { $0.status != "125" } + [
        ExitStatus(
          status: "125",
          meaning:
            "there is no such run, it was over, or its output was not read fast enough; also "
            + "when its own status is 125"),
        ExitStatus(status: "137", meaning: "also when its supervisor was killed"),
      ]
  ) { invocation in
    do {
      return try withRun(try invocation.runOperands(of: "attach", atMost: 1)[0]) { store, id in
        try attach(store, id, invocation.options)
      }
    } catch var failure as VerbFailure {
      // 1 is what a command may have ended with.
      failure.status = CommandLineTool.failureStatus
      throw failure
    }
  }

  private static func attach(
    _ store: borrowing RunStore, _ id: RunID, _ options: Options
  ) throws -> Int32 {
    guard let run = try store.read(id) else { throw VerbFailure(noRun: id.text) }
    let spec = run.description.spec
    let wantsInput = options.givesInput && spec.standardInput == .caller
    let status = try store.ask(.attach(givingInput: wantsInput), of: id) {
      connection throws(OneOffError) in
      if wantsInput, !connection.takesInput {
        Printer.printError(
          "the run's input comes from somebody else, or is at its end: this is its output alone")
      }
      return try attend(connection, id, spec, options.detachKeys ?? .usual, store)
    }
    guard let status else { throw VerbFailure(over: id) }
    return status
  }

  /// Stays with a run to its end, or until whoever sits here leaves.
  ///
  /// - Parameter toldWarnings: how many of the run's warnings, the first ones, are told already.
  /// - Returns: the run's status, or 0 where it was left.
  static func attend(
    _ connection: consuming RunConnection, _ id: RunID, _ spec: RunSpec, _ keys: DetachKeys,
    _ store: borrowing RunStore, toldWarnings: Int = 0
  ) throws(OneOffError) -> Int32 {
    let hasTerminal = spec.terminal != nil
    let sink = OutputSink(
      stdout: OutputWriter(1), stderr: OutputWriter(2), style: hasTerminal ? .painted : .plain)
    let attachment = try Attachment(
      connection, CallerSide(input: 0, terminal: Caller.terminal), hasTerminal: hasTerminal,
      detachKeys: keys, sink: sink)
    switch try attachment.run() {
    case .left:
      Printer.printError("the run \(id.text) goes on\nhint: oneoff attach \(id.text)")
      return 0
    case .dropped(let complaint):
      Printer.printError("\(complaint)\nhint: oneoff logs -f \(id.text) waits for its reader")
      return CommandLineTool.failureStatus
    case .over: return try end(of: id, spec, store, toldWarnings)
    case .cut:
      let status = try end(of: id, spec, store, toldWarnings)
      guard case .ended = try store.read(id)?.state else { return status }
      Printer.printError(
        "the end of the output was not read in time\nhint: oneoff logs \(id.text) has all of it")
      return CommandLineTool.failureStatus
    }
  }

  /// Says how the run has ended, and what there was to warn of; returns its status.
  private static func end(
    of id: RunID, _ spec: RunSpec, _ store: borrowing RunStore, _ toldWarnings: Int
  ) throws(OneOffError) -> Int32 {
    guard let result = try store.waitForEnd(of: id) else {
      throw .supervisor("the record of the run \(id.text) was removed")
    }
    for warning in result.warnings.dropFirst(toldWarnings) {
      Printer.printError("warning: \(warning.text)")
    }
    if let sentence = result.sentence(of: "run", under: spec) { Printer.printError(sentence) }
    return result.status
  }
}
