import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// Does the steps of one deployment, and shows them.
final class DeploymentRunner: DeploymentPerformer {
  private let phases: DeploymentPhases
  private let commands: DeploymentCommands
  /// How the release that is live gets the requests back; nil where none is.
  private let restoration: DeploymentRestoration?
  private let directory: ReleaseDirectory
  private let options: Options
  private let output: RunOutput
  private let log: DeploymentLog
  private let events: DeploymentEvents?
  private let notifier: Notifier?
  private let interruptions: Interruptions
  private let lock: AppLock
  private let started = monotonicClock()

  /// Prepares a deployment.
  ///
  /// - Throws: where the events cannot be written.
  init(
    _ directory: ReleaseDirectory, _ phases: DeploymentPhases, _ commands: DeploymentCommands,
    restoration: DeploymentRestoration?, _ options: Options,
    _ output: RunOutput, _ log: DeploymentLog, _ notifier: Notifier?,
    _ interruptions: Interruptions, _ lock: consuming AppLock
  ) throws {
    self.notifier = notifier
    self.directory = directory
    self.phases = phases
    self.commands = commands
    self.restoration = restoration
    self.options = options
    self.output = output
    self.log = log
    self.events = try output.events.map { DeploymentEvents(try $0.open(for: "events")) }
    self.interruptions = interruptions
    self.lock = lock
  }

  // MARK: What the deployer asks

  var steps: Set<Deployment.Step> {
    let steps = phases.steps.union(commands.steps)
    return restoration == nil ? steps : steps.union([.restore])
  }

  var cancellation: Int32? { interruptions.first }

  func announce(_ step: Deployment.Step, in deployment: inout Deployment) {
    let prepared = step == .release ? phases.release : step == .hook ? phases.hook : nil
    guard let prepared, !isDone(prepared) else { return }
    let run = prepared.record == nil ? nil : prepared.spec.id?.text
    deployment.phases.append(.init(phase: prepared.command.phase.name, run: run))
  }

  func perform(
    _ step: Deployment.Step, of deployment: inout Deployment
  ) -> DeploymentProgress.Failure? {
    defer { log.endSection() }
    do {
      if step.needsRelease { try directory.check() }
      switch step {
      case .release: return try run(phases.release, &deployment)
      case .hook: return try run(phases.hook, &deployment)
      case .ready: return try commands.waitUntilReady(interruptions, log)
      case .boot, .activate, .retire, .abandon:
        return try commands.run(step, deployment, interruptions, lock, log)
      case .current: return nil
      case .restore: return try restoration?.perform(interruptions, lock, log)
      }
    } catch {
      return .init(.impossible, status: CommandLineTool.failureStatus, error.sentence)
    }
  }

  func wentLive(_ deployment: Deployment) { log.step("\(deployment.release) is live") }

  func advanced(_ deployment: Deployment) {
    events?.tell(deployment)
    switch (deployment.state, deployment.step) {
    case (.starting, nil):
      log.step(deployment.title)
      for slip in phases.slips { log.failure(slip) }
      report(deployment, .started)
    case (.starting, _): break
    default:
      for warning in deployment.warnings { log.warning(warning) }
      let time = monotonicClock() - started
      if deployment.state == .success {
        log.step("Deployed \(deployment.release)", after: time)
      } else {
        log.failure(deployment.sentence, after: time)
      }
      report(deployment, .finished)
    }
  }

  private func report(_ deployment: Deployment, _ occasion: DeploymentReport.Occasion) {
    var lines = PendingLines()
    let warnings = notifier?.send(.init(deployment, occasion), interruptions) { bytes in
      for line in lines.take(bytes) { log.output(line) }
    }
    if let rest = lines.end() { log.output(rest) }
    for warning in warnings ?? [] { log.warning(warning) }
  }

  // MARK: Phases

  private func run(
    _ prepared: PreparedHook?, _ deployment: inout Deployment
  ) throws -> DeploymentProgress.Failure? {
    guard let prepared else { return nil }
    if isDone(prepared) {
      log.step("\(prepared.name) has already succeeded for \(deployment.release)")
      return nil
    }
    if let note = prepared.command.note { log.step(note) }
    log.beginSection(prepared.command.step)
    let began = monotonicClock()
    let process = HookProcess(prepared, output: output(of: prepared))
    let end = try process.run(interruptions, lock: lock, events: events?.descriptor)
    deployment.phases[deployment.phases.endIndex - 1].status = end.status
    log.endSection()
    guard end.status != 0 else {
      log.step("\(prepared.name) succeeded", after: monotonicClock() - began)
      return nil
    }
    let message =
      end.sentence
      ?? (end.wasExecuted
        ? "\(prepared.name) failed with status \(end.status)"
        : "\(prepared.name) could not be started")
    return .init(.failed, status: end.status, message)
  }

  /// Whether a phase is left out, because it has succeeded before.
  private func isDone(_ prepared: PreparedHook) -> Bool {
    options.deploy.isOnce && phases.isDone(prepared.command.phase.name)
  }

  /// Of the phases, the last one's result and changes are kept where they were asked for.
  private func output(of prepared: PreparedHook) -> RunOutput {
    var output = output
    output.sinks.process = "\(prepared.command.phase.name).1"
    if prepared.command.phase == .release {
      output.result = nil
      output.changes = nil
    }
    return output
  }
}

extension Deployment.Step {
  /// Whether it is done with the release, which then must be the one that was looked at.
  fileprivate var needsRelease: Bool { ![.retire, .restore, .abandon].contains(self) }
}

extension Deployment {
  /// What is about to be done.
  fileprivate var title: String {
    let what =
      switch reason {
      case .deploy: "Deploying \(release)"
      case .retry: "Deploying \(release) again, attempt \(attempt),"
      case .rollback: "Going back to \(release)"
      }
    return "\(what) of \(app) (deployment \(number))"
  }

  /// Why it is over without success.
  fileprivate var sentence: String {
    let live = previous.map { "\($0) stays live" } ?? "nothing is live"
    return "\(release) was not deployed (\(state.rawValue)): \(message ?? "it failed"); \(live)"
  }
}

/// The events of a deployment: a JSON object a line, between which stand those of its hooks.
final class DeploymentEvents {
  private struct Event: Encodable {
    let version = 1
    let event = "deployment"
    let time: String
    let deployment: Deployment

    enum CodingKeys: String, CodingKey {
      case version = "v"
      case event, time, deployment
    }
  }

  private let writer: OutputWriter

  init(_ writer: OutputWriter) { self.writer = writer }

  /// The open file of the events, for whoever writes more of them; nil for standard output.
  var descriptor: Int32? { writer.descriptor == 1 ? nil : writer.descriptor }

  /// Writes where a deployment is. A reader that is gone is no reason to end it.
  func tell(_ deployment: Deployment) {
    writer.write(
      StoredJSON.text(Event(time: Timestamp.text(wallClock()), deployment: deployment))[...])
    writer.flushBlocking()
  }
}
