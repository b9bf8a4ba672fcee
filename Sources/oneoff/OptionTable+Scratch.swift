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
        options.run.changes = try FilePath(option: value)
      }
    ])
}
