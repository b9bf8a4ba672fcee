package import ContainerSpec
package import LinuxSystem

/// Keeps the output of a run, and how it ended, in its record.
///
/// A file does not wait for anybody. What the disk does not take is counted, and the run goes on.
package final class RecordSink: RunSink {
  private let record: RunRecord
  private let log: CRILogWriter
  private var hasWarned = false
  /// Why the result could not be kept.
  package private(set) var failure: SystemError?

  init(_ record: consuming RunRecord, log: CRILogWriter) {
    self.log = log
    self.record = record
  }

  /// None: what is received is written at once.
  package var writers: [OutputWriter] { [] }

  /// It always does: who reads the record comes later.
  package func accepts(_ stream: OutputStream) -> Bool { true }

  /// Appends to the log.
  package func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {
    switch stream {
    case .stdout: log.write(bytes, tag: "stdout", time: time)
    case .stderr: log.write(bytes, tag: "stderr", time: time)
    }
  }

  /// Needs neither memory nor disk space for more.
  package func rested() { log.rest() }

  /// Does nothing: it is in the result, and not the command's output.
  package func warned(_ warning: RunWarning) {}

  /// Once, that the log is not complete.
  package func takeWarning() -> RunWarning? {
    guard !hasWarned, let failure = log.failure else { return nil }
    hasWarned = true
    return RunWarning(
      code: "log-store",
      text: "the stored log of the run lacks output, which is counted: \(failure)")
  }

  /// How much the stored log lacks.
  package func complete(_ log: inout RunResult.Log) { log.unstoredBytes = self.log.dropped }

  /// Writes the result.
  package func finished(id: RunID, result: RunResult) {
    log.rest()
    do throws(SystemError) {
      try record.end(result)
    } catch {
      failure = error
    }
  }
}
