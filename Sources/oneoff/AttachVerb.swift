import ContainerSpec
import LinuxSystem
import OneOff

/// `oneoff attach`: shows what a recorded run writes from now on, and ends as it does.
enum AttachVerb {
  static let verb = Verb(
    name: "attach",
    summary: "Show what a recorded run writes from now on, and exit with its status",
    operands: "ID", operandCompletion: .nothing,
    details: [
      "Standard output and standard error are those of the command; what it has written before is "
        + "in its log (oneoff logs). Ctrl-C ends attach, and the run goes on: to end that, use "
        + "oneoff kill. Who reads more slowly than the command writes is sent away once 4 MiB "
        + "wait for him: the run is never kept waiting. ID may be the beginning of a name, where "
        + "that is unique."
    ],
    examples: [.init(command: "oneoff attach release-42", purpose: "look at a run in passing")],
    exitStatuses: ExitStatus.ofRun.filter { $0.status != "125" } + [
      ExitStatus(
        status: "125",
        meaning: "there is no such run, it was over, or its output was not read fast enough; also "
          + "when its own status is 125"),
      ExitStatus(status: "137", meaning: "also when its supervisor was killed"),
    ]
  ) { invocation in
    do {
      return try withRun(try invocation.runOperands(of: "attach", atMost: 1)[0], follow)
    } catch var failure as VerbFailure {
      // 1 is what a command may have ended with.
      failure.status = CommandLineTool.failureStatus
      throw failure
    }
  }

  private static func follow(_ store: borrowing RunStore, _ id: RunID) throws -> Int32 {
    let stdout = OutputWriter(1)
    let stderr = OutputWriter(2)
    let sink = OutputSink(stdout: stdout, stderr: stderr, style: .plain)
    let complaint: String?? = try store.ask(.attach, of: id) { connection throws(OneOffError) in
      try connection.follow { bytes, stream in
        sink.received(bytes, on: stream, at: .zero)
        for writer in sink.writers { writer.flushBlocking() }
      }
    }
    for stream in OutputStream.allCases { sink.ended(stream) }
    for writer in sink.writers { writer.flushBlocking() }
    guard let complaint else { throw VerbFailure(over: id) }
    if let complaint {
      Printer.printError("\(complaint)\nhint: oneoff logs -f \(id.text) waits for its reader")
      return CommandLineTool.failureStatus
    }
    guard let result = try store.waitForEnd(of: id) else { throw VerbFailure(noRun: id.text) }
    return result.status
  }
}
