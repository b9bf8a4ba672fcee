import ContainerSpec
import SystemPackage

extension OptionGroup {
  /// What tells where the time of a run goes.
  static let measuring = OptionGroup(
    "Measuring",
    [
      CommandOption(
        name: "trace-timing", value: .init(metavariable: "FILE", completion: .files),
        help: "write how long each phase and operation took, in Chrome's trace format"
      ) { options, value throws(SpecError) in options.run.timing = try FilePath(option: value) }
    ])
}
