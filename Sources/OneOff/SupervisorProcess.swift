import ContainerSpec
import FoundationEssentials
import LinuxSystem
import SystemPackage

// The two ends of the channel between a library's process and the `oneoff` program that supervises
// a run for it. The program's descriptors: 0 control (a byte is a signal for the command, the end
// ends the run), 1 events, 2 the caller's own, 3 the specification as JSON.

/// The `oneoff` program as supervisor of one run, seen from the process that has started it.
final class SupervisorProcess: Sendable {
  private let child: SpawnedProcess

  /// Starts the program and hands it the specification.
  init(program: FilePath, spec: RunSpec) throws(OneOffError) {
    self.child = try OneOffError.wrap {
      try SpawnedProcess(
        program, arguments: ["oneoff", "supervise"], input: Array(JSONEncoder().encode(spec)))
    }
  }

  /// Asks for the end of the run.
  func end() { child.closeControl() }

  /// Hands on every event, and returns once the run is over.
  func follow(_ handle: (RunEvent) -> Void) throws(OneOffError) -> RunResult {
    var result: RunResult?
    let end = try OneOffError.wrap {
      try child.readLines { line in
        guard let event = try? EventDecoder.decode(line) else { return }
        handle(event)
        if case .finished(_, let finished) = event { result = finished }
      }
    }
    guard let result else {
      throw .supervisor(
        "the supervisor ended \(end.text) before it had told how the run ended\n"
          + "hint: the container has ended with it; see standard error and the kernel's log")
    }
    if let error = result.error {
      throw .setup(SetupFailure(description: error, exitStatus: result.status))
    }
    return result
  }
}

/// Supervises a run for the process that has started this one; returns the exit status.
///
/// - Throws: when what came over the descriptors cannot be understood.
package func superviseForCaller() throws -> Int32 {
  let specification = OwnedDescriptor(owning: 3)
  let text = try specification.readAll(limit: 16 << 20, subject: "of the specification")
  specification.closeNow()
  let spec: RunSpec
  do {
    spec = try JSONDecoder().decode(RunSpec.self, from: Data(text))
  } catch {
    throw SpecError(
      "the specification on descriptor 3 cannot be read: \(error)",
      remedy: "this verb is for OneOffContainer; people use oneoff run")
  }
  let control: CInt = 0
  let events: CInt = 1
  let supervisor = try Supervisor(spec, sinks: [EventSink(OutputWriter(events))])
  do {
    return try supervisor.run(control: control).status
  } catch {
    // The caller has it as the last event.
    return error.exitStatus
  }
}

/// Reads the lines that ``EventSink`` writes.
enum EventDecoder {
  private struct Line: Decodable {
    var event: String
    var id: RunID?
    var time: String?
    var pid: Int32?
    var seq: UInt64?
    var stream: OutputStream?
    var text: String?
    var base64: String?
    var partial: Bool?
    var code: String?
    var result: RunResult?
  }

  /// The event of a line; nil for one that this version does not know.
  static func decode(_ line: ArraySlice<UInt8>) throws -> RunEvent? {
    let line = try JSONDecoder().decode(Line.self, from: Data(line))
    switch line.event {
    case "started":
      guard let id = line.id, let time = line.time, let pid = line.pid else { return nil }
      return .started(id: id, time: time, pid: pid)
    case "log":
      guard let sequence = line.seq, let time = line.time, let stream = line.stream else {
        return nil
      }
      let bytes = line.text.map { Array($0.utf8) } ?? decodeBase64(line.base64)
      return .log(
        LogLine(
          sequence: sequence, time: time, stream: stream, bytes: bytes,
          isPartial: line.partial ?? false))
    case "warning": return .warning(RunWarning(code: line.code ?? "", text: line.text ?? ""))
    case "finished":
      guard let id = line.id, let result = line.result else { return nil }
      return .finished(id: id, result)
    default: return nil
    }
  }

  private static func decodeBase64(_ text: String?) -> [UInt8] {
    text.flatMap { Data(base64Encoded: $0) }.map { Array($0) } ?? []
  }
}
