package import ContainerSpec
import LinuxSystem
import SystemPackage

extension StoredLog {
  /// The log of the run with an id; nil when there is none.
  ///
  /// - Throws: when ONEOFF_STATE_DIR is no absolute path; the errnos of open(2) but ENOENT.
  package static func ofRun(_ id: RunID) throws -> StoredLog? {
    let directory = try KeptDirectory.current().runsPath.appending(id.text)
    do throws(SystemError) {
      _ = try fileStatus(following: directory.appending("log"))
    } catch let error where error.errno == .noSuchFileOrDirectory {
      return nil
    }
    return StoredLog(of: directory)
  }
}
