import ContainerSpec
package import LinuxSystem
import OneOff

/// The deployments of an app, each a file `deployments/N.json` that its owner alone may read.
package struct DeploymentHistory: ~Copyable {
  /// A deployment, with what is needed to do it again.
  package struct Entry: Sendable, Hashable, Codable {
    package var deployment: Deployment
    /// The options with which it was done.
    package var options: [GivenOption]
    /// The directory that relative paths in them begin at.
    package var workingDirectory: String
    /// Where the release is, absolute.
    package var releaseDirectory: String
    /// Whether the release's phases are among its steps.
    package var runsPhases: Bool

    package init(
      deployment: Deployment, options: [GivenOption], workingDirectory: String,
      releaseDirectory: String, runsPhases: Bool = true
    ) {
      self.deployment = deployment
      self.options = options
      self.workingDirectory = workingDirectory
      self.releaseDirectory = releaseDirectory
      self.runsPhases = runsPhases
    }
  }

  private static let name = "deployments"
  private static let reserve = ".end"
  /// What a deployment may grow by until its end: messages, warnings and the runs of its phases.
  private static let growth = 64 << 10
  private static let longestFile = 64 << 20

  private let directory: OwnedDescriptor

  /// Opens the deployments of an app, for whoever is about to add one.
  package init(making app: borrowing KeptApp) throws(SystemError) {
    try app.descriptor.makeDirectoryIfMissing(Self.name, permissions: 0o700)
    self.directory = try app.descriptor.open(Self.name, flags: .directory)
  }

  /// Opens the deployments of an app; nil where it was never deployed.
  package init?(of app: borrowing KeptApp) throws(SystemError) {
    guard try app.descriptor.status(of: Self.name) != nil else { return nil }
    let directory = try app.descriptor.open(Self.name, flags: .directory)
    guard try !Self.numbers(in: directory).isEmpty else { return nil }
    self.directory = directory
  }

  // MARK: Reading

  /// The numbers of all deployments, in their order.
  package borrowing func numbers() throws(SystemError) -> [Int] {
    try Self.numbers(in: directory)
  }

  private static func numbers(
    in directory: borrowing OwnedDescriptor
  ) throws(SystemError) -> [Int] {
    try directory.entryNameTexts().compactMap { name in
      // Whatever somebody else has put there, the next number is one that can be counted to.
      name.hasSuffix(".json") ? Int(name.dropLast(".json".count)) : nil
    }.filter { 1..<Int(Int32.max) ~= $0 }.sorted()
  }

  /// A deployment; nil where there is none of that number.
  ///
  /// - Throws: where the file is not what oneoff has written.
  package borrowing func entry(_ number: Int) throws -> Entry? {
    let name = "\(number).json"
    guard let text = try directory.contents(of: name, limit: Self.longestFile) else { return nil }
    guard let entry = StoredJSON.value(Entry.self, of: text) else {
      throw SpecError(
        "the record of deployment \(number) cannot be read",
        remedy: "it was changed or damaged: remove the file \(name) of the app's deployments")
    }
    return entry
  }

  /// The last deployment; nil before the first.
  ///
  /// - Throws: as ``entry(_:)``.
  package borrowing func last() throws -> Entry? { try numbers().last.flatMap { try entry($0) } }

  /// All deployments, the newest first, and why others cannot be read.
  ///
  /// - Throws: the errnos of openat(2).
  package borrowing func entries() throws(SystemError) -> (readable: [Entry], faults: [any Error]) {
    var readable: [Entry] = []
    var faults: [any Error] = []
    for number in try numbers().reversed() {
      do {
        if let entry = try entry(number) { readable.append(entry) }
      } catch {
        faults.append(error)
      }
    }
    return (readable, faults)
  }

  // MARK: Writing

  /// Writes a deployment; after a power cut it is there as it was before, or as it is now.
  ///
  /// - Throws: ENOSPC, EROFS. What was there before is there still then.
  package borrowing func write(_ entry: Entry) throws(SystemError) {
    try replace(entry, by: ".\(entry.deployment.number).draft")
  }

  /// Takes the room on the disk that the end of a deployment needs, which is to be written also
  /// when the hook has filled the disk.
  ///
  /// - Throws: ENOSPC.
  package borrowing func reserveEnd(of entry: Entry) throws(SystemError) {
    let size = StoredJSON.text(entry).count + Self.growth
    do throws(SystemError) {
      try directory.open(Self.reserve, flags: [.writing, .creating]).reserve(size)
    } catch {
      try? directory.removeFile(Self.reserve)
      throw error
    }
  }

  /// Writes a deployment that is over into the room that was taken for it.
  ///
  /// - Throws: EIO, EROFS.
  package borrowing func writeEnd(_ entry: Entry) throws(SystemError) {
    try replace(entry, by: Self.reserve)
  }

  private borrowing func replace(_ entry: Entry, by draft: String) throws(SystemError) {
    do throws(SystemError) {
      try directory.open(draft, flags: [.writing, .creating])
        .replaceContents(StoredJSON.text(entry))
      try directory.rename(draft, to: "\(entry.deployment.number).json")
      try directory.synchronize()
    } catch {
      try? directory.removeFile(draft)
      throw error
    }
  }
}
