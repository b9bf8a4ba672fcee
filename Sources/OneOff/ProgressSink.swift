package import ContainerSpec
package import LinuxSystem

/// Tells how a run is doing where its output is not shown to a person: that it still runs, and at
/// the end what it has used.
package final class ProgressSink: RunSink {
  private let writer: OutputWriter
  private let style: OutputSink.Style
  private let showsUsage: Bool
  /// After how long without output it is said that the command still runs.
  package let heartbeat: Duration?

  /// Writes through a writer.
  package init(
    _ writer: OutputWriter, style: OutputSink.Style, showsUsage: Bool, heartbeat: Duration?
  ) {
    self.writer = writer
    self.style = style
    self.showsUsage = showsUsage
    self.heartbeat = heartbeat
  }

  /// The one.
  package var writers: [OutputWriter] { [writer] }

  /// It takes no output.
  package func accepts(_ stream: OutputStream) -> Bool { false }

  /// Does nothing.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {}

  /// Does nothing.
  package func warned(_ warning: RunWarning) {}

  /// Writes a line, unless the reader has not taken the last one.
  package func stillRunning(after time: Duration) {
    guard !writer.hasPending else { return }
    write("\(style.indent)\(OutputSink.Style.stillRunning(after: time))")
  }

  /// Writes what was used.
  package func finished(id: RunID, result: RunResult) {
    guard showsUsage, let text = result.usageText else { return }
    write("\(style.usagePrefix) \(text)")
  }

  private func write(_ line: String) { writer.write(Array((line + "\n").utf8)[...]) }
}
