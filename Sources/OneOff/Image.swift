import ContainerSpec
import LinuxSystem
import SystemPackage

/// The layers of a run, looked at before they are mounted. They may be hostile: every path is
/// resolved below its layer.
struct Image {
  private let layers = DescriptorTable()
  private let paths: [FilePath]

  /// Opens the layers, the lowest first.
  ///
  /// - Throws: an error that names the layer: missing, not a directory, a loop of links, empty.
  init(_ paths: [FilePath]) throws {
    self.paths = paths
    for (index, path) in paths.enumerated() {
      layers.adopt(
        try Self.open(path, role: index == 0 ? "rootfs" : "layer"), as: .layer(index))
    }
  }

  /// Opens a directory that the specification names.
  static func open(_ path: FilePath, role: String) throws -> OwnedDescriptor {
    do throws(SystemError) {
      return try OwnedDescriptor(directory: path)
    } catch {
      throw SpecError("the \(role) \(path) \(Self.explanation(of: error))", remedy: Self.remedy)
    }
  }

  private static let remedy = "name a directory that holds a root file system, or part of one"

  private static func explanation(of error: SystemError) -> String {
    switch error.errno {
    case .noSuchFileOrDirectory: "does not exist"
    case .notDirectory: "is not a directory"
    case .tooManySymbolicLinkLevels: "is a loop of symbolic links"
    default: "cannot be opened: \(error.errno.name) (\(error.errno.description))"
    }
  }

  /// Refuses a root file system without any file, which is a slip more often than not.
  func checkThatItIsNotEmpty() throws {
    if paths.count == 1, try isEmptyDirectory(paths[0]) {
      throw SpecError("the rootfs \(paths[0]) is empty", remedy: Self.remedy)
    }
  }

  /// The layers that a run has no ids for, as their own directory or their /etc shows: that is what
  /// an image looks like that was unpacked for another id map. Nothing more is looked at.
  func foreignOwners(_ rootless: Rootless?) throws -> [RunWarning] {
    var warnings: [RunWarning] = []
    for (index, path) in paths.enumerated() {
      for place in ["", "etc"] {
        let owner = try layers.status(of: .layer(index), place)?.owner
        let role = index == 0 ? "rootfs" : "layer"
        let shown = place.isEmpty ? path : path.appending(place)
        guard let warning = RunWarning(role, shown, owner: owner, rootless: rootless) else {
          continue
        }
        warnings.append(warning)
        break
      }
    }
    return warnings
  }

  /// A file of the image, looked for from the top layer down; nil when no layer has it.
  func read(_ path: String, limit: Int) throws -> [UInt8]? {
    for index in paths.indices.reversed() {
      guard let file = try layers.find(path, below: .layer(index), flags: .pathOnly),
        try file.status().kind == .regular
      else { continue }
      return try file.reopened().readAll(limit: limit, subject: "of \(path) in the image")
    }
    return nil
  }
}
