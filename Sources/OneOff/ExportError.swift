import ContainerSpec
import LinuxSystem
import SystemPackage

/// Why an export is not made, where no system call has failed.
struct ExportError: Error, Sendable, Hashable {
  /// What is in the way.
  enum Reason: Sendable, Hashable {
    /// The path led to nothing.
    case nothingThere
    /// The path led through something else than directories.
    case notADirectory
    /// The path led through more symbolic links than the kernel follows.
    case tooManyLinks
    /// It has more files than are exported.
    case tooManyEntries
    /// What was a regular file a moment ago is none any more.
    case changedMeanwhile
    /// PID 1 is dead, and has not sent the overlays.
    case overlaysNotSent
    /// The directory in which it is to be made is locked.
    case draftInUse(String)
    /// The directory in which it is to be made is not one that oneoff has made for this user.
    case draftOfOthers(String)
    /// oneoff got a signal.
    case toldToEnd
  }

  /// What is in the way.
  let reason: Reason
  /// Which export; nil until somebody who knows it has added it, and where it is all of them.
  var export: Export?

  /// Makes an error from what is in the way.
  init(_ reason: Reason) { self.reason = reason }

  /// The error of this export.
  func of(_ export: Export) -> ExportError {
    var error = self
    error.export = export
    return error
  }
}

extension ExportError: CustomStringConvertible {
  /// Which export, why not, and on a line of its own the remedy.
  var description: String {
    "\(what)\nhint: \(reason.words.remedy)"
  }

  private var what: String {
    let subject = export.map { " \($0.inWords)" } ?? ""
    return "no export\(subject): \(reason.words.why)"
  }

  /// The same as what keeps a run from beginning.
  var beforeTheRun: SpecError { SpecError(what, remedy: reason.words.remedy) }
}

extension ExportError.Reason {
  /// The reason for people, and what to do about it.
  fileprivate var words: (why: String, remedy: String) {
    switch self {
    case .nothingThere:
      ("when the command ended, nothing was there", "look for a typing error, or have it made")
    case .notADirectory:
      ("the path leads through something that is not a directory", "look for a typing error")
    case .tooManyLinks:
      ("the path leads through a loop of symbolic links", "have the command remove it")
    case .tooManyEntries:
      ("it has more than \(ExportCopy.maximumEntries) files", "have the command make an archive")
    case .changedMeanwhile:
      ("a file was exchanged while it was copied", "let nobody change a layer during a run")
    case .overlaysNotSent:
      (
        "the container's first process was killed before it had sent what is exported from",
        "run it again"
      )
    case .draftInUse(let name):
      (
        "another run may be making it: \(name) beside it is locked",
        "run it again when no other run is exporting to there"
      )
    case .draftOfOthers(let name):
      ("\(name) is not yours; that is where it would be made", "remove \(name)")
    case .toldToEnd: ("oneoff was told to end", "run it again")
    }
  }
}

extension Export {
  /// The path inside, for a message.
  var shownSource: String { String(quoting: source.string) }

  /// Which export it is, for a message.
  var inWords: String { "of \(shownSource) to \(String(quoting: destination.string))" }
}
