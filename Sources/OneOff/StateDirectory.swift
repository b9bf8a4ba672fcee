import ContainerSpec
import LinuxSystem
import SystemPackage

/// Where oneoff keeps what lives as long as the machine runs.
struct StateDirectory: Sendable {
  /// The directory, unless ONEOFF_RUNTIME_DIR names another: `/run/oneoff`, and for an ordinary
  /// user `$XDG_RUNTIME_DIR/oneoff`, or `/tmp/oneoff-UID` where he has no such directory.
  var path: FilePath

  /// The slots' lock files.
  var slots: FilePath { path.appending("slots") }

  /// Seccomp programs that were compiled.
  var programs: FilePath { path.appending("seccomp") }

  /// The control sockets of recorded runs.
  var runs: FilePath { path.appending("runs") }

  /// The directory of this process's environment.
  ///
  /// - Throws: when the directory of an ordinary user is not safely his.
  static func current(for rootless: Rootless?) throws -> StateDirectory {
    try current(forUser: rootless?.caller.uid)
  }

  /// The directory of whoever has started this process, which is no run's supervisor yet.
  ///
  /// - Throws: as ``current(for:)``.
  static func ofThisProcess() throws -> StateDirectory {
    let user = effectiveOwner().uid
    return try current(forUser: user == 0 ? nil : user)
  }

  private static func current(forUser user: UInt32?) throws -> StateDirectory {
    if let given = variable("ONEOFF_RUNTIME_DIR") {
      guard given.isAbsolute else {
        throw SpecError(
          "ONEOFF_RUNTIME_DIR is '\(given)'", remedy: "give the absolute path of a directory")
      }
      return StateDirectory(path: given)
    }
    guard let user else { return StateDirectory(path: "/run/oneoff") }
    // su(1) leaves the variable of whoever called it: another's directory is not ours.
    if let session = variable("XDG_RUNTIME_DIR"), session.isAbsolute,
      (try? checkThatItIsOurs(session, remedy: "")) != nil
    {
      return StateDirectory(path: session.appending("oneoff"))
    }
    let path = FilePath("/tmp/oneoff-\(user)")
    try makeOurs(path, remedy: "remove it, or name another one with ONEOFF_RUNTIME_DIR")
    return StateDirectory(path: path)
  }

  /// Makes a directory of the caller's in one that is everybody's, but for whose sticky bit others
  /// could move it.
  ///
  /// - Throws: when it is there and not safely his.
  static func makeOurs(_ path: FilePath, remedy: String) throws {
    try makeDirectories(path, permissions: 0o700)
    try checkThatItIsOurs(path, remedy: remedy)
  }

  /// Nobody but the caller may have made it, and nobody else may write to it or read it.
  static func checkThatItIsOurs(_ path: FilePath, remedy: String) throws {
    let directory = try OwnedDescriptor(opening: path, flags: [.directory, .notFollowing])
    let status = try directory.status()
    guard status.owner.uid == effectiveOwner().uid, status.permissions & 0o077 == 0 else {
      throw SpecError(
        "\(path) is not a directory that only its owner, who calls oneoff, may use",
        remedy: remedy)
    }
  }

  private static func variable(_ name: String) -> FilePath? {
    Caller.environmentValue(name).map { FilePath(String(decoding: $0, as: UTF8.self)) }
  }
}
