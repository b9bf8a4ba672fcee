package import ContainerSpec
package import LinuxSystem

/// What whoever has started a detached run is told until the command runs: a JSON object a line.
package enum StartNews: Sendable, Hashable, Codable {
  /// Something that he should know.
  case warning(String)
  /// The command was executed.
  case started
  /// It was not, and never will be.
  case failed(status: Int32, error: String)

  /// Reads a line without its line feed; nil for what is none.
  package init?(parsing line: ArraySlice<UInt8>) {
    guard let news = StoredJSON.value(StartNews.self, of: Array(line)) else { return nil }
    self = news
  }
}

/// Tells the one who has started a detached run how its start went, and nothing of what follows.
package final class StartReport: RunSink {
  private let writer: OutputWriter
  private var isOver = false

  /// Reports through a writer.
  package init(_ writer: OutputWriter) { self.writer = writer }

  /// Reports that it failed, unless it has begun.
  package func fail(status: Int32, error: String) { tell(.failed(status: status, error: error)) }

  private func tell(_ news: StartNews) {
    guard !isOver else { return }
    writer.write(StoredJSON.text(news)[...])
    if case .warning = news { return }
    isOver = true
  }

  /// The one.
  package var writers: [OutputWriter] { [writer] }

  /// It takes no output.
  package func accepts(_ stream: OutputStream) -> Bool { false }

  /// Does nothing.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {}

  /// Says so. From here on the run is on its own, and keeps nobody from unmounting anything.
  package func started(id: RunID, time: Duration, pid: Int32) {
    tell(.started)
    leaveWorkingDirectory()
  }

  /// Passes it on.
  package func warned(_ warning: RunWarning) { tell(.warning(warning.text)) }

  /// Where the command was never executed, says why.
  package func finished(id: RunID, result: RunResult) {
    fail(
      status: result.status,
      error: result.error ?? "the run was ended before its command was executed")
  }
}
