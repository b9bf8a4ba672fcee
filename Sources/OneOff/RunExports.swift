import ContainerSpec
import LinuxSystem
import SystemPackage

extension RunResult {
  /// Something that was brought out of the scratch.
  public struct Export: Sendable, Hashable, Codable {
    /// The path inside, with U+FFFD for what is not UTF-8 in it.
    public var path: String
    /// What it has become on the host, as the specification names it; likewise.
    public var to: String
    /// How many files, directories and symbolic links it has, 1 to 1,000,000.
    public var files: Int
    /// The data in its regular files, in bytes; holes are none.
    public var bytes: UInt64
  }
}

/// What a run brings out of its scratch when it has succeeded: all of it, or nothing.
final class RunExports {
  private let targets: [ExportTarget]
  private let plan: LaunchPlan
  private let socket: DescriptorSocket
  /// What could not be cleaned up by ``make(mayProceed:)``, whether it has succeeded or not.
  private(set) var leftovers: [SystemError] = []

  /// - Parameter socket: over which PID 1 sends the overlays; nil in a run without exports.
  init?(_ targets: [ExportTarget], _ plan: LaunchPlan, socket: consuming DescriptorSocket?) {
    guard let socket else { return nil }
    self.targets = targets
    self.plan = plan
    self.socket = socket
  }

  /// Makes the exports of a run whose container is dead.
  ///
  /// - Parameter mayProceed: is asked again and again; `false` ends the work.
  /// - Throws: an `ExportError`, a `SpecError` or a `SystemError`. Nothing is exported then.
  func make(mayProceed: @escaping () -> Bool) throws -> [RunResult.Export] {
    let tree = try receiveTree()
    defer { leftovers += targets.compactMap { $0.removeDraft() } }
    var made: [RunResult.Export] = []
    for target in targets { made.append(try copy(target, tree, mayProceed)) }
    do {
      // AFTER all of them were copied: hardly anything can fail any more.
      for target in targets { try target.place() }
    } catch {
      leftovers += targets.reversed().compactMap { $0.undo() }
      throw error
    }
    return made
  }

  private func receiveTree() throws -> SeenTree {
    let overlays = DescriptorTable()
    var count = 0
    for operation in plan.setup {
      guard case .sendDirectory = operation else { continue }
      guard let overlay = try receiveOverlay() else { throw ExportError(.overlaysNotSent) }
      overlays.adopt(overlay, as: .exported(count))
      count += 1
    }
    return try SeenTree(plan, overlays: overlays)
  }

  /// - Returns: nil when PID 1 has not sent it, and will not.
  private func receiveOverlay() throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      return try socket.receiveDescriptor("of what is exported from")
    } catch let error where error.errno == .noData {
      return nil
    }
  }

  private func copy(
    _ target: ExportTarget, _ tree: SeenTree, _ mayProceed: @escaping () -> Bool
  ) throws -> RunResult.Export {
    let export = target.export
    var copy = ExportCopy(tree, mayProceed: mayProceed)
    do {
      let found = try tree.find(export.source.string)
      try target.makeDraft()
      try target.withDraft { try copy.copy(found, to: $0, as: ExportTarget.copyName) }
    } catch let error as ExportError {
      throw error.of(export)
    } catch let error as SystemError where error.hint == nil {
      throw error.explainingExport(to: export, Self.remedy(error, copy))
    }
    return RunResult.Export(
      path: export.source.string, to: export.destination.string, files: copy.count,
      bytes: copy.bytes)
  }

  private static func remedy(_ error: SystemError, _ copy: ExportCopy) -> String {
    switch error.errno {
    case .noSpace, .diskQuotaExceeded:
      "the host's file system is full: free room, or export to another one"
    case .permissionDenied, .notPermitted:
      "whoever runs oneoff may not read \(copy.shownPath), or not write beside the target"
    default: "it came to \(copy.shownPath); see the kernel's log (dmesg)"
    }
  }
}
