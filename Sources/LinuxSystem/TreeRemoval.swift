public import SystemPackage

/// Removes what is at a path, with everything in it where that is a directory; nothing where
/// nothing is there. A symbolic link is removed and not followed, but on the way to the path it is.
///
/// - Throws: as ``OwnedDescriptor/removeContents()``; something is left then.
public func removeTree(_ path: FilePath) throws(SystemError) {
  guard let last = path.lastComponent, last.kind == .regular else {
    preconditionFailure("what is removed has a name")
  }
  let name = last.string
  let parent = path.removingLastComponent()
  do throws(SystemError) {
    let directory = try OwnedDescriptor(directory: parent.isEmpty ? "." : parent)
    guard let status = try directory.status(of: name) else { return }
    if status.kind == .directory { try directory.openDirectory(name).removeContents() }
    try directory.remove(name, isDirectory: status.kind == .directory)
  } catch let error where error.errno == .noSuchFileOrDirectory {
    // Nor is there a directory that it could be in.
    return
  } catch {
    throw SystemError(call: error.call, subject: "for the removal of \(path)", errno: error.errno)
  }
}

extension OwnedDescriptor {
  /// Removes everything in this directory, however deep it is. Symbolic links are removed and not
  /// followed; what is mounted below stays.
  ///
  /// Its owner may be hostile, and move directories while they are removed.
  ///
  /// - Throws: EXDEV or EBUSY for a mount, or for a directory that was moved meanwhile; EACCES,
  ///   EPERM for what may not be removed. Something is left then.
  public func removeContents() throws(SystemError) {
    // Two descriptors at a time, whatever the depth: the way back up is `..`.
    var directory = try openDirectory("")
    var levels = [try directory.removalLevel(name: [])]
    while true {
      guard let name = levels[levels.count - 1].pending.popLast() else {
        let finished = levels.removeLast()
        if levels.isEmpty { return }
        directory = try directory.parentDirectory()
        // BEFORE anything is removed there: whoever moves the directory that we were in decides
        // where `..` leads.
        guard try directory.status().isOfSameFile(as: levels[levels.count - 1].status) else {
          throw SystemError(
            call: "openat(2)", subject: "of the directory above one that was moved",
            errno: .resourceBusy)
        }
        try directory.remove(finished.name, isDirectory: true)
        continue
      }
      if try directory.status(of: name)?.kind == .directory {
        directory = try directory.openDirectory(name)
        levels.append(try directory.removalLevel(name: name))
      } else {
        try directory.remove(name, isDirectory: false)
      }
    }
  }

  private borrowing func removalLevel(name: [UInt8]) throws(SystemError) -> RemovalLevel {
    RemovalLevel(
      name: name, pending: try entryNames(atMost: .max) ?? [], status: try status())
  }
}

/// A directory whose contents are being removed.
private struct RemovalLevel {
  /// Its name in the one above it.
  var name: [UInt8]
  /// What is still in it.
  var pending: [[UInt8]]
  /// Which one it is.
  let status: FileStatus
}
