import ContainerSpec

extension OptionGroup {
  /// How the log of a hook or a deployment looks.
  static let log = OptionGroup(
    "Log",
    [
      CommandOption(
        name: "quiet", letter: "q",
        help: "show only what the command writes, warnings and failures"
      ) { options, _ in options.look.isQuiet = true },
      CommandOption(
        name: "heartbeat", value: .init(metavariable: "TIME|none"),
        help: "how long the command may be silent before a line says that it still runs",
        defaultText: "60s; with --quiet: none"
      ) { options, value throws(SpecError) in
        options.look.givenHeartbeat = .some(try Duration.limit(parsing: value))
      },
      CommandOption(
        name: "ci",
        value: .init(
          metavariable: "github|gitlab|none|auto",
          completion: .words(LogDialect.allCases.map(\.rawValue) + ["auto"])),
        help: "fold the output as that CI system does, and let the command not command it",
        defaultText: "auto"
      ) { options, value throws(SpecError) in
        options.look.dialect = try LogDialect(parsing: value)
      },
    ])
}

extension LogDialect {
  /// Reads a name; nil for `auto`.
  fileprivate init?(parsing text: ByteString) throws(SpecError) {
    if text == "auto" { return nil }
    guard let dialect = LogDialect(rawValue: text.description) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a CI system that oneoff knows",
        remedy: "give github, gitlab, none or auto")
    }
    self = dialect
  }
}
