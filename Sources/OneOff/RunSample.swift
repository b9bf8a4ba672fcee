import ContainerSpec

/// How a run is doing at a moment; nil where nobody can tell.
package struct RunSample: Sendable, Hashable {
  /// Since the container was started.
  var elapsed: Duration
  /// Processor time since the last sample, in hundredths of what one processor has.
  var processorPercent: Int?
  /// In bytes.
  var memory: UInt64?
  /// The most that `memory` can be.
  var memoryLimit: UInt64?
  /// Processes and threads, but for PID 1.
  var processes: UInt64?

  /// Knows nothing but the time.
  init(elapsed: Duration) { self.elapsed = elapsed }

  /// The sample as a line of at most `columns` characters, all of them ASCII: what is least telling
  /// is left out first.
  ///
  /// - Parameter prefix: whose line it is.
  func line(prefix: String, columns: Int) -> String {
    var parts = [elapsed.clockText]
    if let processorPercent { parts.append("cpu \(processorPercent) %") }
    if let memory { parts.append("memory \(memoryText(memory, of: memoryLimit))") }
    if let processes { parts.append("\(processes) \(processes == 1 ? "process" : "processes")") }
    let whole = "\(prefix) \(parts.joined(separator: ", "))"
    guard whole.utf8.count > columns else { return whole }
    while parts.count > 1 {
      let text = parts.joined(separator: ", ")
      if text.utf8.count <= columns { return text }
      parts.removeLast()
    }
    return String(parts[0].prefix(columns))
  }
}

/// Memory for people, with its limit where it has one: `51 MB of 512 MB`.
private func memoryText(_ bytes: UInt64, of limit: UInt64?) -> String {
  let text = ByteCount(bytes: bytes).roundedText
  return limit.map { "\(text) of \(ByteCount(bytes: $0).roundedText)" } ?? text
}

extension Duration {
  /// The whole seconds as a clock shows them: `0:07`, `12:34`, `1:02:03`.
  fileprivate var clockText: String {
    let seconds = max(0, components.seconds)
    func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    let tail = twoDigits(seconds % 60)
    return hours == 0 ? "\(minutes):\(tail)" : "\(hours):\(twoDigits(minutes)):\(tail)"
  }
}

extension RunResult {
  /// What the run has used, for people; nil when nothing was executed.
  var usageText: String? {
    guard let usage else { return nil }
    var parts = [durationText]
    if let user = usage.cpuUserMicroseconds, let system = usage.cpuSystemMicroseconds {
      let times = [user, system].map { Duration.microseconds($0).roundedText }
      parts.append("cpu \(times[0]) user and \(times[1]) system")
    }
    if let peak = usage.memoryPeakBytes {
      parts.append("memory peak \(memoryText(peak, of: limits?.memoryBytes))")
    }
    if let peak = usage.processesPeak { parts.append("processes peak \(peak)") }
    return parts.joined(separator: ", ")
  }
}
