package import ContainerSpec
import LinuxSystem
import SystemPackage

/// The records of all runs of a user.
package struct RunStore: ~Copyable {
  private let runs: OwnedDescriptor

  init(_ runs: consuming OwnedDescriptor) { self.runs = runs }

  /// Opens the caller's records; nil where nothing was ever recorded.
  ///
  /// - Throws: an error of the specification's kind where the directory is not safely his.
  package static func find() throws(OneOffError) -> RunStore? {
    try OneOffError.wrap {
      guard let runs = try KeptDirectory.current().findRuns() else { return nil }
      return RunStore(runs)
    }
  }

  /// Begins the record of a run, which must be the first of its name.
  ///
  /// - Throws: as ``find()``; what the disk refuses.
  package static func begin(_ description: RunDescription) throws(OneOffError) -> RecordSink {
    try OneOffError.wrap {
      let runs = try KeptDirectory.current().makeRuns()
      let record = try RunRecord.begin(description, in: runs)
      let log = CRILogWriter(owning: try record.makeLog())
      return RecordSink(record, log: log)
    }
  }

  // MARK: Finding

  /// What a name, or the beginning of one, leads to.
  package enum Lookup: Sendable, Hashable {
    case found(RunID)
    case missing
    /// More than one name begins so; a few of them.
    case ambiguous([RunID])
  }

  /// The names of all records, in their order.
  package func ids() throws(OneOffError) -> [RunID] {
    try OneOffError.wrap { try names().compactMap { try? RunID($0) } }
  }

  /// The record of a name, else the only one whose name begins so.
  package func find(_ name: RunID) throws(OneOffError) -> Lookup {
    Self.find(name, among: try ids())
  }

  static func find(_ name: RunID, among ids: [RunID]) -> Lookup {
    if ids.contains(name) { return .found(name) }
    let matches = ids.filter { $0.text.hasPrefix(name.text) }
    if matches.count > 1 { return .ambiguous(Array(matches.prefix(4))) }
    return matches.first.map { .found($0) } ?? .missing
  }

  /// What is known of a run; nil when its record is not there any more.
  ///
  /// - Throws: where the record cannot be read.
  package func read(_ id: RunID) throws(OneOffError) -> RecordedRun? {
    try OneOffError.wrap { try RunRecord(opening: id, in: runs)?.read() }
  }

  /// Waits for the end of a run, and says how it ended; nil when its record is not there any more.
  package func waitForEnd(of id: RunID) throws(OneOffError) -> RunResult? {
    try OneOffError.wrap {
      guard let record = try RunRecord(opening: id, in: runs) else { return nil }
      // BEFORE waiting: whoever removes the record lets those who wait read it first.
      let file = try record.lockForWaiting()
      defer { file?.unlock() }
      try record.waitForEnd()
      return try record.read()?.state.result
    }
  }

  /// Every run, the newest first, and the records that cannot be read.
  package func list() throws(OneOffError) -> (runs: [RecordedRun], unreadable: [OneOffError]) {
    var found: [RecordedRun] = []
    var unreadable: [OneOffError] = []
    for id in try ids() {
      do throws(OneOffError) {
        if let run = try read(id) { found.append(run) }
      } catch {
        unreadable.append(error)
      }
    }
    found.sort { $0.description.isNewer(than: $1.description) }
    return (found, unreadable)
  }

  // MARK: Removing

  /// What became of a record that was to be removed.
  package enum Removal: Sendable, Hashable {
    case removed
    case missing
    /// The supervisor lives: the record stays.
    case running
  }

  /// Removes the record of a run that is over, whatever is in it.
  ///
  /// - Parameter started: when the run is to have begun, where that is known: another one may have
  ///   taken the name.
  package func remove(
    _ id: RunID, started: String? = nil
  ) throws(OneOffError) -> Removal {
    try OneOffError.wrap {
      guard let directory = try runs.openDirectory(id.text) else { return .missing }
      let lock = try directory.open(RunRecord.File.lock, flags: [.readingAndWriting, .creating])
      let subject = "of the lock of the run \(id.text)"
      guard try lock.tryLock(.shared, subject: subject) else { return .running }
      // Those who wait for the end come first, and then those who read.
      lock.unlock()
      let file = try? directory.open(RunRecord.File.description, flags: [.reading, .nonBlocking])
      try file?.waitForLock(.exclusive, subject: subject)
      try lock.waitForLock(.exclusive, subject: subject)
      guard try directory.status(of: RunRecord.File.lock) != nil else { return .missing }
      if let started {
        let found = try RunRecord(opening: id, in: runs)?.description()
        guard found?.started == started else { return .missing }
      }
      let hidden = Self.hiddenName()
      try runs.rename(id.text, to: hidden)
      try Self.removeTree(hidden, in: runs)
      ControlDirectory.removeLeftover(of: id)
      return .removed
    }
  }

  /// Removes what makers and removers of records have left that were killed; returns how many.
  package func removeHalves() throws(OneOffError) -> Int {
    try OneOffError.wrap {
      var count = 0
      for name in try names() where name.hasPrefix(".") {
        guard let directory = try runs.openDirectory(name) else { continue }
        if try directory.status(of: RunRecord.File.lock) != nil {
          let lock = try directory.open(RunRecord.File.lock, flags: .reading)
          guard try lock.tryLock(.exclusive, subject: "of \(name)") else { continue }
          try Self.removeTree(name, in: runs)
        } else {
          // Its maker may be about to lock it: that does no harm, who then begins anew.
          try? runs.removeDirectory(name)
        }
        if try runs.status(of: name) == nil { count += 1 }
      }
      return count
    }
  }

  /// A name that no run can have, and nobody else has.
  static func hiddenName() -> String {
    ".\(randomBytes(8).map { String($0, radix: 16) }.joined(separator: "-"))"
  }

  /// Removes a directory of plain files: first what makes it a record, the lock last.
  static func removeTree(
    _ name: String, in runs: borrowing OwnedDescriptor
  ) throws(SystemError) {
    guard let directory = try runs.openDirectory(name) else { return }
    try directory.removeFile(RunRecord.File.description)
    for file in try directory.names() where file != RunRecord.File.lock {
      try directory.removeFile(file)
    }
    try directory.removeFile(RunRecord.File.lock)
    try runs.removeDirectory(name)
  }

  private func names() throws(SystemError) -> [String] { try runs.names() }
}

extension OwnedDescriptor {
  /// Opens a directory of this one; nil where there is none of that name.
  fileprivate borrowing func openDirectory(
    _ name: String
  ) throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      return try open(name, flags: .directory)
    } catch let error where [.noSuchFileOrDirectory, .notDirectory].contains(error.errno) {
      return nil
    }
  }

  /// The names in this directory, as far as they are UTF-8, which all of oneoff's are.
  fileprivate borrowing func names() throws(SystemError) -> [String] {
    guard case .found(let directory) = try findDirectory(""),
      let names = try directory.entryNames(atMost: .max)
    else { return [] }
    return names.compactMap { String(validating: $0, as: UTF8.self) }
  }
}
