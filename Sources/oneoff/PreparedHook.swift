import ContainerSpec
import Deploy
import OneOff

/// A phase of a release, looked up and ready to be run.
struct PreparedHook: Sendable {
  /// The phase and its release.
  let hook: Hook
  /// The command as the release has it: expanded, it could show secrets.
  let command: ByteString
  /// What is to be run.
  var spec: RunSpec
  /// That it be recorded; nil when it must not.
  let record: RecordRequest?

  /// What a sentence on its end says of it.
  var name: String { "The \(hook.phase.name) hook" }

  /// Looks a phase up; nil where the release has none of that name.
  ///
  /// - Throws: what is wrong with the release's Procfile, or with the options.
  init?(_ hook: Hook, _ file: Procfile, _ options: Options) throws {
    guard let entry = try file.entry(for: hook.phase) else { return nil }
    let isRecorded = try options.record.isWantedByDefault()
    let environment = try options.run.environment()
    var spec = try hook.spec(
      running: entry, layers: options.run.imageLayers(), variables: environment.variables)
    spec.secrets = environment.secrets
    options.run.apply(to: &spec)
    try spec.validate()
    self.hook = hook
    self.command = entry.command
    self.spec = spec
    self.record =
      isRecorded
      ? RecordRequest(
        kind: .hook, app: hook.appName, command: [entry.command],
        isRequired: options.record.isWanted) : nil
  }
}

extension Hook {
  /// The release's Procfile.
  ///
  /// - Throws: ``SpecError`` when there is none, or it is not one.
  func procfile() throws(SpecError) -> Procfile {
    try Procfile.parse(
      readInput("Procfile", below: appDirectory, limit: Procfile.maximumSize, kind: "Procfile"),
      path: procfilePath)
  }
}
