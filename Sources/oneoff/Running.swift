import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// How a run in this process ended.
struct PerformedRun {
  /// The exit status that `run` promises.
  var status: Int32
  /// Whether the command was executed.
  var wasExecuted: Bool
  /// Why the status is not the command's own, where oneoff has ended the command: it has been said.
  var sentence: String?
  /// How long it took; nil where that is not known.
  var duration: Duration?
}

/// That a run be recorded, and as what.
struct RecordRequest: Sendable, Codable {
  var kind: RunDescription.Kind
  /// The app whose hook it is.
  var app: String?
  /// The command as its author wrote it.
  var command: [ByteString]
  /// Whether there must be a record, or no run; else there is a warning.
  var isRequired: Bool

  /// Begins the record of a run; nil where there can be none and need not be, of which there is a
  /// warning.
  ///
  /// - Throws: where it must be; and when there is one of that name, which is the caller's mistake.
  fileprivate func begin(
    _ spec: RunSpec, id: RunID, started: String, _ warnings: inout [RunWarning]
  ) throws(OneOffError) -> RecordSink? {
    let description = RunDescription(
      id: id, started: started, kind: kind, app: app, command: command,
      spec: spec)
    do throws(OneOffError) {
      return try RunStore.begin(description)
    } catch {
      guard !isRequired, error != .recordExists(id) else { throw error }
      let text = "the run is not recorded: \(error.sentence)"
      warnings.append(RunWarning(code: "no-record", text: text))
      return nil
    }
  }
}

/// Runs a spec in this process, shows its output, and says what went wrong.
///
/// - Parameters:
///   - name: what a sentence on its end says of it, such as `run`.
///   - request: that it be recorded; nil when not.
///   - policy: what becomes of it when the caller dies; nil when that is not looked for.
///   - absence: what there is of a caller who does not stay; nil when he does.
///   - trace: where the time goes; nil when nobody wants to know.
///   - log: where it is said how a run of a deployment ended; nil for a run that is none.
func performRun(
  _ spec: RunSpec, named name: String, output: RunOutput, record request: RecordRequest? = nil,
  onCallerDeath policy: CallerDeathPolicy? = nil, absence: CallerAbsence? = nil,
  trace: TimingTrace? = nil, log: DeploymentLog? = nil
) throws -> PerformedRun {
  var spec = spec
  var sinks = try output.makeSinks(hasTerminal: spec.terminal != nil)
  var warnings: [RunWarning] = []
  var recordSink: RecordSink?
  let started = request == nil ? "" : Timestamp.text(wallClock())
  if let request {
    let id = try spec.id ?? .random()
    spec.id = id
    recordSink = try request.begin(spec, id: id, started: started, &warnings)
    // First, so that whoever hears of the end finds the result in the record. Who is absent hears
    // of it by the record: there, all the rest comes first.
    if let recordSink { sinks.insert(recordSink, at: absence == nil ? 0 : sinks.endIndex) }
  }
  if let absence { sinks.append(absence.report) }
  // Before the record and everybody: that it cannot be written is in their results.
  if let result = output.result { sinks.insert(ResultSink(result), at: 0) }
  let control = try makeControl(
    of: recordSink == nil ? nil : spec.id, started: started, policy, absence, &warnings)
  // Before the record: see RunControl.
  if let control { sinks.insert(control, at: 0) }
  // Where there was no run, which has said so.
  defer { control?.stopListening() }
  defer {
    if let failure = recordSink?.failure {
      Printer.printError("the result in the run's record was lost: \(failure)")
    }
  }
  do {
    let caller =
      spec.isInteractive
      ? CallerSide(input: control?.inputSource ?? 0, terminal: Caller.terminal) : nil
    let result = try Supervisor(spec, sinks: sinks, warnings: warnings, trace: trace).run(
      caller: caller, runControl: control)
    let endLine = { for case let sink as OutputSink in sinks { sink.endLine() } }
    if let sentence = result.sentence(of: name, under: spec) {
      endLine()
      if let log, result.wasLimited || result.lacksExports {
        log.failure(sentence)
      } else {
        Printer.printError(sentence)
      }
    }
    if let blocked = result.blockedCalls { Printer.printError(blocked.text) }
    for failure in sinks.flatMap(\.writers).compactMap(\.failure) where !failure.isBrokenPipe {
      Printer.printError("output was lost: \(failure)")
    }
    for sink in result.log.sinks {
      if let sentence = sink.sentence { Printer.printError(sentence) }
    }
    return PerformedRun(
      status: result.status, wasExecuted: result.exit != nil,
      sentence: result.wasLimited || result.lacksExports
        ? result.sentence(of: name, under: spec) : nil,
      duration: result.durationMilliseconds.map { .milliseconds($0) })
  } catch let error {
    Printer.printError(error.description)
    return PerformedRun(status: error.exitStatus, wasExecuted: false)
  }
}

/// How others have a say in a run, which goes on also where they can have none; nil where nobody is
/// to have one.
private func makeControl(
  of id: RunID?, started: String, _ policy: CallerDeathPolicy?, _ absence: CallerAbsence?,
  _ warnings: inout [RunWarning]
) throws(OneOffError) -> RunControl? {
  guard id != nil || policy != nil || absence != nil else { return nil }
  let control = try RunControl(
    policy, takesInput: absence?.mayGiveInput == true, starter: absence?.takeStarter())
  guard let id else { return control }
  do throws(OneOffError) {
    try control.listen(for: id, started: started)
  } catch {
    let text = "nobody can attach to the run or kill it: \(error.sentence)"
    warnings.append(RunWarning(code: "no-control", text: text))
  }
  return control
}

extension RunOutput {
  /// What passes the command's output on. With events on standard output nothing else goes there:
  /// every line is in them.
  ///
  /// - Parameter hasTerminal: whether the command has a terminal of its own.
  fileprivate func makeSinks(hasTerminal: Bool) throws -> [any RunSink] {
    var sinks: [any RunSink] = []
    // BEFORE anything else is opened, which could have the number that the caller gave.
    let eventWriter = try events?.open(for: "events")
    if !hasCaller {
      // What the command writes is in the record.
    } else if events != .descriptor(1) {
      let stdout = OutputWriter(1)
      let stderr = OutputWriter(joinsStreams ? 1 : 2)
      // A command with a terminal paints all of it.
      sinks.append(
        OutputSink(
          stdout: stdout, stderr: stderr, style: hasTerminal ? .painted : style,
          stats: hasTerminal && showsStats ? .summary : stats, heartbeat: heartbeat))
    } else if showsStats || heartbeat != nil {
      sinks.append(
        ProgressSink(OutputWriter(2), style: style, showsUsage: showsStats, heartbeat: heartbeat))
    }
    sinks += try self.sinks.makeSinks()
    if let eventWriter { sinks.append(EventSink(eventWriter)) }
    if let changes {
      // Opened as a file, standard output would be emptied, with all that was written before.
      let target = changes == "/dev/stdout" ? EventsTarget.descriptor(1) : .file(changes)
      sinks.append(ChangeListSink(try target.open(for: "changes")))
    }
    return sinks
  }

  /// A line that is drawn again and again takes a terminal that can go back to its beginning.
  private var stats: OutputSink.Stats {
    guard showsStats else { return .nothing }
    let terminal = Caller.environmentValue("TERM") ?? []
    return terminal.isEmpty || terminal.elementsEqual("dumb".utf8) ? .summary : .line
  }
}

extension EventsTarget {
  /// A writer to the target; a file is made, or emptied.
  func open(for contents: String) throws -> OutputWriter {
    switch self {
    case .file(let path):
      // Without .nonBlocking, opening a named pipe would wait for its reader.
      do throws(SystemError) {
        return OutputWriter(
          owning: try OwnedDescriptor(
            opening: path,
            flags: [.writing, .creating, .truncating, .nonBlocking, .notControlling]),
          subject: "of the \(contents) file \(path)")
      } catch {
        var explained = error
        explained.subject = "of the \(contents) file \(path)"
        explained.hint =
          error.errno == .noSuchAddressOrDevice
          ? "nobody reads from that named pipe: start its reader first"
          : "name a file that you may write, in a directory that exists"
        throw explained
      }
    case .descriptor(let number):
      try requireOpen()
      return OutputWriter(number)
    }
  }
}

extension SystemError {
  /// A reader that has seen enough is not worth a word.
  fileprivate var isBrokenPipe: Bool { errno == .brokenPipe }
}

extension RunResult.BlockedCalls {
  /// The calls for people, one a line.
  fileprivate var text: String {
    var lines = [
      calls.isEmpty
        ? "the seccomp policy has blocked no system call of the command"
        : "system calls of the command that the seccomp policy has blocked:"
    ]
    for call in calls {
      let name = call.name ?? "number \(call.number)"
      lines.append("  \(call.count) × \(name), \(call.errno)")
    }
    if otherCount > 0 { lines.append("  \(otherCount) × others") }
    if !isComplete { lines.append("  and those that could not be counted") }
    return lines.joined(separator: "\n")
  }
}
