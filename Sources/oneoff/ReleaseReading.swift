import ContainerSpec
import Deploy
import SystemPackage

/// Reads what a release's own files say about its phases.
///
/// Of manifests the first one that is there counts; the others are not looked at.
///
/// - Throws: ``SpecError`` when a file cannot be read, is no good, or none is there.
func readReleaseFiles(of directory: FilePath) throws(SpecError) -> ReleaseFiles {
  let bytes = try findInput(
    "Procfile", below: directory, limit: Procfile.maximumSize, kind: "Procfile")
  let procfile = try bytes.map { bytes throws(SpecError) in
    try Procfile.parse(bytes, path: directory.appending("Procfile"))
  }
  return try ReleaseFiles(
    procfile: procfile, manifest: try readManifest(of: directory), of: directory)
}

private func readManifest(of directory: FilePath) throws(SpecError) -> AppManifest? {
  for name in AppManifest.fileNames {
    let bytes = try findInput(
      name, below: directory, limit: AppManifest.maximumSize, kind: "app manifest")
    guard let bytes else { continue }
    return try AppManifest.parse(bytes, path: directory.appending(name))
  }
  return nil
}

/// Whether a release has scripts that are sourced before a command. What they are is for the shell
/// to find out, in the container: here nothing of them is opened.
///
/// - Throws: ``SpecError`` when the directory cannot be looked at.
func hasProfile(_ directory: FilePath) throws(SpecError) -> Bool {
  for name in [".profile", ".profile.d"] where try hasEntry(name, in: directory) { return true }
  return false
}
