import ContainerSpec
import LinuxSystem
import SystemPackage

/// The scratch and the layers of a run, kept open: when the command is dead the container's mounts
/// go, but what was opened below them is still reached by its descriptor.
struct ChangeSources {
  private let descriptors: DescriptorTable
  private let overlays: [ChangedOverlay]
  private let own: [(path: String, isMountPoint: Bool)]
  private let watched: [FilePath]
  private let attributes: String

  /// Keeps what is needed of a launch's descriptors, and closes the others.
  init(
    _ subject: LaunchSubject, _ sequence: LaunchSequence, keeping descriptors: DescriptorTable
  ) {
    descriptors.closeAll { name in
      switch name {
      case .scratch, .layer, .app, .hostPart: true
      default: false
      }
    }
    self.descriptors = descriptors
    self.overlays = Self.overlays(of: subject)
    self.own = Self.ownFiles(of: subject, sequence.plan)
    // What is exported stays.
    let exports = subject.spec.exports
    self.watched = subject.spec.watchedDirectories.filter { directory in
      !exports.contains { directory.starts(with: $0.source) }
    }
    self.attributes = subject.rootless == nil ? "trusted.overlay." : "user.overlay."
  }

  private static func overlays(of subject: LaunchSubject) -> [ChangedOverlay] {
    let layers = subject.hostTree == nil ? subject.spec.layers.indices : 0..<0
    var overlays = [
      ChangedOverlay(
        upper: ScratchLayout.upper, layers: layers.reversed().map { .layer($0) }, mountPoint: "")
    ]
    for (index, part) in (subject.hostTree?.parts ?? []).enumerated() {
      guard case .layer(let path) = part else { continue }
      overlays.append(
        ChangedOverlay(
          upper: ScratchLayout.partUpper(index), layers: [.hostPart(index)],
          mountPoint: path.string))
    }
    if let app = subject.app {
      overlays.append(
        ChangedOverlay(
          upper: ScratchLayout.appUpper, layers: [.app], mountPoint: app.mountPoint.string))
    }
    return overlays
  }

  /// What is in the upper directories before the command runs.
  private static func ownFiles(
    of subject: LaunchSubject, _ plan: LaunchPlan
  ) -> [(path: String, isMountPoint: Bool)] {
    var own = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].map { ($0, true) }
    for operation in plan.setup {
      switch operation {
      case .attach(_, let place), .mount(_, let place):
        if place.base == .root, place.missing != .fail { own.append((place.path, true)) }
      default: break
      }
    }
    for part in subject.hostTree?.parts ?? [] {
      switch part {
      case .layer(let path), .file(let path): own.append((path.string, true))
      case .directory(let path, _), .link(let path, _): own.append((path.string, false))
      }
    }
    return own
  }

  /// How full a scratch of that kind is; nil when that cannot be told.
  func use(of scratch: Scratch?) -> ScratchUse? {
    (try? descriptors.room(of: .scratch)).map { ScratchUse(scratch: scratch, room: $0) }
  }

  /// Sees to it that nothing that the command has written to a scratch on disk was lost.
  ///
  /// - Throws: EIO or ENOSPC with a remedy when the host's disk was full before the scratch was.
  func checkScratch() throws(SystemError) {
    do throws(SystemError) {
      try descriptors.syncFileSystem(of: .scratch)
    } catch {
      var explained = error
      explained.hint =
        "the host's disk was full, and what the command wrote is lost: make room "
        + "below the state directory (ONEOFF_STATE_DIR)"
      throw explained
    }
  }

  /// Lets the scratch go without writing to the disk what is still in memory. Nothing in it can be
  /// read afterwards.
  func forgetScratch() { try? descriptors.shutDownFileSystem(of: .scratch) }

  /// What the run has changed, and what there is to say about it; once nobody can change more.
  func changes(
    report: ((Change) -> Void)?
  ) -> (summary: RunResult.Changes, warnings: [RunWarning]) {
    var walk = ChangeWalk(
      descriptors: descriptors, own: own, watched: watched, attributes: attributes,
      report: report)
    for overlay in overlays { walk.walk(overlay) }
    var warnings: [RunWarning] = []
    for (directory, count) in zip(watched, walk.watchedFiles) where count > 0 {
      warnings.append(RunWarning(discarded: count, in: directory))
    }
    return (walk.changes, warnings)
  }
}

extension RunWarning {
  /// Files that the command has left where it can only have meant them to stay.
  init(discarded count: Int, in directory: FilePath) {
    self.code = "discarded-changes"
    self.text =
      "\(count) \(count == 1 ? "file" : "files") below \(directory) went with the container: what "
      + "a run writes is thrown away. Build assets in the build, not here"
  }
}
