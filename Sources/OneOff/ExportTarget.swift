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
    do {
      if let found = try directory.status(of: name) {
        try check(found, nil)
        try checkThatItIsNoMountPoint()
      }
      try tryDraft()
    } catch let error as SystemError {
      throw explainingDraft(error)
    } catch let error as ExportError {
      throw error.of(export).beforeTheRun
    }
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

  private func checkThatItIsNoMountPoint() throws {
    guard try directory.isMountPoint(name) else { return }
    throw SpecError(
      "something is mounted on \(String(quoting: export.destination.string)), to which "
        + "\(export.shownSource) is to be exported",
      remedy: "what is mounted cannot be replaced: unmount it, or export to a name in it")
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
      throw explainingDraft(error)
    }
  }

  private func explainingDraft(_ error: SystemError) -> SystemError {
    error.explainingExport(
      to: export,
      error.call == "mkdirat(2)"
        ? "nothing can be made in the directory above it, as in /proc and /sys: choose another one"
        : "it is made in \(shownDraft) beside it, and \(shownDraft) is not yours: remove it")
  }

  /// Finds out before the command runs whether the draft can be made. One of another run's, which
  /// may be over by then, is not in the way.
  private func tryDraft() throws {
    guard try directory.status(of: draftName) == nil else {
      try checkThatItIsADraft(directory.openDirectory(draftName))
      return
    }
    // Under a name that nobody else has: another run's draft must not go with it.
    let digits = randomBytes(8).map { String($0, radix: 16) }.joined()
    let trial = ".oneoff-export-\(digits)"
    try directory.makeDirectory(trial)
    try directory.remove(trial, isDirectory: true)
  }

  /// Nothing but a draft of ours is to be emptied, whatever somebody has given its name to.
  private func checkThatItIsADraft(_ found: borrowing OwnedDescriptor) throws {
    guard try found.status().owner.uid == effectiveOwner().uid,
      let names = try found.openDirectory("").entryNames(atMost: 1),
      names.allSatisfy({ $0 == Self.copyName })
    else { throw ExportError(.draftOfOthers(shownDraft)) }
  }

  private static let attempts = 16

  /// The draft's name, for a message.
  private var shownDraft: String { String(quoting: draftName) }

  /// - Returns: nil when its owner has removed it in this very moment.
  private func openDraft() throws -> OwnedDescriptor? {
    guard let found = try makeOrOpenDraft() else { return nil }
    try checkThatItIsADraft(found)
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
  ///
  /// - Returns: why it has it still, or why what was there before has not got its name back.
  func undo() -> SystemError? {
    guard let draft, draft.placement != .draft else { return nil }
    let isExchanged = draft.placement == .exchanged
    draft.placement = .draft
    do throws(SystemError) {
      // If somebody else has changed it in the meantime, it is his.
      try directory.move(
        name, to: draft.directory, as: Self.copyName, exchanging: isExchanged)
      return nil
    } catch {
      guard isExchanged else {
        return error.explainingExport(to: export, "it could not be taken back: remove it")
      }
      // What was there before must not go with the draft.
      self.draft = nil
      let copy = draftName + Array("/".utf8) + Self.copyName
      return error.explainingExport(
        to: export,
        "what was there before is \(String(quoting: copy)) beside it: move it back before the next "
          + "export, which removes it")
    }
  }

  /// Removes the draft, and with it a copy that has no name, or what had the name before.
  ///
  /// - Returns: why something of it is left, which the next export to the same name tries to
  ///   remove.
  func removeDraft() -> SystemError? {
    guard let draft else { return nil }
    self.draft = nil
    do throws(SystemError) {
      try draft.directory.removeContents()
      try directory.remove(draftName, isDirectory: true)
      return nil
    } catch {
      return error.explainingExport(
        to: export,
        "\(shownDraft) is left beside it: remove it, or leave it to the next "
          + "export to the same name; what is mounted in it has to be unmounted first")
    }
  }
}

extension SystemError {
  /// The error of an export, which says of which.
  func explainingExport(to export: Export, _ remedy: String) -> SystemError {
    var explained = self
    explained.subject = "for the export \(export.inWords)"
    explained.hint =
      switch errno {
      case .noSpace, .diskQuotaExceeded: "its file system is full: make room, or export less"
      case .fileNameTooLong: "a name has at most 255 bytes, a path 4095: choose a shorter one"
      default: remedy
      }
    return explained
  }
}

extension [UInt8] {
  /// Tells names apart. See FNV-1a, 64 bits.
  fileprivate var fowlerNollVoHash: UInt64 {
    reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
