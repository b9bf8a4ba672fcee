import ContainerSpec
import LinuxSystem
import SystemPackage

/// Where an export goes: a name in a directory of the host, and beside it, as long as the copy is
/// made, a directory of oneoff's own.
///
/// Whoever looks at the name sees what was there before, or all of the copy. When the supervisor is
/// killed in between, the directory stays; the next export to the same name removes it.
final class ExportTarget {
  let export: Export
  private let replaces: Bool
  private let directory: OwnedDescriptor
  private let name: [UInt8]
  private var draft: Draft?

  /// What the copy is called in the draft's directory.
  static let copyName = Array("copy".utf8)

  /// The directory of oneoff's own. The lock on it says that its maker is alive.
  private final class Draft {
    let directory: OwnedDescriptor
    /// Whether the copy has its name, and what had it before is in the copy's place.
    var placement = Placement.draft

    enum Placement { case draft, new, exchanged }

    init(_ directory: consuming OwnedDescriptor) { self.directory = directory }
  }

  /// Opens the directory and looks at what is there.
  ///
  /// - Throws: when the export could not be made as things are now.
  init(_ export: Export, replaces: Bool) throws {
    self.export = export
    self.replaces = replaces
    let parent = export.destination.removingLastComponent()
    do throws(SystemError) {
      self.directory = try OwnedDescriptor(
        opening: parent.isEmpty ? "." : parent, flags: [.directory])
      self.name = Array((export.destination.lastComponent?.string ?? "").utf8)
      try directory.checkThatEntriesCanBeMade()
    } catch {
      throw error.explainingExport(
        to: export,
        "the directory above it must exist, and you must be allowed to make files in it")
    }
    if let found = try directory.status(of: name) { try check(found, nil) }
  }

  /// The targets of a run's exports.
  static func all(of spec: RunSpec) throws -> [ExportTarget] {
    try spec.exports.map { try ExportTarget($0, replaces: spec.replacesExports) }
  }

  /// Whether a copy of that kind, where it is known, may come in the place of what was found.
  private func check(_ found: FileStatus, _ kind: FileStatus.Kind?) throws(SpecError) {
    let shown = String(quoting: export.destination.string)
    guard replaces else {
      throw SpecError(
        "\(shown), to which \(export.shownSource) is to be exported, exists already",
        remedy: "remove it, choose another name, or give --export-replace")
    }
    switch found.kind {
    case .directory where kind == nil || kind == .directory: return
    case .regular where kind != .directory, .symbolicLink where kind != .directory: return
    default:
      throw SpecError(
        "\(shown), to which \(export.shownSource) is to be exported, is something else",
        remedy: "a directory replaces a directory, and a file a file; remove it first")
    }
  }

  // MARK: The draft

  private var draftName: [UInt8] {
    let suffix = Array(".oneoff-export".utf8)
    var stem = name
    if stem.count > 255 - 1 - suffix.count {
      // Two long names may begin alike.
      stem = name.prefix(200) + Array("-\(String(name.fowlerNollVoHash, radix: 16))".utf8)
    }
    return [UInt8(ascii: ".")] + stem + suffix
  }

  /// Makes the directory in which the copy is made; what another supervisor has left is removed.
  ///
  /// - Throws: an `ExportError` when one that is alive has it, or when it is somebody else's; a
  ///   `SystemError`.
  func makeDraft() throws {
    do {
      for _ in 0..<Self.attempts {
        guard let found = try openDraft() else { continue }
        draft = Draft(found)
        try draft?.directory.setPermissions(0o700)
        try draft?.directory.removeContents()
        return
      }
      throw ExportError(.draftInUse(shownDraft))
    } catch let error as SystemError {
      throw error.explainingExport(
        to: export,
        "it is made in \(shownDraft) beside it, and \(shownDraft) is not yours: remove it")
    }
  }

  private static let attempts = 16

  /// The draft's name, for a message.
  private var shownDraft: String { String(quoting: draftName) }

  /// - Returns: nil when its owner has removed it in this very moment.
  private func openDraft() throws -> OwnedDescriptor? {
    guard let found = try makeOrOpenDraft() else { return nil }
    // Nothing but a draft of ours is to be emptied, whatever somebody has given its name to.
    guard try found.status().owner.uid == effectiveOwner().uid,
      let names = try found.entryNames(atMost: 1), names.allSatisfy({ $0 == Self.copyName })
    else { throw ExportError(.draftOfOthers(shownDraft)) }
    guard try found.tryLock(.exclusive, subject: "of \(shownDraft)") else {
      throw ExportError(.draftInUse(shownDraft))
    }
    // The owner of before may have removed it before he has let go of the lock.
    guard try directory.status(of: draftName)?.identity == found.status().identity else {
      return nil
    }
    return found
  }

  private func makeOrOpenDraft() throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      try directory.makeDirectory(draftName)
    } catch let error where error.errno == .fileExists {}
    do throws(SystemError) {
      return try directory.openDirectory(draftName)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Calls a function with the draft's directory.
  func withDraft(_ body: (borrowing OwnedDescriptor) throws -> Void) throws {
    guard let draft else { preconditionFailure("the draft is made before") }
    try body(draft.directory)
  }

  // MARK: The copy gets its name

  /// Gives the copy its name.
  ///
  /// - Throws: when something else has it, and may not be replaced.
  func place() throws {
    guard let draft else { preconditionFailure("the draft is made before") }
    do {
      let found = try directory.status(of: name)
      if let found {
        try check(found, draft.directory.status(of: Self.copyName)?.kind)
      }
      try draft.directory.move(
        Self.copyName, to: directory, as: name, exchanging: found != nil)
      draft.placement = found == nil ? .new : .exchanged
    } catch let error as SystemError {
      throw error.explainingExport(
        to: export,
        "another program may have changed it meanwhile; the directory above it must be "
          + "on a file system that can rename without replacing (ext4, xfs, btrfs, tmpfs)")
    }
  }

  /// Takes the name away from the copy again.
  func undo() {
    guard let draft else { return }
    // If somebody else has changed it in the meantime, it is his.
    switch draft.placement {
    case .draft: return
    case .new:
      try? directory.move(name, to: draft.directory, as: Self.copyName, exchanging: false)
    case .exchanged:
      try? directory.move(name, to: draft.directory, as: Self.copyName, exchanging: true)
    }
    draft.placement = .draft
  }

  /// Removes the draft, and with it a copy that has no name, or what had the name before. What
  /// cannot be removed stays for the next export.
  func removeDraft() {
    guard let draft else { return }
    try? draft.directory.removeContents()
    try? directory.remove(draftName, isDirectory: true)
    self.draft = nil
  }
}

extension SystemError {
  /// The error of an export, which says of which.
  func explainingExport(to export: Export, _ remedy: String) -> SystemError {
    var explained = self
    explained.subject = "for the export \(export.inWords)"
    explained.hint = errno.isFull ? "its file system is full: make room, or export less" : remedy
    return explained
  }
}

extension [UInt8] {
  /// Tells names apart. See FNV-1a, 64 bits.
  fileprivate var fowlerNollVoHash: UInt64 {
    reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

extension Errno {
  fileprivate var isFull: Bool { self == .noSpace || self == .diskQuotaExceeded }
}
