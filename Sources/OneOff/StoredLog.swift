package import ContainerSpec
import FoundationEssentials
import LinuxSystem
package import SystemPackage

/// The log that a recorded run keeps. See docs/logs.md.
package struct StoredLog: Sendable {
  /// How often it is looked whether the run is over, or its reader gone, when nothing is written.
  private static let patience = Duration.milliseconds(200)
  /// How often it is looked for more where files cannot be watched.
  private static let interval = Duration.milliseconds(20)

  /// The directory of the run.
  private let directory: FilePath

  /// The log of the run that is kept in a directory.
  package init(of directory: FilePath) { self.directory = directory }

  private var log: FilePath { directory.appending("log") }
  private var lock: FilePath { directory.appending("lock") }

  /// Prints the lines that are wanted; with `follows` also those that are still to come, until the
  /// run is over or the printer's reader gone. Returns how many lines of the log were no records.
  ///
  /// - Throws: the errnos of open(2), flock(2), pread(2) and of what the printer writes.
  package func print(
    _ selection: LogSelection, to printer: LogPrinter, follows: Bool
  ) throws -> Int {
    let watch = follows ? FollowedFiles([log, lock]) : nil
    var reader = try LogReader(GrowingFile(log), selection)
    while true {
      // BEFORE reading: what was written until the lock was free is there then.
      let isOver = try !isLocked(lock)
      try reader.read { record in
        printer.print(record)
        if let failure = printer.failure { throw failure }
      }
      if isOver { try reader.readTornRecord { printer.print($0) } }
      if isOver || !follows { break }
      printer.flush()
      if let failure = printer.failure { throw failure }
      if printer.isReaderGone { return reader.unreadableLines }
      try watch?.wait(atMost: Self.patience, orEvery: Self.interval)
    }
    printer.end()
    if let failure = printer.failure { throw failure }
    return reader.unreadableLines
  }

  /// Whom syslog names as the source of the run's output.
  package func syslogSource(of id: RunID) -> SyslogSource {
    SyslogSource(of: spec, id: id, hostname: hostName())
  }

  /// What the run was asked to do; nil where the record does not say so.
  private var spec: RunSpec? {
    struct Record: Decodable { var spec: RunSpec }
    let path = directory.appending("spec.json")
    guard let bytes = try? readFile(path, limit: 16 << 20) else { return nil }
    return try? JSONDecoder().decode(Record.self, from: Data(bytes)).spec
  }
}

/// Files that are watched where that is possible, and else looked at every now and then.
private struct FollowedFiles: ~Copyable {
  private let watch: FileWatch?

  init(_ paths: [FilePath]) {
    // The user may have too many watches already (inotify(7), EMFILE).
    self.watch = try? FileWatch(paths)
  }

  func wait(atMost time: Duration, orEvery interval: Duration) throws(SystemError) {
    switch watch {
    case .some(let watch): try watch.wait(atMost: time)
    case .none: pause(interval)
    }
  }
}
