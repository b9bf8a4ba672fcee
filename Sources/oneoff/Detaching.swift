import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// A run that goes on without whoever has started it, as it is handed to its supervisor.
struct DetachedRun: Sendable, Codable {
  private var spec: RunSpec
  private var name: String
  private var record: RecordRequest
  private var output: RunOutput
  /// Whether whoever starts it is attached from its beginning.
  private var isAttended = false

  /// Takes what ``performRun(_:named:output:record:onCallerDeath:absence:)`` would do.
  ///
  /// - Throws: ``SpecError`` when the specification cannot be used; ENOENT when a path that is used
  ///   at the end is relative to a directory that is gone.
  init(
    _ spec: RunSpec, named name: String, output: RunOutput, record: RecordRequest
  ) throws {
    try spec.validate()
    self.spec = spec
    self.name = name
    self.record = record
    self.record.isRequired = true
    self.output = try output.withoutCaller()
  }

  /// Starts the supervisor, waits until the command runs, and prints the run's id.
  ///
  /// - Returns: the exit status: 0, or that of a run that has not begun.
  consuming func start() throws -> Int32 {
    let id = try spec.id ?? .random()
    spec.id = id
    let process = try makeProcess()
    let status = try Self.waitForStart(of: process, id).status
    if status == 0 { try Printer.print("\(id.text)\n") }
    return status
  }

  /// Starts the supervisor, and is attached to the run until its end, or until the keys are typed.
  ///
  /// - Returns: the exit status: the run's own, or 0 where it was left.
  consuming func attend(_ keys: DetachKeys) throws -> Int32 {
    let id = try spec.id ?? .random()
    spec.id = id
    isAttended = true
    var process = try makeProcess()
    let (status, warnings) = try Self.waitForStart(of: process, id)
    guard status == 0, let socket = process.takeConnection() else { return status }
    let connection = RunConnection(
      toStarted: socket, takesInput: spec.standardInput == .caller)
    guard let store = try RunStore.find() else { throw VerbFailure(noRun: id.text) }
    return try AttachVerb.attend(connection, id, spec, keys, store, toldWarnings: warnings)
  }

  /// This very program, whatever has become of its file.
  private func makeProcess() throws -> DetachedProcess {
    try DetachedProcess(
      "/proc/self/exe", arguments: ["oneoff", SuperviseVerb.verb.name, "--detach"],
      input: StoredJSON.text(self), connected: isAttended)
  }

  private static func waitForStart(
    of process: borrowing DetachedProcess, _ id: RunID
  ) throws -> (status: Int32, warnings: Int) {
    var outcome: StartNews?
    var warnings = 0
    try process.readReports { line in
      switch StartNews(parsing: line) {
      case .warning(let text):
        Printer.printError("warning: \(text)")
        warnings += 1
      case .started: outcome = .started
      case .failed(let status, let error): outcome = .failed(status: status, error: error)
      case nil: break
      }
      return outcome == nil
    }
    switch outcome {
    case .started: return (0, warnings)
    case .failed(let status, let error):
      Printer.printError(error)
      return (status, warnings)
    case .warning, nil:
      throw SpecError(
        "the supervisor of the run \(id.text) was killed before the command was executed",
        remedy: "see the kernel's log (dmesg): the machine may be out of memory")
    }
  }

  /// Supervises the run that this process was started for.
  static func supervise() throws -> Int32 {
    let specification = OwnedDescriptor(owning: 3)
    let report = StartReport(OutputWriter(owning: OwnedDescriptor(owning: 4)))
    do {
      let text = try specification.readAll(limit: 16 << 20, subject: "of the specification")
      specification.closeNow()
      guard let run = StoredJSON.value(DetachedRun.self, of: text) else {
        throw SpecError(
          "the specification on descriptor 3 cannot be read",
          remedy: "this verb is for oneoff itself; people use oneoff run --detach")
      }
      return try run.perform(report)
    } catch {
      report.fail(status: CommandLineTool.failureStatus, error: "\(error)")
      return CommandLineTool.failureStatus
    }
  }

  private func perform(_ report: StartReport) throws -> Int32 {
    let absence = CallerAbsence(
      report, mayGiveInput: spec.standardInput == .caller,
      starter: isAttended ? OwnedDescriptor(owning: 5) : nil)
    let done = try performRun(
      spec, named: name, output: output, record: record, absence: absence)
    // Where it has ended before anything was told.
    report.fail(status: done.status, error: "the run could not be begun")
    return done.status
  }
}

/// What there is of a caller who does not stay.
final class CallerAbsence {
  /// Tells him how the run's start went.
  let report: StartReport
  /// Whether the command's input comes from who is attached.
  let mayGiveInput: Bool
  private var starter: OwnedDescriptor?

  init(_ report: StartReport, mayGiveInput: Bool, starter: consuming OwnedDescriptor?) {
    self.report = report
    self.mayGiveInput = mayGiveInput
    self.starter = starter
  }

  /// The connection of him who is attached from the beginning, to be taken once.
  func takeStarter() -> OwnedDescriptor? { starter.take() }
}

extension Invocation {
  /// Checks that what is asked for can be had without the caller, if it is to be.
  ///
  /// - Throws: ``SpecError`` for what takes a caller who stays.
  func checkDetaching() throws(SpecError) {
    if options.detachKeys != nil, !options.run.passesInput || !options.run.hasTerminal {
      throw SpecError(
        "--detach-keys are typed at a terminal, which the run does not have",
        remedy: "add -it, or leave --detach-keys out")
    }
    if options.isDetached, options.detachKeys != nil {
      throw SpecError(
        "--detach and --detach-keys exclude each other: nobody types",
        remedy: "give the keys to oneoff attach")
    }
    guard options.isDetached || options.detachKeys != nil else { return }
    let own = options.isDetached ? "--detach" : "--detach-keys"
    if case .descriptor = options.run.events {
      throw SpecError(
        "\(own) and --events to a descriptor exclude each other: it is the caller's, who leaves",
        remedy: "name a file: --events FILE")
    }
    if options.run.timing != nil {
      throw SpecError(
        "\(own) and --trace-timing exclude each other: it is written by whoever stays",
        remedy: "leave one of them out")
    }
    if options.run.showsStats {
      throw SpecError(
        "\(own) and --stats exclude each other: nobody looks",
        remedy: "leave --stats out; oneoff inspect shows what the run has used")
    }
    if options.record.isUnwanted {
      throw SpecError(
        "\(own) and --no-record exclude each other: nobody would learn how the run ends",
        remedy: "leave one of them out")
    }
    if options.callerDeath == .kill {
      throw SpecError(
        "\(own) and --on-caller-death kill exclude each other: the caller leaves at once",
        remedy: "leave one of them out")
    }
  }
}
