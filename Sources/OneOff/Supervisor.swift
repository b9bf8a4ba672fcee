package import ContainerSpec
import LinuxSystem
import SystemPackage

/// Starts one container in this process and stays with it to the end.
///
/// The process has one thread: the container is a copy of it. Programs with more use
/// ``OneOffContainer``, which starts the `oneoff` program as supervisor.
package struct Supervisor: ~Copyable {
  private let spec: RunSpec
  private let id: RunID
  private let sinks: MaskedSinks
  private let warnings: [RunWarning]
  private let trace: TimingTrace?
  private let started = wallClock()
  private let startedMonotonic = monotonicClock()
  private var log = RunResult.Log()
  private var firstProcessEnd: CommandExit.Way?
  private var sentSignals = SignalSet()
  private var wasToldToEnd = false
  private var blockedCalls: RunResult.BlockedCalls?
  private var limits: RunResult.LimitsInForce?
  private var figures = CgroupFigures()
  private var isScratchFull = false
  private var changes: RunResult.Changes?
  private var exports: [RunResult.Export]?
  private var scratchLost: Bool?
  private var hasExportFailed = false

  /// Signals that go to the command.
  package static let forwardedSignals = [
    Signal.hangUp, Signal.interrupt, Signal.quit, Signal.user1, Signal.user2, Signal.terminate,
  ]

  /// How long streams that somebody outside of the container holds open are waited for.
  static let drainTime = Duration.seconds(1)

  /// Prepares to run a specification, which is checked.
  ///
  /// - Parameter warnings: what the caller should know already.
  /// - Parameter trace: where the time goes; nil when nobody wants to know.
  /// - Throws: ``OneOffError/spec(_:)`` when the specification cannot be used.
  package init(
    _ spec: RunSpec, sinks: [any RunSink], warnings: [RunWarning] = [],
    trace: TimingTrace? = nil
  ) throws(OneOffError) {
    self.id = try OneOffError.wrap {
      try spec.validate()
      return try spec.id ?? .random()
    }
    self.spec = spec
    self.sinks = MaskedSinks(sinks)
    self.warnings = warnings
    self.trace = trace
  }

  /// Runs the command and returns once it has ended and its output was passed on.
  ///
  /// - Parameter control: a descriptor, besides signals, through which the run is ended: when
  ///   nobody holds its other end open any more, the command gets SIGTERM.
  /// - Parameter caller: where input comes from, and which terminal is followed; nil for neither.
  /// - Parameter runControl: through which others have a say in the run; it is one of the sinks.
  /// - Throws: why the command was not executed; the sinks have been told before.
  package consuming func run(
    control: CInt? = nil, caller: CallerSide? = nil, runControl: RunControl? = nil
  ) throws(OneOffError) -> RunResult {
    let sinks = self.sinks
    let id = self.id
    let spec = self.spec
    if !warnings.isEmpty {
      sinks.hideSecrets(of: spec)
      for warning in warnings { sinks.warn(warning) }
    }
    do throws(OneOffError) {
      var result = try supervise(control, caller, runControl)
      // BEFORE the result is told, which counts what could not be passed on.
      result.log.sinks = sinks.closeChannels(hurried: wasToldToEnd)
      result = sinks.finish(id: id, result: result)
      // Whoever was told to end does not wait for readers as long as they like.
      Self.flush(sinks, atMost: wasToldToEnd ? Self.drainTime : nil)
      runControl?.close(atMost: wasToldToEnd ? Self.drainTime : nil)
      return result
    } catch {
      sinks.hideSecrets(of: spec)
      let error = sinks.masked(error)
      var result = setupFailure(error)
      result.log.sinks = sinks.closeChannels(hurried: true)
      _ = sinks.finish(id: id, result: result)
      Self.flush(sinks)
      runControl?.close(atMost: nil)
      throw error
    }
  }

  private mutating func supervise(
    _ control: CInt?, _ caller: CallerSide?, _ runControl: RunControl?
  ) throws(OneOffError) -> RunResult {
    var loop = try OneOffError.wrap {
      try SupervisionLoop(spec, id: id, sinks: sinks, control: control, runControl: runControl)
    }
    trace?.begin("namespaces and layers")
    let launch = try OneOffError.wrap { try Launch(spec, id: id, trace: trace) }
    trace?.begin("start of the command")
    let plan = launch.plan
    limits = launch.limitsInForce
    // AFTER the clone: the container starts meanwhile. BEFORE anything is told.
    sinks.hideSecrets(of: spec)
    for warning in launch.warnings { sinks.warn(warning) }
    let blocked = launch.blockedCalls
    let outcome: SupervisorState.Outcome
    do throws(OneOffError) {
      outcome = try OneOffError.wrap {
        try loop.run(
          launch.container, streams: launch.streams,
          interaction: spec.isInteractive ? Interaction(caller, launch.streams) : nil,
          changeSources: launch.changeSources, blockedCalls: blocked,
          limitsMemory: launch.limits?.memory != nil, trace: trace,
          meter: sinks.wantSamples ? launch.makeMeter() : nil)
      }
    } catch {
      launch.abort()
      throw error
    }
    trace?.begin("clean-up")
    log = loop.log
    firstProcessEnd = loop.firstProcessEnd
    sentSignals = loop.sentSignals
    wasToldToEnd = loop.wasToldToEnd
    blockedCalls = blocked?.report()
    figures = launch.figures()
    isScratchFull = launch.isScratchFull
    changes = loop.changes
    if outcome.isSuccess, let exports = launch.exports {
      takeExports(exports, of: launch)
    } else if let error = launch.findLostWrites() {
      scratchLost = true
      warn(code: "scratch-lost", "the scratch lacks some of what the command wrote", error)
    }
    launch.cleanUp()
    return try result(of: outcome, plan: plan)
  }

  private mutating func takeExports(_ exports: RunExports, of launch: borrowing Launch) {
    let wasToldToEnd = wasToldToEnd
    do {
      try launch.checkScratch()
      self.exports = try exports.make {
        // Nobody else takes signals any more.
        !wasToldToEnd && !takePendingSignal(SupervisorState.endingSignals)
      }
    } catch {
      hasExportFailed = true
      if (error as? ExportError)?.reason == .toldToEnd { self.wasToldToEnd = true }
      warn(code: "export-failed", "nothing was exported", error)
    }
    for leftover in exports.leftovers {
      warn(code: "export-leftover", "not all of an export's making is undone", leftover)
    }
  }

  private func warn(code: String, _ text: String, _ error: any Error) {
    let text = "\(text): \(error)".split(separator: "\n").joined(separator: "; ")
    sinks.warn(RunWarning(code: code, text: text))
  }

  // MARK: Results

  private func result(
    of outcome: SupervisorState.Outcome, plan: LaunchPlan
  ) throws(OneOffError) -> RunResult {
    switch outcome {
    case .failed(let failure): throw .setup(SetupFailure(failure, in: plan))
    case .exited(let exit, let cause):
      guard exit.wasExecuted || cause != .itself else {
        throw .setup(SetupFailure(endBeforeExecution: exit.way, figures))
      }
      return makeResult(
        exit.way, wasExecuted: exit.wasExecuted, cause: cause,
        usage: RunResult.Usage(exit, figures))
    case .lost(let cause, let wasStarted):
      guard wasStarted || cause != .itself else {
        throw .setup(SetupFailure(endBeforeExecution: firstProcessEnd ?? .code(0), figures))
      }
      // The kernel kills what is left of a container whose PID 1 has ended (pid_namespaces(7)).
      return makeResult(
        .signal(Signal.kill), wasExecuted: wasStarted, cause: cause,
        usage: RunResult.Usage(nil, figures))
    }
  }

  private func makeResult(
    _ way: CommandExit.Way, wasExecuted: Bool, cause: SupervisorState.Cause,
    usage: RunResult.Usage?
  ) -> RunResult {
    var result = emptyResult()
    result.usage = usage
    if wasExecuted { result.changes = changes }
    switch way {
    case .code(let code):
      result.status = code
      result.exit = RunResult.Exit(code: code)
      result.reason = .completed
    case .signal(let number):
      result.status = 128 + number
      result.exit = RunResult.Exit(signal: number)
      result.reason = .signaled
      if sentSignals.contains(number) { result.signalBy = "oneoff" }
    }
    result.limitsHit = limitsHit
    if result.signalBy == nil, figures.explains(way) { result.reason = .outOfMemory }
    switch cause {
    case .itself: break
    case .forwarded: result.reason = .cancelled
    case .timeout: result.reason = .timeout
    case .silence: result.reason = .silence
    }
    // Also when the command has ended well in the grace time: it was not done in time.
    if cause == .timeout || cause == .silence { result.status = RunResult.timeoutStatus }
    if !wasExecuted { result.exit = nil }
    result.exports = exports
    result.scratchLost = scratchLost
    if hasExportFailed { result.status = RunResult.exportFailedStatus }
    return result
  }

  /// A scratch that is not full says nothing of the limits that only a cgroup could tell of.
  private var limitsHit: [String]? {
    isScratchFull ? (figures.limitsHit ?? []) + [RunResult.scratchLimit] : figures.limitsHit
  }

  private func setupFailure(_ error: OneOffError) -> RunResult {
    var result = emptyResult()
    result.status = error.exitStatus
    result.error = error.description
    // Only the filter's own refusal of execve(2) comes before the command.
    if result.blockedCalls?.calls.isEmpty ?? true { result.blockedCalls = nil }
    return result
  }

  private func emptyResult() -> RunResult {
    RunResult(
      status: 125, reason: .setupFailed, started: Timestamp.text(started),
      finished: Timestamp.text(wallClock()),
      durationMilliseconds: (monotonicClock() - startedMonotonic).milliseconds,
      limits: limits, log: log,
      blockedCalls: blockedCalls)
  }

  /// Waits until every sink has passed on what it holds, or its reader has taken nothing for the
  /// time. A signal ends this process then, as its default is: the container has ended, and who
  /// reads so slowly must not keep us.
  private static func flush(_ sinks: MaskedSinks, atMost time: Duration? = nil) {
    unblockSignals(forwardedSignals)
    for writer in sinks.writers { writer.flushBlocking(atMost: time) }
  }
}

extension SupervisorState.Outcome {
  /// Whether the command was executed and has succeeded, and nobody has told it to end.
  fileprivate var isSuccess: Bool {
    guard case .exited(let exit, .itself) = self else { return false }
    return exit.wasExecuted && exit.way == .code(0)
  }
}

extension SetupFailure {
  /// A command that was killed while the container was still being set up.
  init(endBeforeExecution way: CommandExit.Way, _ figures: CgroupFigures = CgroupFigures()) {
    let hint =
      if way == .signal(Signal.badSystemCall) || way == .signal(Signal.segmentationFault) {
        "the seccomp profile must allow execve, or no command can be executed"
      } else if figures.explains(way) {
        "its memory did not suffice: give more (--memory, --size)"
      } else {
        "see the kernel's log (dmesg): it may have been out of memory"
      }
    self.init(
      description: """
        the command's process ended \(way.text) before the command was executed
        hint: \(hint)
        """, exitStatus: 125)
  }
}

extension CommandExit.Way {
  /// How a process ended, as the end of a sentence.
  var text: String {
    switch self {
    case .code(let code): "with status \(code)"
    case .signal(let number): "by signal \(number)"
    }
  }
}

extension RunID {
  /// A name that no other run has: 96 random bits.
  package static func random() throws(SpecError) -> RunID {
    let digits = Array("0123456789abcdef".utf8)
    let bytes = randomBytes(12).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return try RunID(String(decoding: bytes, as: UTF8.self))
  }
}

extension Duration {
  /// Whole milliseconds.
  var milliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }

  /// Whole microseconds.
  var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
