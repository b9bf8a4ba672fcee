package import ContainerSpec
import LinuxSystem

extension RunResult {
  /// How the run ended, as one sentence for people, where the exit status alone does not say it;
  /// nil where it does, and for a run that was never set up, whose ``error`` says it.
  ///
  /// - Parameters:
  ///   - run: what is said to have ended, such as `run` or `hook`.
  ///   - spec: what the run was to be.
  package func sentence(of run: String, under spec: RunSpec) -> String? {
    guard failedWithFullScratch else { return plainSentence(of: run, under: spec) }
    let size = limits?.scratchBytes.map { ByteCount(bytes: $0) } ?? spec.scratch.size
    let end = plainSentence(of: run, under: spec) ?? "\(run) \(endOfFailure)"
    return end + "; its scratch of \(size.roundedText) was full (--scratch)"
  }

  private func plainSentence(of run: String, under spec: RunSpec) -> String? {
    switch reason {
    case .timeout:
      "\(run) \(endInTime): it took longer than \(text(spec.timeout)) (--timeout)"
    case .silence:
      "\(run) \(endInTime): no output for \(text(spec.silenceTimeout)) (--silence-timeout)"
    case .outOfMemory: "\(run) \(endOutOfMemory): out of memory\(memoryText)\(memoryRemedy)"
    case .completed:
      lacksExports ? "\(run) succeeded, but the export failed (--export)" : nil
    case .signaled, .cancelled: commandSentence(under: spec)
    case .setupFailed, .supervisorLost: nil
    }
  }

  /// Whether a limit of the specification is why the run ended, or most likely why it failed.
  package var wasLimited: Bool {
    switch reason {
    case .timeout, .silence, .outOfMemory: true
    case .completed: failedWithFullScratch
    case .signaled, .cancelled, .setupFailed, .supervisorLost: false
    }
  }

  /// A command that has succeeded all the same has no need of a word on it.
  private var failedWithFullScratch: Bool {
    exit != nil && status != 0 && limitsHit?.contains(Self.scratchLimit) == true
  }

  /// Whether the command has succeeded, and its exports could not be made.
  package var lacksExports: Bool { status == Self.exportFailedStatus && exit?.code == 0 }

  /// How long the run took.
  var durationText: String {
    Duration.milliseconds(durationMilliseconds ?? 0).elapsedText
  }

  private func text(_ limit: Duration?) -> String { limit?.shortText ?? "allowed" }

  /// `was killed after 4.2 s`, or how else the command has ended when it was told to.
  private var endInTime: String {
    let time = durationText
    guard let exit else { return "was ended after \(time), before the command was executed" }
    if exit.signal != nil, signalBy != nil { return "was killed after \(time)" }
    if let code = exit.code { return "was ended after \(time), with status \(code)" }
    return "was ended after \(time)"
  }

  /// `was killed after 4.2 s`; a command that has survived what was killed of it has failed.
  private var endOutOfMemory: String {
    let time = durationText
    return exit?.code == nil ? "was killed after \(time)" : endOfFailure
  }

  /// `failed after 4.2 s, with status 1`.
  private var endOfFailure: String {
    let time = durationText
    return "failed after \(time), with status \(exit?.code ?? status)"
  }

  /// ` (limit 512 MB, peak 511 MB)`, as far as both are known.
  private var memoryText: String {
    let known = [("limit", limits?.memoryBytes), ("peak", usage?.memoryPeakBytes)]
    let texts = known.compactMap { name, bytes in
      bytes.map { "\(name) \(ByteCount(bytes: $0).roundedText)" }
    }
    return texts.isEmpty ? "" : " (\(texts.joined(separator: ", ")))"
  }

  /// What gives more, where a limit of the run's own has run out, and not the host's memory.
  private var memoryRemedy: String {
    limits?.memoryBytes == nil ? "" : "; --memory or --size gives more"
  }

  /// How the command ended that was not ended by a limit.
  private func commandSentence(under spec: RunSpec) -> String? {
    guard exit != nil else {
      let text = "oneoff was told to end before the command was executed"
      guard status > 128 else { return text }
      let signal = status - 128
      return text + ", whose process was killed by signal \(signal) (\(Signal.name(signal)))"
    }
    // The reader of the output had seen enough, as after `| head`.
    guard let signal = exit?.signal, signal != Signal.brokenPipe else { return nil }
    let by = signalBy.map { ", which \($0) sent" } ?? ""
    let text = "the command was killed by signal \(signal) (\(Signal.name(signal)))\(by)"
    if signal == Signal.badSystemCall { return text + ", as the seccomp policy kills" }
    let limits = spec.resourceLimits.map(\.resource).filter { $0.isEnforced(by: signal) }
    guard !limits.isEmpty else { return text }
    return text + ", maybe because of --ulimit \(limits.map(\.rawValue).joined(separator: ", "))"
  }
}

extension ResourceLimit.Resource {
  /// Whether a process that would exceed the limit may end by the signal. See getrlimit(2).
  fileprivate func isEnforced(by signal: Int32) -> Bool {
    switch self {
    case .addressSpace, .dataSize, .stackSize: signal == Signal.segmentationFault
    // The latter at the hard limit.
    case .processorTime: signal == Signal.processorTime || signal == Signal.kill
    case .fileSize: signal == Signal.fileSize
    default: false
    }
  }
}
