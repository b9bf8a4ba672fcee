public import ContainerSpec
public import SystemPackage

/// An app's manifest: Scalingo's `scalingo.json`, or Heroku's `app.json`.
///
/// Of it are taken the commands of phases, and which variables the app needs; everything else is
/// for others. docs/manifest.md has it for users.
public struct AppManifest: Sendable, Hashable {
  /// A command of a phase.
  public struct Script: Sendable, Hashable {
    /// The phase.
    public let phase: Phase
    /// Where it stands in the file, such as `scripts.postdeploy`.
    public let jsonPath: String
    /// The command for the shell, unexpanded, without the blanks around it; it may span lines.
    public let command: ByteString
  }

  /// A variable that the app needs, or can have.
  public struct Variable: Sendable, Hashable {
    /// The name: `[A-Za-z_][A-Za-z0-9_]*`, at most 64 characters.
    public let name: String
    /// The value where nobody else sets the variable; at most 32,768 bytes.
    public let defaultValue: ByteString?
    /// Whether a secret is made for it where nobody sets it and there is no default.
    public let isGenerated: Bool
    /// Whether no phase can run without a value.
    public let isRequired: Bool
    /// What it is, for people.
    public let description: String?
  }

  /// The names of manifests; of a release that has several, the first one counts.
  public static let fileNames = ["scalingo.json", "app.json"]
  /// The most bytes of a manifest: 1 MiB.
  public static let maximumSize = 1 << 20

  /// Where the file was read.
  public let path: FilePath
  /// The commands of phases.
  public let scripts: [Script]
  /// The names of all members of `scripts`, those of others too.
  let scriptNames: [String]
  /// The variables, in the order of their names.
  public let variables: [Variable]

  /// Reads a manifest; `path` is where its bytes are from. Of two equal keys in one object the
  /// first counts, as JSONDecoder has it.
  ///
  /// - Throws: ``SpecError`` when it is larger than 1 MiB or not JSON, or when something of what is
  ///   taken is of another type than it must be, with its place in the file.
  public static func parse(
    _ bytes: [UInt8], path: FilePath
  ) throws(SpecError) -> AppManifest {
    guard bytes.count <= maximumSize else {
      throw SpecError(
        "the app manifest \(String(quoting: path.string)) is larger than 1 MiB",
        remedy: "check that it is the right file")
    }
    do throws(ManifestFault) {
      let contents = try ManifestContents(reading: bytes)
      return AppManifest(
        path: path, scripts: contents.scripts, scriptNames: contents.scriptNames,
        variables: contents.variables)
    } catch {
      let place = [path.string.onOneLine, error.place].filter { !$0.isEmpty }
      throw SpecError(
        (place + [error.message]).joined(separator: ": "), remedy: error.remedy)
    }
  }

  /// The command of a phase; nil when the manifest has none.
  public func script(for phase: Phase) -> Script? { scripts.first { $0.phase == phase } }

  /// The file's name, for messages.
  public var fileName: String { path.lastComponent?.string.onOneLine ?? "the app manifest" }
}

// MARK: Variables

extension AppManifest {
  /// The variables that have a value where nobody else sets them.
  public func defaults() throws(SpecError) -> [EnvironmentVariable] {
    var defaults: [EnvironmentVariable] = []
    for variable in variables {
      guard let value = variable.defaultValue else { continue }
      defaults.append(try EnvironmentVariable(name: variable.name, value: value))
    }
    return defaults
  }

  /// The names of variables for which a secret has to be there, beside those that are set.
  public func secretsNeeded(beside environment: [EnvironmentVariable]) -> [String] {
    variables.filter { variable in
      variable.isGenerated && !environment.contains { $0.name == variable.name }
    }.map(\.name)
  }

  /// Checks that every required variable is set, or has a secret made for it.
  ///
  /// - Throws: ``SpecError`` that names all which are missing, with what they are.
  public func checkRequired(in environment: [EnvironmentVariable]) throws(SpecError) {
    let missing = variables.filter { variable in
      variable.isRequired && !variable.isGenerated
        && !environment.contains { $0.name == variable.name }
    }
    guard !missing.isEmpty else { return }
    let shown = 20
    var lines = missing.prefix(shown).map { variable in
      "\n    " + variable.name + (variable.description.map { ": \($0)" } ?? "")
    }
    if missing.count > shown { lines.append("\n    and \(missing.count - shown) more") }
    let subject =
      missing.count == 1 ? "a variable that has no value" : "variables that have no value"
    throw SpecError(
      "\(path.string.onOneLine) requires \(subject):\(lines.joined())",
      remedy: "set them with --env-file or --env, or give them \"value\" or \"required\": false")
  }
}
