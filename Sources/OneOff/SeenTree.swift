import ContainerSpec
import LinuxSystem
import SystemPackage

/// The file system as the command saw it, once the container is dead: the overlays, by descriptors
/// that PID 1 has sent, and the places at which something else was mounted.
///
/// The tree is somebody else's, but nobody changes it any more. Every path is resolved here, one
/// component at a time: a symbolic link leads to where it led inside, and never out.
struct SeenTree {
  /// Something that was mounted, in the order of mounting.
  struct Mount {
    /// Where, without symbolic links: empty for the root.
    var path: [[UInt8]]
    /// The overlay; nil for what is not in the scratch.
    var overlay: DescriptorName?
  }

  /// Something in an overlay.
  struct Found: ~Copyable {
    /// The directory that it is in, or itself where an overlay begins with it.
    let directory: OwnedDescriptor
    /// Its name there; empty where an overlay begins with it.
    let name: [UInt8]
    /// What it is.
    let status: FileStatus
    /// Its path without symbolic links on the way.
    let path: [[UInt8]]
  }

  /// As many symbolic links as the kernel follows on one path. See path_resolution(7).
  private static let maximumLinks = 40

  private let overlays: DescriptorTable
  private(set) var mounts: [Mount] = []

  /// Finds out where everything was mounted.
  ///
  /// - Parameter overlays: those that a plan sends, named in its order.
  init(_ plan: LaunchPlan, overlays: DescriptorTable) throws {
    self.overlays = overlays
    var sent = 0
    for operation in plan.setup {
      switch operation {
      case .mount(let fileSystem, _) where fileSystem.becomes == .root:
        mounts.append(Mount(path: [], overlay: nil))
      case .mount(_, let place), .attach(_, let place):
        guard place.base == .root else { continue }
        mounts.append(Mount(path: try mountPoint(place.path), overlay: nil))
      case .sendDirectory:
        // The plan sends an overlay right after it has mounted it.
        mounts[mounts.count - 1].overlay = .exported(sent)
        sent += 1
      default: break
      }
    }
  }

  /// Where a mount really was, as far as it can still be told.
  private func mountPoint(_ path: String) throws -> [[UInt8]] {
    let given = Self.components(Array(path.utf8))
    do {
      return try resolve(given, followsLast: true)
    } catch is ExportError {
      return given
    }
  }

  // MARK: Paths

  /// What was last mounted exactly there, if anything was.
  func mount(at path: [[UInt8]]) -> Mount? { mounts.last { $0.path == path } }

  /// What a path led to; a symbolic link at its end is taken as such.
  ///
  /// - Throws: an `ExportError` when it leads nowhere; a `SpecError` when it is not in the scratch;
  ///   a `SystemError`.
  func find(_ path: String) throws -> Found {
    let found = try resolve(Self.components(Array(path.utf8)), followsLast: false)
    let (overlay, inside) = location(of: found)
    guard let overlay else {
      throw SpecError(
        "\(String(quoting: path)) is not in the scratch, and so it cannot be exported",
        remedy: "what is in volumes is on the host already; other file systems, such as --tmpfs, "
          + "are not kept")
    }
    if inside.isEmpty {
      let directory = try open(overlay, [])
      let status = try directory.status()
      return Found(directory: directory, name: [], status: status, path: found)
    }
    let directory = try open(overlay, Array(inside.dropLast()))
    guard let name = inside.last, let status = try directory.status(of: name) else {
      throw ExportError(.nothingThere)
    }
    return Found(directory: directory, name: name, status: status, path: found)
  }

  /// Opens a directory by its path without symbolic links.
  ///
  /// - Throws: an `ExportError` when it is not in an overlay; a `SystemError`.
  func openDirectory(_ path: [[UInt8]]) throws -> OwnedDescriptor {
    let (overlay, inside) = location(of: path)
    guard let overlay else { throw ExportError(.nothingThere) }
    return try open(overlay, inside)
  }

  private func open(_ overlay: DescriptorName, _ path: [[UInt8]]) throws -> OwnedDescriptor {
    let joined = Array(path.joined(separator: [UInt8(ascii: "/")]))
    switch try overlays.findDirectory(joined, below: overlay) {
    case .found(let directory): return directory
    case .missing(.nothing): throw ExportError(.nothingThere)
    case .missing(.other): throw ExportError(.notADirectory)
    }
  }

  private static func components(_ path: [UInt8]) -> [[UInt8]] {
    path.split(separator: UInt8(ascii: "/")).map { Array($0) }
  }

  /// The overlay that a path is in, and the path in it: of all that was mounted on the way there,
  /// what was mounted last covers the others.
  private func location(of path: [[UInt8]]) -> (overlay: DescriptorName?, inside: [[UInt8]]) {
    guard let mount = mounts.last(where: { path.starts(with: $0.path) }) else { return (nil, path) }
    return (mount.overlay, Array(path.dropFirst(mount.path.count)))
  }

  /// The path without symbolic links. What is not in an overlay is not looked at.
  private func resolve(_ components: [[UInt8]], followsLast: Bool) throws -> [[UInt8]] {
    var resolved: [[UInt8]] = []
    var pending = Array(components.reversed())
    var links = 0
    while let name = pending.popLast() {
      if name == [0x2e] { continue }
      if name == [0x2e, 0x2e] {
        _ = resolved.popLast()
        continue
      }
      let path = resolved + [name]
      let (overlay, inside) = location(of: path)
      // A mount point is no symbolic link.
      guard let overlay, !inside.isEmpty, followsLast || !pending.isEmpty else {
        resolved = path
        continue
      }
      let directory = try open(overlay, Array(inside.dropLast()))
      guard let status = try directory.status(of: name) else {
        throw ExportError(.nothingThere)
      }
      guard status.kind == .symbolicLink else {
        resolved = path
        continue
      }
      links += 1
      guard links <= Self.maximumLinks else { throw ExportError(.tooManyLinks) }
      let target = try directory.linkTarget(of: name)
      if target.first == UInt8(ascii: "/") { resolved = [] }
      pending += Self.components(target).reversed()
    }
    return resolved
  }
}
