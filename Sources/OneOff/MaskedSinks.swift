import ContainerSpec
import LinuxSystem

/// Everybody who listens to a run. Whatever the run tells goes through here and nowhere else, so
/// that no sink ever gets a secret.
final class MaskedSinks {
  private let sinks: [any RunSink]
  /// What the sinks write through.
  let writers: [OutputWriter]
  /// What the sinks pass records on through.
  let channels: [RecordChannel]
  private var mask: SecretMask?
  private var knowsSecrets = false
  private var stdout: MaskedStream?
  private var stderr: MaskedStream?
  /// What is in the result of what was warned of.
  private var warnings: [RunWarning] = []
  private var omittedWarnings = 0

  init(_ sinks: [any RunSink]) {
    self.sinks = sinks
    self.writers = sinks.flatMap(\.writers)
    self.channels = sinks.compactMap(\.channel)
  }

  /// Masks the secrets of a run from here on, and warns of those that cannot be masked.
  ///
  /// Making the mask takes time that a run need not wait for: the container starts meanwhile.
  func hideSecrets(of spec: RunSpec) {
    guard !knowsSecrets else { return }
    knowsSecrets = true
    for name in spec.unmaskableSecrets {
      warn(
        RunWarning(
          code: "secret-too-short",
          text: "the value of \(name) has less than \(RunSpec.shortestSecret) bytes and is not "
            + "masked"))
    }
    guard let mask = SecretMask(spec) else { return }
    self.mask = mask
    stdout = MaskedStream(mask)
    stderr = MaskedStream(mask)
  }

  /// Whether anybody still takes what the command writes on a stream.
  func accept(_ stream: OutputStream) -> Bool { sinks.contains { $0.accepts(stream) } }

  /// Whether anybody wants to be told every change.
  private var listChanges: Bool { sinks.contains(where: \.listsChanges) }

  /// The command was executed.
  func start(id: RunID, time: Duration, pid: Int32) {
    for sink in sinks { sink.started(id: id, time: time, pid: pid) }
  }

  /// The command has written bytes.
  func receive(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    let pass: (ArraySlice<UInt8>) -> Void = { [sinks] bytes in
      for sink in sinks { sink.received(bytes, on: stream, at: time) }
    }
    guard mask != nil else { return pass(bytes) }
    switch stream {
    case .stdout: stdout?.pass(bytes, to: pass)
    case .stderr: stderr?.pass(bytes, to: pass)
    }
  }

  /// The command has written much, and then nothing for a while.
  func rest() {
    for sink in sinks { sink.rested() }
  }

  /// Whether something of the standard output was not passed on, because it may become a secret.
  var isHoldingBack: Bool { stdout?.isHoldingBack == true }

  /// Passes on what was held back of the standard output: a person waits for it. What follows may
  /// still make it a secret, of which then only the rest is masked.
  func showHeld() {
    let time = wallClock()
    stdout?.showHeld { [sinks] bytes in
      for sink in sinks { sink.received(bytes, on: .stdout, at: time) }
    }
  }

  /// The command will write no more on a stream.
  ///
  /// - Parameter isCut: whether it has written more than is passed on.
  /// - Returns: how many bytes that were received are not passed on, because with what was cut off
  ///   they could have been a secret.
  func end(_ stream: OutputStream, isCut: Bool) -> Int {
    let time = wallClock()
    let pass: (ArraySlice<UInt8>) -> Void = { [sinks] bytes in
      for sink in sinks { sink.received(bytes, on: stream, at: time) }
    }
    let lost =
      switch stream {
      case .stdout: stdout?.end(isCut: isCut, to: pass)
      case .stderr: stderr?.end(isCut: isCut, to: pass)
      }
    for sink in sinks { sink.ended(stream) }
    return lost ?? 0
  }

  /// Something that the caller should know.
  func warn(_ warning: RunWarning) {
    var warning = warning
    if let mask { warning.text = mask.masked(warning.text) }
    if warnings.count < RunWarning.mostInResult {
      warnings.append(warning)
    } else {
      omittedWarnings += 1
    }
    for sink in sinks { sink.warned(warning) }
  }

  /// Tells everybody what one of them has run into.
  func tellWarnings() {
    for sink in sinks {
      if let warning = sink.takeWarning() { warn(warning) }
    }
  }

  /// The command was told to end, and has this long to do so.
  func wait(atMost grace: Duration) {
    for sink in sinks { sink.waiting(atMost: grace) }
  }

  /// Whether anybody wants to be told how the run is doing.
  var wantSamples: Bool { sinks.contains(where: \.wantsSamples) }

  /// How the run is doing.
  func sample(_ sample: RunSample) {
    for sink in sinks { sink.sampled(sample) }
  }

  /// How long nothing of the command is shown before somebody wants to be told that it still runs.
  var heartbeat: Duration? { sinks.lazy.compactMap(\.heartbeat).min() }

  /// The command still runs, and nothing of it was shown for a while.
  func sayStillRunning(after time: Duration) {
    for sink in sinks where sink.heartbeat != nil { sink.stillRunning(after: time) }
  }

  /// The run has changed something.
  private func tell(_ change: Change) {
    let change = mask?.masked(change) ?? change
    for sink in sinks where sink.listsChanges { sink.changed(change) }
  }

  /// Looks for what the run has changed, tells whoever wants to know all of it, and warns of what
  /// could not be told.
  func tellChanges(of sources: ChangeSources) -> RunResult.Changes? {
    let found = sources.changes(report: listChanges ? { self.tell($0) } : nil)
    let unlisted = RunWarning(unlistedChanges: sinks.reduce(0) { $0 + $1.endedChanges() })
    for warning in found.warnings + (unlisted.map { [$0] } ?? []) { warn(warning) }
    return found.summary
  }

  /// Passes on what waits in the channels, for a bounded time, and says what was lost.
  func closeChannels(hurried: Bool) -> [RunResult.Log.Sink] {
    RecordChannel.finish(channels, hurried: hurried)
    return channels.map(RunResult.Log.Sink.init)
  }

  /// The run is over; returns the result without secrets, and with what was warned of.
  func finish(id: RunID, result: RunResult) -> RunResult {
    var result = mask?.masked(result) ?? result
    for sink in sinks { sink.complete(&result.log) }
    tellWarnings()
    for sink in sinks {
      result.warnings = resultWarnings
      sink.finished(id: id, result: result)
      // Those after it hear of it, and have it in the result.
      if let warning = sink.takeWarning() { warn(warning) }
    }
    result.warnings = resultWarnings
    return result
  }

  private var resultWarnings: [RunWarning] {
    guard let omitted = RunWarning(omitted: omittedWarnings) else { return warnings }
    return warnings + [omitted]
  }

  /// The error of a run without secrets.
  func masked(_ error: OneOffError) -> OneOffError { mask?.masked(error) ?? error }
}
