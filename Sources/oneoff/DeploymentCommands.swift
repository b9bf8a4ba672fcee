import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// The platform's commands of a deployment, which run on the host.
struct DeploymentCommands {
  private let options: DeployOptions
  private let variables: [EnvironmentVariable]
  private let retires: Bool
  /// Where they run; nil for the working directory of this process.
  private var workingDirectory: FilePath?

  /// Takes the commands of a deployment that is over.
  ///
  /// - Parameter previous: where the release is that was live before it; nil when there is none.
  /// - Throws: ``SpecError`` where the file of options that it names is no good any more.
  init(of entry: DeploymentHistory.Entry, previous: FilePath?) throws {
    try self.init(
      DeployVerb.options(of: entry), entry.deployment,
      directory: FilePath(entry.releaseDirectory), previous: previous)
    self.workingDirectory = FilePath(entry.workingDirectory)
  }

  /// Takes the commands that the options name.
  ///
  /// - Parameter previous: where the release is that was live before; nil when there is none.
  init(
    _ options: Options, _ deployment: Deployment, directory: FilePath, previous: FilePath?
  ) throws {
    self.options = options.deploy
    // What is deployed once more is not ended after that.
    self.retires = deployment.previous != nil && deployment.previous != deployment.release
    let values: [(String, String?)] = [
      ("ONEOFF_APP", deployment.app), ("ONEOFF_RELEASE", deployment.release),
      ("ONEOFF_APP_DIR", directory.string), ("ONEOFF_ROOTFS", options.run.rootfs?.string),
      ("ONEOFF_DEPLOYMENT", "\(deployment.number)"), ("ONEOFF_REASON", deployment.reason.rawValue),
      ("ONEOFF_ATTEMPT", "\(deployment.attempt)"),
      ("ONEOFF_PREVIOUS_VERSION", deployment.previous),
      ("ONEOFF_PREVIOUS_APP_DIR", previous?.string),
    ]
    var variables: [EnvironmentVariable] = []
    for (name, value) in values {
      variables.append(
        try EnvironmentVariable(name: name, value: ByteString(value ?? "", subject: name)))
    }
    self.variables = variables
  }

  /// The steps that there are.
  var steps: Set<Deployment.Step> {
    var steps = Set(Deployment.Step.allCases.filter { command(of: $0) != nil })
    if options.readiness != nil { steps.insert(.ready) }
    if !retires { steps.remove(.retire) }
    return steps
  }

  private func command(of step: Deployment.Step) -> ByteString? {
    switch step {
    case .boot: options.boot
    case .activate: options.activate
    case .retire: options.retire
    case .abandon: options.abandon
    case .release, .ready, .hook, .current, .restore: nil
    }
  }

  /// Runs the command of a step; returns why it has failed, or nil.
  ///
  /// - Parameter title: what the log says of it; nil for the usual.
  /// - Throws: what starting the host's shell refuses.
  func run(
    _ step: Deployment.Step, _ deployment: Deployment, _ interruptions: Interruptions,
    _ lock: borrowing AppLock, _ log: DeploymentLog, as title: String? = nil
  ) throws -> DeploymentProgress.Failure? {
    guard let text = command(of: step) else { return nil }
    var here: FilePath?
    if let workingDirectory {
      here = try LinuxSystem.workingDirectory()
      try enterKeptDirectory(workingDirectory)
    }
    defer {
      // It was there a moment ago; what is left to do has absolute paths where it is gone now.
      if let here { try? enterWorkingDirectory(here) }
    }
    log.beginSection("\(title ?? Self.title(of: step, deployment)): \(text)")
    var command = HostCommand(
      text, variables: variables, timeout: options.commandTimeout, grace: DeployOptions.grace)
    command.variables.append(
      try EnvironmentVariable(name: "ONEOFF_STEP", value: ByteString(step.rawValue)))
    var lines = PendingLines()
    let end = try command.run(
      interruptions, holding: lock.file.number, heartbeat: heartbeat(log)
    ) { bytes in
      for line in lines.take(bytes) { log.output(line) }
    }
    if let rest = lines.end() { log.output(rest) }
    let what = "--\(step.rawValue)"
    switch end {
    case .ended(.code(0)): return nil
    case .ended(let way):
      return .init(.failed, status: way.status, "\(what) failed: status \(way.status)")
    case .cancelled(_, .code(0)): return nil
    case .cancelled(let signal, _):
      return .init(
        .failed, status: 128 + signal, "\(what) was ended by \(Signal.name(signal))")
    case .timedOut:
      let limit = options.commandTimeout.map { " \($0.shortText)" } ?? ""
      return .init(
        .timedOut, status: Self.timeoutStatus, "\(what) took longer than\(limit)")
    }
  }

  /// Waits until the new version is ready; returns why it is not, or nil.
  ///
  /// - Throws: what cannot be tried.
  func waitUntilReady(
    _ interruptions: Interruptions, _ log: DeploymentLog
  ) throws -> DeploymentProgress.Failure? {
    guard let readiness = options.readiness else { return nil }
    log.beginSection("Waiting until it is ready: \(readiness.text)")
    let wait = ReadinessWait(
      readiness, timeout: options.readyTimeout, variables: variables, heartbeat: heartbeat(log))
    switch try wait.wait(interruptions) {
    case .ready: return nil
    case .timedOut(let fault):
      return .init(
        .timedOut, status: Self.timeoutStatus,
        "it was not ready after \(options.readyTimeout.shortText): \(fault)")
    case .cancelled:
      return .init(.failed, status: CommandLineTool.failureStatus, "it was told to end")
    }
  }

  private static let timeoutStatus: Int32 = 124

  private func heartbeat(_ log: DeploymentLog) -> AttendedProcess.Heartbeat? {
    log.heartbeat.map { .init($0) { log.stillRunning(after: $0) } }
  }

  private static func title(of step: Deployment.Step, _ deployment: Deployment) -> String {
    switch step {
    case .boot: "Starting \(deployment.release)"
    case .activate: "Activating \(deployment.release)"
    case .retire: "Ending \(deployment.previous ?? "the old version")"
    case .abandon: "Ending \(deployment.release), which did not go live"
    case .release, .ready, .hook, .current, .restore: step.rawValue
    }
  }
}

/// Enters the directory where a deployment was called. Where it is gone, as CI's are, paths that do
/// not need it can be used all the same.
///
/// - Throws: EACCES. See chdir(2).
func enterKeptDirectory(_ path: FilePath) throws(SystemError) {
  do throws(SystemError) {
    try enterWorkingDirectory(path)
  } catch let error where error.errno == .noSuchFileOrDirectory {
    try enterWorkingDirectory("/")
  }
}
