import ContainerSpec
import SystemPackage

extension OptionGroup {
  /// Which values nobody sees.
  static let secrets = OptionGroup(
    "Secrets",
    [
      CommandOption(
        name: "secret", value: .init(metavariable: "NAME"),
        help: "mask a variable's value in all output: [masked:NAME] stands there instead",
        isRepeatable: true, isSecret: true
      ) { options, value throws(SpecError) in
        options.run.secrets.append(try RunOptions.secretName(parsing: value))
      },
      CommandOption(
        name: "secret-file", value: .init(metavariable: "FILE", completion: .files),
        help: "set the variables of a file as --env-file does, and mask their values",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.environmentFiles.append(
          .init(path: try FilePath(option: value), isSecret: true))
      },
      CommandOption(
        name: "mask",
        value: .init(
          metavariable: "auto|named|none", completion: .words(["auto", "named", "none"])),
        help: "mask also what is named like a secret (*TOKEN*, *PASSWORD*, *_KEY, …) and "
          + "passwords in URLs; only what --secret and --secret-file name; or nothing",
        defaultText: "named; hook: auto"
      ) { options, value throws(SpecError) in
        options.run.masking = try Masking(parsing: value)
      },
    ])
}

extension RunOptions {
  /// Reads the name of a variable that is set elsewhere.
  static func secretName(parsing text: ByteString) throws(SpecError) -> String {
    guard let equals = text.bytes.firstIndex(of: UInt8(ascii: "=")) else {
      return try EnvironmentVariable(name: text.description, value: "").name
    }
    throw SpecError(
      "\(String(quoting: text.bytes[..<equals])) is given a value",
      remedy: "set it with --env, --env-file or --secret-file, and only name it here")
  }
}
