import ContainerSpec
import LinuxSystem
import SystemPackage

/// The host's own root file system in parts, for a run without root.
///
/// Overlayfs takes no layer below which something is mounted that is not this user namespace's: it
/// would show what the mount covers. So every directory without such mounts becomes an overlay of
/// its own, and what lies between them is made anew. As with root, no other file system is there.
struct HostTree: Sendable, Hashable {
  /// A part, in the order in which they are made: parents before what lies in them.
  enum Part: Sendable, Hashable {
    /// A directory that becomes a layer.
    case layer(FilePath)
    /// A file, which is only read.
    case file(FilePath)
    /// A directory in which there are other parts, or nothing.
    case directory(FilePath, permissions: UInt32)
    /// A symbolic link.
    case link(FilePath, target: FilePath)
  }

  /// All parts.
  var parts: [Part] = []

  /// What the container makes by itself.
  private static let fresh: [FilePath] = [
    "/dev", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/proc", "/run", "/sys", "/tmp",
  ]
  /// The most parts: far more than a machine has, and few enough to be mounted in a moment.
  private static let maximumParts = 500

  /// Looks at the host's root directory.
  ///
  /// - Throws: when it is in too many parts; the errnos of open_tree(2).
  init() throws { try add(contentsOf: "/", on: Self.status(of: "/").fileSystem) }

  /// States parts, for tests.
  init(parts: [Part]) { self.parts = parts }

  private static func status(of path: FilePath) throws(SystemError) -> FileStatus {
    try OwnedDescriptor(opening: path, flags: [.pathOnly, .notFollowing]).status()
  }

  private mutating func add(contentsOf directory: FilePath, on fileSystem: UInt64) throws {
    // What the caller may not read shows nothing, as it would inside.
    let names = (try? directoryEntryNames(directory)) ?? []
    for name in names.sorted() {
      let path = directory.appending(name)
      // What has gone in the meantime is not there.
      guard !Self.fresh.contains(path), let status = try? Self.status(of: path) else { continue }
      guard parts.count < Self.maximumParts else {
        throw SpecError(
          "the host's root file system is in more than \(Self.maximumParts) parts",
          remedy: "name a directory without mounts below it as --rootfs, or use sudo")
      }
      try add(path, status, on: fileSystem)
    }
  }

  private mutating func add(
    _ path: FilePath, _ status: FileStatus, on fileSystem: UInt64
  ) throws {
    switch status.kind {
    case .directory where status.fileSystem != fileSystem:
      parts.append(.directory(path, permissions: status.permissions))
    case .directory where try Self.isLayer(path): parts.append(.layer(path))
    case .directory:
      parts.append(.directory(path, permissions: status.permissions))
      try add(contentsOf: path, on: fileSystem)
    case .symbolicLink:
      if let target = try? linkTarget(of: path) { parts.append(.link(path, target: target)) }
    case .regular where status.fileSystem == fileSystem: parts.append(.file(path))
    case .regular, .characterDevice, .blockDevice, .pipe, .socket, .other: break
    }
  }

  /// Whether nothing is mounted below a directory that cannot be left out. See open_tree(2).
  private static func isLayer(_ path: FilePath) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try DetachedMount(cloning: path)
      return true
    } catch let error where error.errno == .invalidArgument {
      return false
    }
  }
}

extension HostTree.Part: CustomStringConvertible {
  /// The part as `print-plan` shows it.
  var description: String {
    switch self {
    case .layer(let path): "layer \(path)"
    case .file(let path): "file \(path)"
    case .directory(let path, _): "directory \(path)"
    case .link(let path, let target): "link \(path) to \(target)"
    }
  }
}
