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
  /// Whether oneoff has said why the status is not the command's own.
  var isExplained = false
}

/// Runs a spec in this process, shows its output, and says what went wrong.
///
/// - Parameter name: what a sentence on its end says of it, such as `run`.
func performRun(_ spec: RunSpec, named name: String, output: RunOutput) throws -> PerformedRun {
  let resultSink = output.result.map(ResultSink.init)
  defer {
    if let failure = resultSink?.failure { Printer.printError("the result was lost: \(failure)") }
  }
  let sinks = try output.makeSinks() + (resultSink.map { [$0 as any RunSink] } ?? [])
  do {
    let result = try Supervisor(spec, sinks: sinks).run()
    if let sentence = result.sentence(of: name, under: spec) {
      output.printEnd(sentence, isOfDeployment: result.wasLimited || result.lacksExports)
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
      isExplained: result.wasLimited || result.lacksExports)
  } catch let error {
    Printer.printError(error.description)
    return PerformedRun(status: error.exitStatus, wasExecuted: false)
  }
}

extension RunOutput {
  /// What passes the command's output on. With events on standard output nothing else goes there:
  /// every line is in them.
  fileprivate func makeSinks() throws -> [any RunSink] {
    var sinks: [any RunSink] = []
    // BEFORE anything else is opened, which could have the number that the caller gave.
    let eventWriter = try events?.open(for: "events")
    if events != .descriptor(1) {
      let stdout = OutputWriter(1)
      let stderr = OutputWriter(2)
      sinks.append(OutputSink(stdout: stdout, stderr: stderr, style: style, stats: stats))
    } else if showsStats {
      sinks.append(UsageSink(OutputWriter(2), style: style))
    }
    sinks += try self.sinks.makeSinks()
    if let eventWriter { sinks.append(EventSink(eventWriter)) }
    if let changes {
      sinks.append(ChangeListSink(try EventsTarget.file(changes).open(for: "changes")))
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
  fileprivate func open(for contents: String) throws -> OutputWriter {
    switch self {
    case .file(let path):
      // Without .nonBlocking, opening a named pipe would wait for its reader.
      do throws(SystemError) {
        return OutputWriter(
          owning: try OwnedDescriptor(
            opening: path, flags: [.writing, .creating, .truncating, .nonBlocking]))
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
      guard isOpenForWriting(number) else {
        throw SpecError(
          "--events: descriptor \(number) is not open for writing",
          remedy:
            "open it for oneoff, as in: oneoff run --events \(number) … \(number)>events.json"
        )
      }
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
