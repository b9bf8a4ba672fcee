import ContainerSpec
import OneOff

/// What the options on records say.
struct RecordOptions: Sendable {
  /// Whether a record was asked for.
  var isWanted = false
  /// Whether it was asked for that there be none.
  var isUnwanted = false

  /// Whether a run that is recorded by itself is to be.
  ///
  /// - Throws: ``SpecError`` when both were asked for.
  func isWantedByDefault() throws(SpecError) -> Bool {
    guard isWanted, isUnwanted else { return !isUnwanted }
    throw SpecError(
      "--no-record and a record (--record, --name) exclude each other",
      remedy: "leave one of them out")
  }
}

extension OptionGroup {
  /// Which runs can be looked at later.
  static let record = OptionGroup(
    "Record",
    [
      CommandOption(
        name: "name", value: .init(metavariable: "ID"),
        help: "the name of the run, and of its record, which must not exist; implies --record"
      ) { options, value throws(SpecError) in
        options.run.id = try RunID(value.description)
        options.record.isWanted = true
      },
      CommandOption(
        name: "record",
        help: "keep output and result for oneoff ps, logs, wait and inspect, until rm or gc",
        defaultText: "hook: where it can be kept"
      ) { options, _ in options.record.isWanted = true },
    ])

  /// What `gc` keeps.
  static let retention = OptionGroup(
    "Options",
    [
      CommandOption(
        name: "keep", value: .init(metavariable: "TIME|none"),
        help: "remove records of runs that ended longer ago; none: keep them for ever",
        defaultText: "30d"
      ) { options, value throws(SpecError) in
        options.retention.time = value == "none" ? nil : try Duration(parsing: value)
      },
      CommandOption(
        name: "keep-runs", value: .init(metavariable: "N|none"),
        help: "remove records of runs but for the N that ended last; none: keep all",
        defaultText: "1000"
      ) { options, value throws(SpecError) in
        options.retention.count =
          value == "none"
          ? nil : Int(try Int32(parsing: value, "a number of runs", in: 0...1_000_000))
      },
      CommandOption(
        name: "dry-run", help: "say what would be removed, and remove nothing"
      ) { options, _ in options.isDryRun = true },
    ])
}

extension CommandOption {
  /// Not to be recorded, for what is by itself.
  static let noRecord = CommandOption(
    name: "no-record", help: "keep no record of the run"
  ) { options, _ in options.record.isUnwanted = true }
}
