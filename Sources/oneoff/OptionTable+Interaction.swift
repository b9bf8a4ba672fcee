import ContainerSpec
import OneOff

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
      CommandOption(
        name: "detach-keys", value: detachKeysValue,
        help: "have the run go on without you when you type these; implies --record"
      ) { options, value throws(SpecError) in
        options.detachKeys = try DetachKeys(parsing: value)
        options.record.isWanted = true
      },
    ])

  /// How `attach` goes about the input.
  static let attachment = OptionGroup(
    "Options",
    [
      CommandOption(
        name: "no-input", help: "only look: give the command no input"
      ) { options, _ in options.givesInput = false },
      CommandOption(
        name: "detach-keys", value: detachKeysValue,
        help: "the keys with which you leave a run that has a terminal",
        defaultText: "ctrl-p,ctrl-q"
      ) { options, value throws(SpecError) in options.detachKeys = try DetachKeys(parsing: value) },
    ])

  private static let detachKeysValue = CommandOption.Value(
    metavariable: "KEYS", completion: .words(["ctrl-p,ctrl-q", "ctrl-]"]))
}
