package import LinuxSystem
import OneOff

// Which phases have succeeded: `succeeded/VERSION/PHASE`, a file with the run that did.

extension KeptApp {
  private static let name = "succeeded"

  /// The phases that have succeeded for a release.
  ///
  /// - Throws: the errnos of openat(2).
  package borrowing func phasesDone(of release: ReleaseVersion) throws(SystemError) -> Set<String> {
    guard try descriptor.status(of: Self.name) != nil else { return [] }
    let releases = try descriptor.open(Self.name, flags: .directory)
    guard try releases.status(of: release.text) != nil else { return [] }
    return Set(try releases.open(release.text, flags: .directory).entryNameTexts())
  }

  /// Keeps that a phase has succeeded for a release; after a power cut, too.
  ///
  /// - Throws: ENOSPC, EROFS. See openat(2).
  package borrowing func noteSuccess(
    of run: Deployment.PhaseRun, in release: ReleaseVersion
  ) throws(SystemError) {
    try descriptor.makeDirectoryIfMissing(Self.name, permissions: 0o700)
    let releases = try descriptor.open(Self.name, flags: .directory)
    try releases.makeDirectoryIfMissing(release.text, permissions: 0o700)
    let phases = try releases.open(release.text, flags: .directory)
    try phases.open(run.phase, flags: [.writing, .creating])
      .replaceContents(StoredJSON.text(run))
    try phases.synchronize()
    try releases.synchronize()
    try descriptor.synchronize()
  }
}
