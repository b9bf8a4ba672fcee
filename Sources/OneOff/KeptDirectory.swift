package import ContainerSpec
package import LinuxSystem
package import SystemPackage

/// Where oneoff keeps what outlives the machine's next start.
package struct KeptDirectory: Sendable, Hashable {
  /// The directory: what ONEOFF_STATE_DIR names, else `/var/lib/oneoff`, and for an ordinary user
  /// `$XDG_STATE_HOME/oneoff`, or `~/.local/state/oneoff`.
  var path: FilePath

  /// What is kept.
  private enum Part: String {
    /// The records of runs, for their owner alone.
    case runs
    /// What is known of apps. Anybody may follow the link to the release that is live.
    case apps

    var permissions: UInt32 { self == .runs ? 0o700 : 0o755 }
  }

  /// The records of runs.
  var runsPath: FilePath { path.appending(Part.runs.rawValue) }

  /// What is known of apps.
  package var appsPath: FilePath { path.appending(Part.apps.rawValue) }

  /// The directory of this process's environment.
  ///
  /// - Throws: where the environment of an ordinary user names none.
  package static func current() throws(SpecError) -> KeptDirectory {
    try KeptDirectory(isRoot: effectiveOwner().uid == 0, variable: Caller.environmentValue)
  }

  /// The directory of this process's environment, where it is root's.
  static func ofRoot() throws(SpecError) -> KeptDirectory {
    try KeptDirectory(isRoot: true, variable: Caller.environmentValue)
  }

  /// The directory of an environment.
  init(isRoot: Bool, variable: (String) -> [UInt8]?) throws(SpecError) {
    if let given = variable("ONEOFF_STATE_DIR") {
      self.path = FilePath(String(decoding: given, as: UTF8.self))
      guard self.path.isAbsolute else {
        throw SpecError(
          "ONEOFF_STATE_DIR is \(String(quoting: given))",
          remedy: "give the absolute path of a directory")
      }
    } else if isRoot {
      self.path = "/var/lib/oneoff"
    } else if let state = Self.absolute(variable("XDG_STATE_HOME")) {
      self.path = state.appending("oneoff")
    } else if let home = Self.absolute(variable("HOME")) {
      self.path = home.appending(".local/state/oneoff")
    } else {
      throw SpecError(
        "there is no directory for the records of runs: HOME is not set",
        remedy: "name one with ONEOFF_STATE_DIR")
    }
  }

  /// The XDG specification has what is not absolute be ignored.
  private static func absolute(_ value: [UInt8]?) -> FilePath? {
    value.map { FilePath(String(decoding: $0, as: UTF8.self)) }.flatMap { $0.isAbsolute ? $0 : nil }
  }

  package init(path: FilePath) { self.path = path }

  /// Opens the directory of the records, which is made where it is missing.
  ///
  /// - Throws: the errnos of mkdir(2), such as EROFS and ENOSPC; an error of the specification's
  ///   kind where others own one of the two directories, or may write to it.
  func makeRuns() throws -> OwnedDescriptor { try make(.runs) }

  /// Opens the directory of the records; nil where nothing was ever recorded.
  ///
  /// - Throws: as ``makeRuns()``.
  func findRuns() throws -> OwnedDescriptor? { try find(.runs) }

  /// Opens the directory of the apps, which is made where it is missing.
  ///
  /// - Throws: as ``makeRuns()``.
  package func makeApps() throws -> OwnedDescriptor { try make(.apps) }

  /// Opens the directory of the apps; nil where nothing was ever deployed.
  ///
  /// - Throws: as ``makeRuns()``.
  package func findApps() throws -> OwnedDescriptor? { try find(.apps) }

  /// Makes the directory where it is missing, and those above it; returns which were made.
  ///
  /// - Throws: the errnos of mkdir(2).
  func makeIfMissing() throws(SystemError) -> [FilePath] {
    // Others may come by only where there is something for them; see XDG's 0700 for users.
    let permissions: UInt32 = effectiveOwner().uid == 0 ? 0o711 : 0o700
    let made = try makeDirectories(path, permissions: permissions)
    guard !made.isEmpty else { return [] }
    do throws(SystemError) {
      // Whatever the caller's umask is.
      try OwnedDescriptor(directory: path).setPermissions(permissions)
    } catch {
      removeEmptyDirectories(made)
      throw error
    }
    return made
  }

  private func make(_ part: Part) throws -> OwnedDescriptor {
    let made = try makeIfMissing()
    do {
      let directory = try openDirectory()
      if try directory.status(of: part.rawValue) == nil { try make(part, in: directory) }
      return try open(part, in: directory)
    } catch {
      // What is refused is left as it was.
      removeEmptyDirectories(made)
      throw error
    }
  }

  private func find(_ part: Part) throws -> OwnedDescriptor? {
    guard try exists() else { return nil }
    let directory = try openDirectory()
    guard try directory.status(of: part.rawValue) != nil else { return nil }
    return try open(part, in: directory)
  }

  private func exists() throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try fileStatus(following: path)
      return true
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return false
    }
  }

  private func make(
    _ part: Part, in directory: borrowing OwnedDescriptor
  ) throws(SystemError) {
    do throws(SystemError) {
      try directory.makeDirectory(
        part.rawValue, permissions: part.permissions, owner: effectiveOwner())
      try directory.open(part.rawValue, flags: .directory).setPermissions(part.permissions)
    } catch let error where error.errno == .fileExists {
      // Another run has just made it.
    }
  }

  private func open(
    _ part: Part, in directory: borrowing OwnedDescriptor
  ) throws -> OwnedDescriptor {
    let found = try directory.open(part.rawValue, flags: .directory)
    try Self.checkThatItIsOurs(try found.status(), path.appending(part.rawValue))
    return found
  }

  private func openDirectory() throws -> OwnedDescriptor {
    // By path only, so that also of a link it can be said what it is.
    let found = try OwnedDescriptor(opening: path, flags: [.pathOnly, .notFollowing])
    try Self.checkThatItIsOurs(try found.status(), path)
    // The very directory that was looked at.
    return try found.reopened()
  }

  /// Whoever else could write there could make us read, write and remove other files than ours.
  private static func checkThatItIsOurs(_ status: FileStatus, _ path: FilePath) throws(SpecError) {
    let writableByOthers: UInt32 = 0o022
    guard status.kind == .directory, status.owner.uid == effectiveOwner().uid,
      status.permissions & writableByOthers == 0
    else {
      throw SpecError(
        "\(path) is not a directory that only its owner, who calls oneoff, may write to",
        remedy: "chown and chmod it, or name another one with ONEOFF_STATE_DIR")
    }
  }
}
