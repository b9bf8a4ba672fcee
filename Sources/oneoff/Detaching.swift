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

  /// Takes what ``performRun(_:named:output:record:onCallerDeath:)`` would do.
  ///
  /// - Throws: ENOENT when a path that is used at the end is relative to a directory that is gone.
  init(
    _ spec: RunSpec, named name: String, output: RunOutput, record: RecordRequest
  ) throws {
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
    // This very program, whatever has become of its file.
    let process = try DetachedProcess(
      "/proc/self/exe", arguments: ["oneoff", SuperviseVerb.verb.name, "--detach"],
      input: StoredJSON.text(self))
    var outcome: StartNews?
    try process.readReports { line in
      switch StartNews(parsing: line) {
      case .warning(let text): Printer.printError("warning: \(text)")
      case .started: outcome = .started
      case .failed(let status, let error): outcome = .failed(status: status, error: error)
      case nil: break
      }
      return outcome == nil
    }
    switch outcome {
    case .started:
      try Printer.print("\(id.text)\n")
      return 0
    case .failed(let status, let error):
      Printer.printError(error)
      return status
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
    let text = try specification.readAll(limit: 16 << 20, subject: "of the specification")
    specification.closeNow()
    guard let run = StoredJSON.value(DetachedRun.self, of: text) else {
      throw SpecError(
        "the specification on descriptor 3 cannot be read",
        remedy: "this verb is for oneoff itself; people use oneoff run --detach")
    }
    do {
      return try performRun(
        run.spec, named: run.name, output: run.output, record: run.record, report: report
      ).status
    } catch {
      report.fail(status: CommandLineTool.failureStatus, error: "\(error)")
      return CommandLineTool.failureStatus
    }
  }
}

extension Invocation {
  /// Checks that what is asked for can be had without the caller, if it is to be.
  ///
  /// - Throws: ``SpecError`` for what takes a caller who stays.
  func checkDetaching() throws(SpecError) {
    guard options.isDetached else { return }
    if case .descriptor = options.run.events {
      throw SpecError(
        "--detach and --events to a descriptor exclude each other: it is the caller's, who leaves",
        remedy: "name a file: --events FILE")
    }
    if options.run.showsStats {
      throw SpecError(
        "--detach and --stats exclude each other: nobody looks",
        remedy: "leave --stats out; oneoff inspect shows what the run has used")
    }
    if options.record.isUnwanted {
      throw SpecError(
        "--detach and --no-record exclude each other: nobody would learn how the run ends",
        remedy: "leave one of them out")
    }
    if options.callerDeath == .kill {
      throw SpecError(
        "--detach and --on-caller-death kill exclude each other: the caller leaves at once",
        remedy: "leave one of them out")
    }
  }
}
