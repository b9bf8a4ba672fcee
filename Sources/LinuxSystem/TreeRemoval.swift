import SystemPackage

extension OwnedDescriptor {
  /// Removes everything in this directory, however deep it is. Symbolic links are removed and not
  /// followed; what is mounted below stays.
  ///
  /// - Throws: EXDEV or EBUSY for a mount; EACCES, EPERM for what may not be removed. Something is
  ///   left then.
  public func removeContents() throws(SystemError) {
    // Two descriptors at a time, whatever the depth: the way back up is `..`.
    var directory = try openDirectory([])
    var levels = [RemovalLevel(name: [], pending: try directory.allNames())]
    while true {
      guard let name = levels[levels.count - 1].pending.popLast() else {
        let finished = levels.removeLast()
        if levels.isEmpty { return }
        directory = try directory.parentDirectory()
        try directory.remove(finished.name, isDirectory: true)
        continue
      }
      if try directory.status(ofEntry: name)?.kind == .directory {
        directory = try directory.openDirectory(name)
        levels.append(RemovalLevel(name: name, pending: try directory.allNames()))
      } else {
        try directory.remove(name, isDirectory: false)
      }
    }
  }

  private borrowing func allNames() throws(SystemError) -> [[UInt8]] {
    try entryNames(atMost: .max) ?? []
  }
}

/// A directory whose contents are being removed.
private struct RemovalLevel {
  /// Its name in the one above it.
  var name: [UInt8]
  /// What is still in it.
  var pending: [[UInt8]]
}
