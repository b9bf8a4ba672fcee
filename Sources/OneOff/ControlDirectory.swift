import ContainerSpec
import LinuxSystem
import SystemPackage

/// The directory of the control sockets of recorded runs, each with the name of its run.
enum ControlDirectory {
  /// Opens it; it is made where it is missing.
  ///
  /// - Throws: the errnos of mkdir(2); an error of the specification's kind where others may use
  ///   it.
  static func make() throws -> OwnedDescriptor {
    let path = try StateDirectory.ofThisProcess().runs
    try makeDirectories(path, permissions: 0o700)
    return try open(path)
  }

  /// Opens it; nil where it was never made.
  ///
  /// - Throws: as ``make()``.
  static func find() throws -> OwnedDescriptor? {
    do {
      return try open(StateDirectory.ofThisProcess().runs)
    } catch let error as SystemError where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  private static func open(_ path: FilePath) throws -> OwnedDescriptor {
    try StateDirectory.checkThatItIsOurs(
      path, remedy: "remove it, or name another one with ONEOFF_RUNTIME_DIR")
    return try OwnedDescriptor(opening: path, flags: [.directory, .notFollowing])
  }

  /// Removes the socket of a run whose supervisor was killed. One that cannot be removed now is in
  /// nobody's way: the next run of that name removes it.
  static func removeLeftover(of id: RunID) {
    guard let directory = try? find() else { return }
    // A container that was not set up yet has a copy of it, and ends in a moment.
    let deadline = monotonicClock() + .seconds(1)
    while (try? ControlSocket.removeLeftover(id.text, in: directory)) == false,
      monotonicClock() < deadline
    {
      pause(.milliseconds(2))
    }
  }
}
