public import ContainerSpec
public import SystemPackage

/// What a release's own files say about its phases.
public struct ReleaseFiles: Sendable, Hashable {
  /// The Procfile; nil when there is none.
  public let procfile: Procfile?
  /// The manifest; nil when there is none.
  public let manifest: AppManifest?

  /// Takes the files of a release in `directory`, nil for those that are not there.
  ///
  /// - Throws: ``SpecError`` when neither is there.
  public init(
    procfile: Procfile?, manifest: AppManifest?, of directory: FilePath
  ) throws(SpecError) {
    guard procfile != nil || manifest != nil else {
      let shown = String(quoting: directory.appending("Procfile").string)
      let others = AppManifest.fileNames.joined(separator: " or ")
      throw SpecError(
        "the Procfile \(shown) does not exist, and neither does \(others) beside it",
        remedy: "check the path; a release with none of them was most likely not put together "
          + "to its end")
    }
    self.procfile = procfile
    self.manifest = manifest
  }

  /// The command of a phase, or nil when the files plainly have none.
  ///
  /// The Procfile comes before the manifest. On a first deployment, which every one is until one
  /// has succeeded, a command for ``Phase/firstDeploy`` replaces that for ``Phase/postdeploy``.
  ///
  /// - Throws: ``SpecError`` when a line of the Procfile seems to be meant for the phase and is no
  ///   good, whatever the manifest says.
  public func command(
    for phase: Phase, isFirstDeployment: Bool
  ) throws(SpecError) -> PhaseCommand? {
    // Looked up in any case: what is wrong with it would stop the next deployment.
    let command = try command(for: phase)
    guard isFirstDeployment, phase == .postdeploy else { return command }
    return try self.command(for: .firstDeploy) ?? command
  }

  private func command(for phase: Phase) throws(SpecError) -> PhaseCommand? {
    let script = manifest?.script(for: phase)
    let place = script.map { script in
      PhaseCommand.Source.manifest(
        fileName: manifest?.fileName ?? "", jsonPath: script.jsonPath)
    }
    if let entry = try procfile?.entry(for: phase) {
      return PhaseCommand(
        phase: phase, command: entry.command, source: .procfile(entry.position), unused: place)
    }
    guard let script, let place else { return nil }
    return PhaseCommand(phase: phase, command: script.command, source: place)
  }

  /// What says in a deployment's log that a phase has no command: a step, and what may be a slip of
  /// its name.
  public func absence(of phase: Phase) -> (step: String, slip: String?) {
    let files = [procfile?.path.string, manifest?.path.string].compactMap { $0 }
    let step = "No \(phase.name) hook in \(files.joined(separator: " or ")): nothing to run"
    // Another phase of a manifest is no slip of this one.
    let phases = ManifestContents.phaseNames
    let scripts = manifest?.scriptNames.filter { !phases.contains($0) } ?? []
    let name = nearest(to: phase.name, in: (procfile?.entries.map(\.name) ?? []) + scripts)
    return (step, name.map { "Its entry '\($0)' may be a slip of '\(phase.name)'" })
  }
}
