import ContainerSpec
import SystemPackage

extension OptionGroup {
  /// What becomes of what the command writes.
  static let scratch = OptionGroup(
    "What the command writes",
    [
      CommandOption(
        name: "changes", value: .init(metavariable: "FILE", completion: .files),
        help: "list every file that the command created, modified or deleted, as JSON lines"
      ) { options, value throws(SpecError) in
        guard !value.bytes.elementsEqual("-".utf8) else {
          throw SpecError(
            "--changes needs the path of a file", remedy: "name one, or /dev/stdout")
        }
        options.run.changes = try FilePath(option: value)
      },
      CommandOption(
        name: "export", value: .init(metavariable: "PATH=HOSTPATH", completion: .files),
        help: "when the command has succeeded, keep a file or directory as HOSTPATH",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.exports.append(try Export(parsing: value))
      },
      CommandOption(
        name: "export-replace", help: "let an export replace what is at HOSTPATH already"
      ) { options, _ in options.run.replacesExports = true },
    ])
}
