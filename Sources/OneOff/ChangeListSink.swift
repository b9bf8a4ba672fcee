package import LinuxSystem

/// Writes every change of a run as JSON, one object a line.
package final class ChangeListSink: RunSink {
  /// How long the reader of a list may take nothing.
  private static let pause = Supervisor.drainTime
  /// How long the end of a run waits for him in all, whatever he takes.
  private static let patience = Duration.seconds(30)

  private let writer: OutputWriter
  private var lines: [UInt8] = []
  private var patience = ChangeListSink.patience
  /// Changes that nobody took in time; nil as long as somebody does.
  private var unlisted: Int?

  /// Writes changes through a writer.
  package init(_ writer: OutputWriter) { self.writer = writer }

  /// The one.
  package var writers: [OutputWriter] { [writer] }

  /// It has no interest in the output.
  package func accepts(_ stream: OutputStream) -> Bool { false }

  /// Does nothing.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {}

  /// Does nothing.
  package func warned(_ warning: RunWarning) {}

  /// Whether the reader of the list is still there.
  package var listsChanges: Bool { writer.failure == nil }

  /// Writes a line. The command is dead: a reader that is slow keeps nobody but us waiting, and
  /// that not for long.
  package func changed(_ change: Change) {
    if let unlisted {
      self.unlisted = unlisted + 1
      return
    }
    change.appendLine(to: &lines)
    if lines.count > 64 << 10 { flush() }
  }

  /// Writes what is left.
  package func endedChanges() -> Int {
    if unlisted == nil { flush() }
    return unlisted ?? 0
  }

  private func flush() {
    writer.write(lines[...])
    lines.removeAll(keepingCapacity: true)
    guard writer.hasPending else { return }
    let begin = monotonicClock()
    writer.flushBlocking(atMost: Self.pause, until: begin + patience)
    patience -= monotonicClock() - begin
    guard writer.hasPending else { return }
    let newline = UInt8(ascii: "\n")
    unlisted = writer.takePending().count { $0 == newline }
  }
}

extension RunWarning {
  /// What `--changes` does not list; nil when that is nothing.
  init?(unlistedChanges count: Int) {
    guard count > 0 else { return nil }
    self.code = "changes-incomplete"
    self.text =
      "\(count) \(count == 1 ? "change is" : "changes are") not in the list (--changes): its "
      + "reader took nothing for a second, or more than half a minute for all of it"
  }
}
