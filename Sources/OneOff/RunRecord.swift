package import ContainerSpec
import LinuxSystem
import SystemPackage

/// The directory of one recorded run; docs/records.md has its layout and its states.
///
/// The supervisor has an exclusive lock on the file `lock` from before anybody can find the record
/// until its result is in it, or its process is gone. So whoever gets a lock knows that nobody is
/// there to say more, and no process id has to be kept.
struct RunRecord: ~Copyable {
  /// The files of a record.
  enum File {
    static let lock = "lock"
    static let description = "spec.json"
    static let log = "log"
    static let result = "result.json"
    static let resultDraft = "result.draft"
  }

  /// So much of the disk is taken beforehand for the result, which is to be written also when the
  /// command's output has filled the disk.
  private static let reservedForResult = 16 << 10
  /// The most bytes of a file that is read; a specification has at most 6 MiB of strings.
  private static let longestFile = 64 << 20
  /// Makers that are in each other's way, or in that of `gc`, try again so often.
  private static let attempts = 16

  let id: RunID
  private let directory: OwnedDescriptor
  private let lock: OwnedDescriptor

  private init(
    id: RunID, directory: consuming OwnedDescriptor, lock: consuming OwnedDescriptor
  ) {
    self.id = id
    self.directory = directory
    self.lock = lock
  }

  // MARK: For the supervisor

  /// Makes the record of a run that is about to begin, locked, below the directory of all records.
  ///
  /// It is made under a name that no run can have, and renamed: nobody ever finds half of it.
  ///
  /// - Throws: ``OneOffError/recordExists(_:)``; the errnos of openat(2) and write(2), such as
  ///   ENOSPC and EROFS. Nothing is left behind then.
  static func begin(
    _ description: RunDescription, in runs: borrowing OwnedDescriptor
  ) throws -> RunRecord {
    for _ in 0..<Self.attempts {
      let draft = RunStore.hiddenName()
      do throws(SystemError) {
        try runs.makeDirectory(draft, permissions: 0o700, owner: effectiveOwner())
        let directory = try runs.open(draft, flags: .directory)
        let lock = try directory.open(
          File.lock, flags: [.readingAndWriting, .creating, .exclusively])
        guard try lock.tryLock(.exclusive, subject: "of the record's lock") else { continue }
        try Self.fill(directory, with: description)
        try runs.rename(draft, to: description.id.text)
        return RunRecord(id: description.id, directory: directory, lock: lock)
      } catch let error where error.errno == .noSuchFileOrDirectory {
        // `gc` has taken the draft for one whose maker was killed, before it was locked.
        continue
      } catch {
        try? RunStore.removeTree(draft, in: runs)
        guard [.directoryNotEmpty, .fileExists].contains(error.errno) else { throw error }
        throw OneOffError.recordExists(description.id)
      }
    }
    throw SystemError(
      call: "mkdirat(2)", subject: "of the record \(description.id.text)",
      errno: .noSuchFileOrDirectory, hint: "something keeps removing it; try again")
  }

  private static func fill(
    _ directory: borrowing OwnedDescriptor, with description: RunDescription
  ) throws(SystemError) {
    // A record that has its name is whole, also after a power cut: without what the run was to be
    // nobody could read it.
    try directory.open(File.description, flags: [.writing, .creating, .exclusively])
      .replaceContents(StoredJSON.text(description))
    try directory.open(File.resultDraft, flags: [.writing, .creating, .exclusively])
      .reserve(reservedForResult)
  }

  /// Makes the file for the command's output.
  func makeLog() throws(SystemError) -> OwnedDescriptor {
    try directory.open(File.log, flags: [.writing, .creating])
  }

  /// Writes how the run ended, and gives the record up.
  ///
  /// - Throws: EIO, EROFS; the lock stays as long as this process then.
  func end(_ result: RunResult) throws(SystemError) {
    do throws(SystemError) {
      try write(result)
    } catch let error where error.errno == .noSpace {
      try write(result.shortened)
    }
    lock.unlock()
  }

  private func write(_ result: RunResult) throws(SystemError) {
    let file = try directory.open(File.resultDraft, flags: [.writing, .creating])
    try file.replaceContents(StoredJSON.text(result))
    try directory.rename(File.resultDraft, to: File.result)
    // What a power cut leaves is the old name or the new one, and never half of a result.
    try directory.synchronize()
  }
}

// MARK: For readers

extension RunRecord {
  /// Opens a record; nil where there is none, or not any more.
  init?(opening id: RunID, in runs: borrowing OwnedDescriptor) throws(SystemError) {
    do throws(SystemError) {
      let directory = try runs.open(id.text, flags: .directory)
      let lock = try directory.open(File.lock, flags: .reading)
      self.init(id: id, directory: directory, lock: lock)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Whether the supervisor lives. The record of one that does not is locked for readers, until
  /// this value is gone.
  func isRunning() throws(SystemError) -> Bool {
    try !lock.tryLock(.shared, subject: lockSubject)
  }

  /// Returns when the supervisor has written the result, or is dead. A signal that ends the process
  /// does so meanwhile.
  func waitForEnd() throws(SystemError) {
    try lock.waitForLock(.shared, subject: lockSubject)
  }

  /// Takes the lock of those who wait for the end, for whom whoever removes the record waits; nil
  /// when it was removed.
  func lockForWaiting() throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      let file = try directory.open(File.description, flags: .reading)
      try file.waitForLock(.shared, subject: lockSubject)
      return file
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// What the run was to be; nil when the record was removed.
  ///
  /// - Throws: an error of the specification's kind where the file is not what oneoff has written.
  func description() throws -> RunDescription? {
    guard let text = try directory.contents(of: File.description, limit: Self.longestFile) else {
      return nil
    }
    guard let description = StoredJSON.value(RunDescription.self, of: text) else {
      throw unreadable(File.description)
    }
    return description
  }

  /// What the run was to be, and how far it is; nil when the record was removed.
  ///
  /// Of a run whose supervisor was killed it writes the result that says so, once.
  ///
  /// - Throws: as ``description()``.
  func read() throws -> RecordedRun? {
    let isRunning = try isRunning()
    guard let description = try description() else { return nil }
    if isRunning { return RecordedRun(description: description, state: .running) }
    let result =
      if let result = try result() { result } else { try settle(description) }
    return RecordedRun(
      description: description,
      state: result.reason == .supervisorLost ? .lost(result) : .ended(result))
  }

  private func result() throws -> RunResult? {
    guard let text = try directory.contents(of: File.result, limit: Self.longestFile) else {
      return nil
    }
    guard let result = StoredJSON.value(RunResult.self, of: text) else {
      throw unreadable(File.result)
    }
    return result
  }

  /// The result of a run whose supervisor was killed. It is kept by whoever gets the lock for
  /// himself: another reader may be at it, and on a full disk the next one can try.
  private func settle(_ description: RunDescription) throws -> RunResult {
    let totals = try directory.storedLogTotals()
    let lost = RunResult(losing: description, totals)
    guard try lock.tryLock(.exclusive, subject: lockSubject) else { return lost }
    defer { lock.unlock() }
    if let result = try result() { return result }
    try? write(lost)
    ControlDirectory.removeLeftover(of: id)
    return lost
  }

  private var lockSubject: String { "of the lock of the run \(id.text)" }

  private func unreadable(_ file: String) -> SpecError {
    SpecError(
      "\(file) of the record \(id.text) is not what oneoff has written",
      remedy: "look at it, and remove the record: oneoff rm \(id.text)")
  }
}

extension OneOffError {
  /// The name is another run's.
  package static func recordExists(_ id: RunID) -> OneOffError {
    .spec(
      SpecError(
        "there is a record of a run \(id.text) already",
        remedy: "choose another name, or remove the record: oneoff rm \(id.text)"))
  }
}

extension RunResult {
  /// The result without what the command can make long: how the run ended.
  var shortened: RunResult {
    var short = self
    short.changes = nil
    short.blockedCalls = nil
    short.error = error.map { String($0.prefix(1000)) }
    if !warnings.isEmpty {
      let text = "the warnings are not kept: the disk of the run's record was full"
      short.warnings = [RunWarning(code: "warnings-omitted", text: text)]
    }
    return short
  }

  /// The exit status of a run whose supervisor was killed: PID 1 kills the command then.
  static let lostStatus: Int32 = 128 + Signal.kill

  /// The result of a run whose supervisor was killed.
  init(losing description: RunDescription, _ log: StoredLogTotals) {
    self.init(
      status: Self.lostStatus, reason: .supervisorLost, started: description.started,
      finished: log.lastTime, durationMilliseconds: nil,
      log: Log(stdoutBytes: log.stdoutBytes, stderrBytes: log.stderrBytes))
  }
}
