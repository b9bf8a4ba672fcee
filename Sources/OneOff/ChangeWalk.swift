import ContainerSpec
import LinuxSystem
import SystemPackage

/// An overlay of a run whose upper directory is thrown away.
struct ChangedOverlay: Sendable, Hashable {
  /// The upper directory's name in the scratch.
  var upper: String
  /// Its layers, the topmost first.
  var layers: [DescriptorName]
  /// Where the command saw it; empty for the root.
  var mountPoint: String
}

/// Finds out what a run has changed, from what its overlays have kept of it, once the container is
/// dead. Reads upper directories only, and of the layers what has the same path.
///
/// The tree is somebody else's: no link is followed, and time and memory are bounded.
struct ChangeWalk {
  /// The most entries that are looked at: some seconds' worth.
  static let maximumEntries = 1_000_000
  /// The most memory for directories that are still to be read.
  private static let maximumPendingBytes = 64 << 20
  /// The most paths that a summary names.
  static let maximumPaths = 20
  /// The most of them from one directory.
  private static let maximumPathsOfDirectory = 4

  /// A directory of an upper one.
  private struct Directory {
    /// The path below the upper directory.
    var path: [UInt8]
    /// The path in the layers; nil when they have none.
    var lower: [UInt8]?
    /// Whether what is there in the layers is not seen any more.
    var isOpaque = false
  }

  /// What was found.
  private(set) var changes = RunResult.Changes()
  /// How many files were written in each of the directories that were to be watched.
  private(set) var watchedFiles: [Int]

  private let descriptors: DescriptorTable
  /// What oneoff itself has made, and whether something is mounted on it.
  private let own: [(path: [UInt8], isMountPoint: Bool)]
  private let watched: [[UInt8]]
  private let attributes: String
  private let report: ((Change) -> Void)?
  private let clock: () -> Duration
  private let deadline: Duration
  private var overlay = ChangedOverlay(upper: "", layers: [], mountPoint: "")
  private var pending: [Directory] = []
  private var pendingBytes = 0
  private var entriesLeft: Int

  /// - Parameters:
  ///   - descriptors: the scratch and the layers.
  ///   - attributes: what overlayfs's attributes begin with, `trusted.overlay.` for root's.
  ///   - report: is told every change.
  ///   - limit: how many entries are looked at.
  ///   - clock: by which the time runs out.
  init(
    descriptors: DescriptorTable, own: [(path: String, isMountPoint: Bool)],
    watched: [FilePath], attributes: String, report: ((Change) -> Void)? = nil,
    atMost limit: Int = maximumEntries, clock: @escaping () -> Duration = monotonicClock
  ) {
    self.descriptors = descriptors
    self.own = own.map { (Array($0.path.utf8), $0.isMountPoint) }
    self.watched = watched.map { Array($0.string.utf8) }
    self.watchedFiles = watched.map { _ in 0 }
    self.attributes = attributes
    self.report = report
    self.entriesLeft = limit
    self.clock = clock
    self.deadline = clock() + Self.maximumTime
  }

  /// How long is looked for changes.
  static let maximumTime = Duration.seconds(5)

  /// Adds the changes in an overlay.
  mutating func walk(_ overlay: ChangedOverlay) {
    self.overlay = overlay
    pending = [Directory(path: [], lower: [])]
    while let directory = pending.popLast() {
      // Nobody is listened to meanwhile: a tree that is made to take long must not.
      guard clock() < deadline else {
        changes.complete = false
        return
      }
      pendingBytes -= directory.path.count
      do throws(SystemError) {
        try read(directory)
      } catch {
        // A path that is too long, or too many open files.
        changes.complete = false
      }
    }
  }

  private mutating func read(_ directory: Directory) throws(SystemError) {
    let path = Array(overlay.upper.utf8) + (directory.path.isEmpty ? [] : [slash]) + directory.path
    switch try descriptors.findDirectory(path, below: .scratch) {
    case .missing: return
    case .found(let upper):
      guard let names = try upper.entryNames(atMost: entriesLeft) else {
        entriesLeft = 0
        changes.complete = false
        return
      }
      entriesLeft -= names.count
      guard !names.isEmpty || directory.isOpaque else { return }
      let lower = try LowerDirectories(
        directory.lower, layers: overlay.layers, in: descriptors, attributes: attributes)
      var found = FoundInDirectory(
        path: inside(directory.path), own: ownNames(in: directory.path),
        watched: watchedDirectory(above: directory.path))
      let firstChild = pending.count
      let (clock, deadline) = (clock, deadline)
      let hasTime = { clock() < deadline }
      for (index, name) in names.enumerated() {
        guard index % Self.entriesPerLook != Self.entriesPerLook - 1 || hasTime() else {
          changes.complete = false
          return
        }
        // Not even looked at: after most runs nothing else is there.
        if found.own.contains(where: { $0.isMountPoint && $0.name == name }) { continue }
        guard let status = try upper.status(of: name) else { continue }
        let below = try lower.status(of: name)
        try look(at: name, status, below, in: directory, upper, &found)
      }
      // The last one is read next.
      pending[firstChild...].reverse()
      if directory.isOpaque {
        if let missing = try lower.names(
          except: names, atMost: &entriesLeft, while: hasTime)
        {
          for name in missing { note(.deleted, name, nil, in: &found) }
        } else {
          changes.complete = false
        }
      }
    }
  }

  /// After how many entries of a directory it is looked at the clock: one takes some microseconds.
  fileprivate static let entriesPerLook = 256

  private mutating func look(
    at name: [UInt8], _ status: FileStatus, _ below: FileStatus?, in directory: Directory,
    _ upper: borrowing OwnedDescriptor, _ found: inout FoundInDirectory
  ) throws(SystemError) {
    let isOwn = found.own.contains { $0.name == name }
    if status.isWhiteout {
      note(.deleted, name, nil, in: &found)
      return
    }
    guard status.kind == .directory else {
      // What oneoff has made and the layers do not have, but for directories, stays out.
      if !isOwn || below != nil {
        note(below == nil ? .created : .modified, name, status, in: &found)
      }
      return
    }
    guard case .found(let child) = try upper.findDirectory(name) else { return }
    var next = Directory(path: joined(directory.path, name), lower: nil)
    let origin = child.attribute(attributes + "redirect").flatMap { target -> [UInt8]? in
      if target.first == slash { return Array(target.dropFirst()) }
      return directory.lower.map { joined($0, target) }
    }
    if let origin {
      next.lower = origin
      note(.created, name, status, origin: inside(origin), in: &found)
    } else if let below {
      let isSame =
        below.kind == .directory && below.owner == status.owner
        && below.permissions == status.permissions
      if !isSame { note(.modified, name, status, in: &found) }
      if below.kind == .directory {
        next.lower = directory.lower.map { joined($0, name) }
        next.isOpaque = directory.isOpaque || child.attribute(attributes + "opaque") == [0x79]
      }
    } else if !isOwn {
      note(.created, name, status, in: &found)
    }
    push(next)
  }

  private mutating func push(_ directory: Directory) {
    guard pendingBytes < Self.maximumPendingBytes else {
      changes.complete = false
      return
    }
    pendingBytes += directory.path.count
    pending.append(directory)
  }

  // MARK: What was found

  /// What was found in the directory that is being read.
  private struct FoundInDirectory {
    /// The path as the command saw it.
    let path: [UInt8]
    /// What oneoff has made in it.
    let own: [(name: [UInt8], isMountPoint: Bool)]
    /// The index of the watched directory that it is or lies in.
    let watched: Int?
    var count = 0
  }

  private mutating func note(
    _ kind: Change.Kind, _ name: [UInt8], _ status: FileStatus?, origin: [UInt8]? = nil,
    in found: inout FoundInDirectory
  ) {
    let bytes = status?.kind == .regular ? status?.contentSize ?? 0 : 0
    switch kind {
    case .created: changes.created += 1
    case .modified: changes.modified += 1
    case .deleted: changes.deleted += 1
    }
    changes.bytes += bytes
    if status?.kind == .regular, let watched = found.watched { watchedFiles[watched] += 1 }
    found.count += 1
    if found.count <= Self.maximumPathsOfDirectory, changes.paths.count < Self.maximumPaths {
      changes.paths.append(String(decoding: found.path + [slash] + name, as: UTF8.self))
    } else {
      changes.truncated = true
      let isNext = found.count == Self.maximumPathsOfDirectory + 1
      if isNext, changes.paths.count < Self.maximumPaths {
        changes.paths.append(String(decoding: found.path, as: UTF8.self) + "/…")
      }
    }
    report?(
      Change(
        kind: kind, path: found.path + [slash] + name, type: status?.kind, bytes: bytes,
        origin: origin))
  }

  /// A path in the overlay as the command saw it; without a slash at its end.
  private func inside(_ path: [UInt8]) -> [UInt8] {
    Array(overlay.mountPoint.utf8) + (path.isEmpty ? [] : [slash]) + path
  }

  private func ownNames(in path: [UInt8]) -> [(name: [UInt8], isMountPoint: Bool)] {
    let prefix = inside(path) + [slash]
    return own.compactMap { own in
      guard own.path.starts(with: prefix) else { return nil }
      let rest = own.path.dropFirst(prefix.count)
      let name = Array(rest.prefix { $0 != slash })
      return (name, own.isMountPoint && name.count == rest.count)
    }
  }

  private func watchedDirectory(above path: [UInt8]) -> Int? {
    let path = inside(path) + [slash]
    return watched.firstIndex { path.starts(with: $0 + [slash]) }
  }
}

private let slash = UInt8(ascii: "/")

private func joined(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
  directory.isEmpty ? name : directory + [slash] + name
}

extension FileStatus {
  /// Whether overlayfs hides with it what is below. See the kernel's overlayfs.rst.
  fileprivate var isWhiteout: Bool { kind == .characterDevice && device == (0, 0) }
}

/// The directories of the layers that a directory of an overlay is merged from, the topmost first.
private struct LowerDirectories: ~Copyable {
  private var names: [DescriptorName] = []
  private let directories = DescriptorTable()

  init(
    _ path: [UInt8]?, layers: [DescriptorName], in descriptors: DescriptorTable,
    attributes: String
  ) throws(SystemError) {
    guard let path else { return }
    for (index, layer) in layers.enumerated() {
      switch try descriptors.findDirectory(path, below: layer) {
      case .missing(.nothing): continue
      case .missing(.other): return
      case .found(let directory):
        let isLast =
          index == layers.count - 1 || directory.attribute(attributes + "opaque") == [0x79]
        directories.adopt(directory, as: .layer(index))
        names.append(.layer(index))
        if isLast { return }
      }
    }
  }

  /// What a name is that the layers have; nil when they do not.
  func status(of name: [UInt8]) throws(SystemError) -> FileStatus? {
    for directory in names {
      if let status = try directories.status(of: directory, name) {
        return status.isWhiteout ? nil : status
      }
    }
    return nil
  }

  /// The names that the layers have and `others` do not; nil when there are too many, or when there
  /// is no time left.
  ///
  /// - Parameter limit: how many entries may be looked at; those that were are taken off it.
  func names(
    except others: [[UInt8]], atMost limit: inout Int, while hasTime: () -> Bool
  ) throws(SystemError) -> [[UInt8]]? {
    var seen = Set(others)
    var missing: [[UInt8]] = []
    for directory in names {
      guard let entries = try directories.entryNames(of: directory, atMost: limit) else {
        limit = 0
        return nil
      }
      limit -= entries.count
      for (index, name) in entries.enumerated() where seen.insert(name).inserted {
        guard index % ChangeWalk.entriesPerLook != 0 || hasTime() else { return nil }
        if try directories.status(of: directory, name)?.isWhiteout == false {
          missing.append(name)
        }
      }
    }
    return missing
  }
}
