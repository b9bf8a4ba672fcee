extension OptionGroup {
  /// What makes a run one that a person, or another program, talks to.
  static let interaction = OptionGroup(
    "Terminal and input",
    [
      CommandOption(
        name: "interactive", letter: "i",
        help: "pass standard input on to the command", defaultText: "the null device"
      ) { options, _ in options.run.passesInput = true },
      CommandOption(
        name: "tty", letter: "t",
        help: "give the command a terminal of its own, as large as yours; with -i, keys go to it"
      ) { options, _ in options.run.hasTerminal = true },
    ])
}
