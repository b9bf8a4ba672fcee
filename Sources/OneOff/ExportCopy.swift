import ContainerSpec
import LinuxSystem
import SystemPackage

/// Copies one export out of the tree that the command has left.
///
/// Its maker may be hostile: no symbolic link is followed, nothing but directories, regular files
/// and symbolic links is taken, no right goes with them but the nine permission bits, and however
/// deep the tree is, two directories are open at a time.
struct ExportCopy {
  /// The most files and directories of one export: as many as a walk can have in memory.
  static let maximumEntries = 1_000_000

  /// How many bytes are copied more than once, because a file has several hard links.
  static let maximumRepeatedBytes: UInt64 = 1 << 30

  /// A directory that is being copied.
  private struct Level {
    /// Its permission bits.
    var permissions: UInt32
    /// What is still to be copied, the next at the end.
    var pending: [[UInt8]]
    /// Whether something was mounted here, so that `..` does not lead back.
    var isMount = false
  }

  /// What was copied: regular files, directories and links.
  private(set) var count = 0
  /// The data in regular files; holes are none.
  private(set) var bytes: UInt64 = 0

  /// The files with several hard links that were copied.
  private var linked: Set<UInt64> = []
  private var repeatedBytes: UInt64 = 0
  private let tree: SeenTree
  private let mayProceed: () -> Bool
  /// Where the copy has got to, without symbolic links.
  private var path: [[UInt8]]

  /// - Parameter mayProceed: is asked again and again; `false` ends the copy.
  init(_ tree: SeenTree, mayProceed: @escaping () -> Bool) {
    self.tree = tree
    self.mayProceed = mayProceed
    self.path = []
  }

  /// Copies what was found to a name in a directory.
  ///
  /// - Throws: a `SpecError` for what cannot be exported; an `ExportError`; a `SystemError`.
  mutating func copy(
    _ found: borrowing SeenTree.Found, to directory: borrowing OwnedDescriptor, as name: [UInt8]
  ) throws {
    path = found.path
    guard found.status.kind == .directory else {
      try copyEntry(found.name, found.status, from: found.directory, to: directory, as: name)
      return
    }
    try directory.makeDirectory(name)
    let source = try found.directory.openDirectory(found.name)
    try copyContents(
      of: source, permissions: found.status.permissions, to: directory.openDirectory(name))
  }

  private mutating func copyContents(
    of root: consuming OwnedDescriptor, permissions: UInt32, to copy: consuming OwnedDescriptor
  ) throws {
    var source = root
    var target = copy
    var levels = [try enter(source, permissions: permissions)]
    while true {
      guard let name = levels[levels.count - 1].pending.popLast() else {
        let finished = levels.removeLast()
        try finish(finished, source, target)
        if levels.isEmpty { return }
        path.removeLast()
        target = try target.parentDirectory()
        source = try finished.isMount ? tree.openDirectory(path) : source.parentDirectory()
        continue
      }
      guard mayProceed() else { throw ExportError(.toldToEnd) }
      guard let status = try source.status(of: name) else { continue }
      path.append(name)
      let mount = tree.mount(at: path)
      if mount != nil, status.kind != .directory {
        // A file of the host, on a file that nobody has seen.
        path.removeLast()
      } else if status.kind == .directory {
        try target.makeDirectory(name)
        target = try target.openDirectory(name)
        if let mount, mount.overlay == nil {
          // Not in the scratch: it comes as an empty directory.
          levels.append(Level(permissions: status.permissions, pending: [], isMount: true))
          count += 1
          continue
        }
        source = try mount == nil ? source.openDirectory(name) : tree.openDirectory(path)
        let permissions = try source.status().permissions
        levels.append(try enter(source, permissions: permissions, isMount: mount != nil))
      } else {
        try copyEntry(name, status, from: source, to: target, as: name)
        path.removeLast()
      }
    }
  }

  private mutating func enter(
    _ directory: borrowing OwnedDescriptor, permissions: UInt32, isMount: Bool = false
  ) throws -> Level {
    count += 1
    let names = try directory.entryNames(atMost: Self.maximumEntries - count)
    guard let names, count + names.count <= Self.maximumEntries else {
      throw ExportError(.tooManyEntries)
    }
    return Level(permissions: permissions, pending: names.reversed(), isMount: isMount)
  }

  /// AFTER the contents, which change a directory's times.
  private func finish(
    _ level: Level, _ source: borrowing OwnedDescriptor, _ target: borrowing OwnedDescriptor
  ) throws(SystemError) {
    try target.setPermissions(level.permissions & 0o777)
    try source.copyTimes(of: "", to: target, "")
  }

  private mutating func copyEntry(
    _ name: [UInt8], _ status: FileStatus, from directory: borrowing OwnedDescriptor,
    to target: borrowing OwnedDescriptor, as newName: [UInt8]
  ) throws {
    count += 1
    switch status.kind {
    case .regular:
      try countRepetition(of: status)
      guard let file = try directory.openFile(name) else { throw ExportError(.changedMeanwhile) }
      let copy = try target.makeFile(newName)
      guard let copied = try file.copyContent(to: copy, mayProceed: mayProceed) else {
        throw ExportError(.toldToEnd)
      }
      bytes += copied
      // AFTER the content; setuid, setgid and sticky bits stay behind.
      try copy.setPermissions(status.permissions & 0o777)
    case .symbolicLink:
      try target.makeSymbolicLink(newName, to: directory.linkTarget(of: name))
    case .directory, .characterDevice, .blockDevice, .pipe, .socket, .other:
      throw SpecError(
        "\(shownPath) is a \(status.kind.word), which cannot be exported",
        remedy: "export files, directories and symbolic links; have the command remove it")
    }
    try directory.copyTimes(of: name, to: target, newName)
  }

  /// Each hard link becomes a file of its own: a few megabytes with thousands of links must not
  /// fill the host's disk.
  private mutating func countRepetition(of status: FileStatus) throws(SpecError) {
    guard status.links > 1, !linked.insert(status.fileNumber).inserted else { return }
    repeatedBytes += status.contentSize
    guard repeatedBytes <= Self.maximumRepeatedBytes else {
      throw SpecError(
        "\(shownPath) is one of many hard links, which would take more than 1 GiB as files of "
          + "their own", remedy: "have the command make an archive, or remove links")
    }
  }

  /// Where the copy has got to, for a message.
  var shownPath: String {
    let slash = [UInt8(ascii: "/")]
    return String(quoting: slash + path.joined(separator: slash))
  }
}
