import LinuxSystem
import OneOff
import SystemPackage

/// The file of `--trace-timing`, with what is written into it when the run is over.
struct TimingFile {
  let trace = TimingTrace()
  private let writer: OutputWriter

  /// Makes the file, or empties it.
  init(_ path: FilePath) throws {
    self.writer = try EventsTarget.file(path).open(for: "timing")
  }

  /// Writes all of it. That it cannot be written is no failure of the run.
  func write() {
    trace.finish()
    writer.write(trace.json()[...])
    writer.flushBlocking(atMost: .seconds(1))
    if let failure = writer.failure { Printer.printError("the timing was lost: \(failure)") }
  }
}
