package import ContainerSpec
import LinuxSystem
import SystemPackage

extension StoredLog {
  /// The log of the run with an id; nil when there is none.
  ///
  /// - Throws: when ONEOFF_STATE_DIR is no absolute path; the errnos of open(2) but ENOENT.
  package static func ofRun(_ id: RunID) throws -> StoredLog? {
    let directory = try keptRuns().appending(id.text)
    do throws(SystemError) {
      _ = try fileStatus(following: directory.appending("log"))
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
    return StoredLog(of: directory)
  }

  /// Where recorded runs are kept.
  private static func keptRuns() throws -> FilePath {
    if let given = variable("ONEOFF_STATE_DIR") {
      guard given.isAbsolute else {
        throw SpecError(
          "ONEOFF_STATE_DIR is '\(given)'", remedy: "give the absolute path of a directory")
      }
      return given.appending("runs")
    }
    if effectiveOwner().uid == 0 { return "/var/lib/oneoff/runs" }
    let home = variable("HOME") ?? "/"
    return (variable("XDG_STATE_HOME") ?? home.appending(".local/state"))
      .appending("oneoff/runs")
  }

  private static func variable(_ name: String) -> FilePath? {
    Caller.environmentValue(name).map { FilePath(String(decoding: $0, as: UTF8.self)) }
  }
}
