import ContainerSpec
import LinuxSystem
import SystemPackage

/// The bytes of a file that an option names; `kind` says what it should be.
///
/// - Throws: ``SpecError`` when there is no such file, it cannot be read, or it has more than
///   `limit` bytes.
func readInput(_ path: FilePath, limit: Int, kind: String) throws(SpecError) -> [UInt8] {
  try explainingErrors(of: path, limit: limit, kind: kind) { () throws(SystemError) in
    try readFile(path, limit: limit)
  }
}

/// The bytes of a file of a release, whose author may have made it a link to a file of the host's;
/// nil when nothing has the name.
///
/// - Throws: as ``readInput(_:limit:kind:)``.
func findInput(
  _ name: String, below directory: FilePath, limit: Int, kind: String
) throws(SpecError) -> [UInt8]? {
  guard (try? fileStatus(following: directory))?.kind == .directory else {
    throw SpecError(
      "\(String(quoting: directory.string)) is not a directory", remedy: "check the path")
  }
  guard try hasEntry(name, in: directory) else { return nil }
  return try explainingErrors(
    of: directory.appending(name), limit: limit, kind: kind, isConfined: true
  ) { () throws(SystemError) in try readFile(name, below: directory, limit: limit) }
}

/// Whether a name in a directory is there, whatever it is; a symbolic link is not followed.
///
/// - Throws: ``SpecError`` when the directory cannot be looked at.
func hasEntry(_ name: String, in directory: FilePath) throws(SpecError) -> Bool {
  do throws(SystemError) {
    let place = try OwnedDescriptor(opening: directory, flags: [.pathOnly, .directory])
    return try place.status(of: name) != nil
  } catch {
    throw SpecError(
      "\(String(quoting: directory.string)) cannot be looked at: \(error.errno)",
      remedy: "name a directory that you can read")
  }
}

/// Reads a file, and says of an error what it means and what to do.
///
/// - Parameter isConfined: whether the file is looked for in its directory alone, wherever a
///   symbolic link leads.
func explainingErrors<Content>(
  of path: FilePath, limit: Int, kind: String, isConfined: Bool = false,
  _ read: () throws(SystemError) -> Content
) throws(SpecError) -> Content {
  let shown = "the \(kind) \(String(quoting: path.string))"
  do throws(SystemError) {
    return try read()
  } catch let error where error.errno == .noSuchFileOrDirectory {
    guard isSymbolicLink(path) else {
      throw SpecError("\(shown) does not exist", remedy: "check the path")
    }
    guard isConfined else {
      throw SpecError("\(shown) is a symbolic link to nothing", remedy: "mend the link")
    }
    throw SpecError(
      "\(shown) is a symbolic link that leads out of the release, or to nothing in it",
      remedy: "put the file itself there: a link out of the release is not followed")
  } catch let error where error.errno == .fileTooLarge {
    throw SpecError(
      "\(shown) is larger than \(ByteCount(bytes: UInt64(limit)))",
      remedy: "check that it is the right file")
  } catch {
    throw SpecError(
      "\(shown) cannot be read: \(error.errno)", remedy: "name a file that you can read")
  }
}

private func isSymbolicLink(_ path: FilePath) -> Bool {
  let link = try? OwnedDescriptor(opening: path, flags: [.pathOnly, .notFollowing])
  return (try? link?.status())?.kind == .symbolicLink
}
