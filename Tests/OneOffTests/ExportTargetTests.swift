import ContainerSpec
import FoundationEssentials
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// Where an export goes, and the draft beside it.
@Suite struct ExportTargetTests {
  private let path: FilePath

  init() throws {
    path = FilePath("/var/tmp/oneoff-target-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    try makeDirectories(path, permissions: 0o700)
  }

  private func target(_ name: String, replaces: Bool = false) throws -> ExportTarget {
    try ExportTarget(
      Export(source: "/home/x", destination: path.appending(name)), replaces: replaces)
  }

  private func write(_ name: String, _ text: String = "") throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path.appending(name).string))
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try readFile(path.appending(name), limit: 100), as: UTF8.self)
  }

  private var names: [String] {
    get throws { try directoryEntryNames(path).sorted() }
  }

  /// Calls a test's body, and removes what it has made.
  private func cleaningUp(_ body: () throws -> Void) throws {
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    try body()
  }

  private func makeCopy(_ target: ExportTarget, _ text: String) throws {
    try target.makeDraft()
    try target.withDraft {
      try $0.makeFile(ExportTarget.copyName).write(Array(text.utf8))
    }
  }

  @Test func draftOfAnEarlierRunIsEmptied() throws {
    try cleaningUp {
      let draft = path.appending(".x.oneoff-export")
      try makeDirectories(draft.appending("copy/deep"), permissions: 0o700)
      let target = try target("x")
      #expect(try names == [".x.oneoff-export"])
      try target.makeDraft()
      #expect(try directoryEntryNames(draft).isEmpty)
      #expect(target.removeDraft() == nil)
      #expect(try names.isEmpty)
    }
  }

  /// What a slip, or somebody else, has given the draft's name to is not emptied.
  @Test(arguments: ["theirs", "copy2", "Copy"])
  func directoryWithAnythingElseIsNoDraft(name: String) throws {
    try cleaningUp {
      let draft = path.appending(".x.oneoff-export")
      // It came while the command ran.
      let early = try target("x")
      try makeDirectories(draft, permissions: 0o700)
      try write(".x.oneoff-export/\(name)", "kept")
      let late = #expect(throws: ExportError.self) { try early.makeDraft() }
      #expect(late?.reason == .draftOfOthers("'.x.oneoff-export'"))
      // It was there before.
      let error = #expect(throws: SpecError.self) { _ = try target("x") }
      #expect(error?.message.contains("'.x.oneoff-export' is not yours") == true, "\(error as Any)")
      #expect(try text(".x.oneoff-export/\(name)") == "kept")
      try write(".x.oneoff-export/copy")
      #expect(throws: SpecError.self) { _ = try target("x") }
      #expect(try directoryEntryNames(draft).count == 2)
    }
  }

  @Test func fileIsNoDraft() throws {
    try cleaningUp {
      try write(".x.oneoff-export", "kept")
      let error = #expect(throws: SystemError.self) { _ = try target("x") }
      #expect(error?.errno == .notDirectory)
      #expect(try text(".x.oneoff-export") == "kept")
    }
  }

  @Test func nothingIsLeftOfTheTrial() throws {
    try cleaningUp {
      _ = try target("x")
      #expect(try names.isEmpty)
    }
  }

  /// Names of as many bytes as there can be, which differ at their end.
  @Test func longNamesHaveDraftsOfTheirOwn() throws {
    try cleaningUp {
      let stem = String(repeating: "n", count: 254)
      let targets = try ["a", "b"].map { try target(stem + $0) }
      for (target, text) in zip(targets, ["a", "b"]) { try makeCopy(target, text) }
      let drafts = try names
      #expect(drafts.count == 2)
      #expect(drafts.allSatisfy { $0.hasPrefix(".nnn") && $0.hasSuffix(".oneoff-export") })
      #expect(drafts.allSatisfy { $0.utf8.count <= 255 }, "\(drafts)")
      for target in targets { try target.place() }
      for target in targets { #expect(target.removeDraft() == nil) }
      #expect(try names == [stem + "a", stem + "b"])
      #expect(try text(stem + "a") == "a")
      #expect(try text(stem + "b") == "b")
    }
  }

  @Test func nameThatIsTooLongIsSaidToBe() throws {
    try cleaningUp {
      let name = String(repeating: "n", count: 256)
      let error = #expect(throws: SystemError.self) { _ = try target(name) }
      #expect(error?.errno == .fileNameTooLong)
      #expect(error?.subject.contains("for the export of '/home/x'") == true)
      #expect(error?.hint?.contains("at most 255 bytes") == true)
    }
  }

  // MARK: What cannot be undone

  @Test func whatWasThereBeforeGetsItsNameBack() throws {
    try cleaningUp {
      try write("x", "before")
      let target = try target("x", replaces: true)
      try makeCopy(target, "new")
      try target.place()
      #expect(try text("x") == "new")
      #expect(target.undo() == nil)
      #expect(target.removeDraft() == nil)
      #expect(try text("x") == "before")
      #expect(try names == ["x"])
    }
  }

  @Test func whatWasThereBeforeStaysWhenItCannotGetItsNameBack() throws {
    try cleaningUp {
      try write("x", "before")
      let target = try target("x", replaces: true)
      try makeCopy(target, "new")
      try target.place()
      try FileManager.default.removeItem(atPath: path.appending("x").string)
      let error = try #require(target.undo())
      #expect(error.errno == .noSuchFileOrDirectory)
      #expect(error.hint?.contains("'.x.oneoff-export/copy' beside it") == true, "\(error)")
      #expect(target.removeDraft() == nil)
      #expect(try text(".x.oneoff-export/copy") == "before")
    }
  }

  @Test func copyThatCannotBeTakenBackIsTold() throws {
    try cleaningUp {
      let target = try target("x")
      try makeCopy(target, "new")
      try target.place()
      try write(".x.oneoff-export/copy")
      let error = try #require(target.undo())
      #expect(error.errno == .fileExists)
      #expect(error.hint == "it could not be taken back: remove it")
      #expect(target.undo() == nil)
    }
  }

  @Test func draftThatCannotBeRemovedIsTold() throws {
    try cleaningUp {
      let target = try target("x")
      try makeCopy(target, "new")
      let (from, to) = (path.appending(".x.oneoff-export"), path.appending("elsewhere"))
      try FileManager.default.moveItem(atPath: from.string, toPath: to.string)
      let error = try #require(target.removeDraft())
      #expect(error.call == "unlinkat(2)")
      #expect(error.errno == .noSuchFileOrDirectory)
      #expect(error.hint?.contains("'.x.oneoff-export' is left beside it") == true, "\(error)")
    }
  }
}
