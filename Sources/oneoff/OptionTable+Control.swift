import ContainerSpec
import LinuxSystem
import OneOff

extension OptionGroup {
  /// What a run has to do with whoever has started it.
  static let caller = OptionGroup(
    "Caller",
    [
      CommandOption(
        name: "detach", letter: "d",
        help: "print the run's id once the command runs, and exit; implies --record"
      ) { options, _ in
        options.isDetached = true
        options.record.isWanted = true
      },
      CommandOption(
        name: "on-caller-death",
        value: .init(
          metavariable: "kill|finish",
          completion: .words(CallerDeathPolicy.allCases.map(\.rawValue))),
        help: "whether the run ends, or goes on, when the process that has started oneoff is gone, "
          + "or nobody reads its output any more",
        defaultText: "hook: finish; run: not looked for"
      ) { options, value throws(SpecError) in
        guard let policy = CallerDeathPolicy(rawValue: value.description) else {
          throw SpecError(
            "\(String(quoting: value.bytes)) is not what can become of a run",
            remedy: "give kill or finish")
        }
        options.callerDeath = policy
      },
    ])

  /// What `kill` sends.
  static let signal = OptionGroup(
    "Options",
    [
      CommandOption(
        name: "signal", letter: "s",
        value: .init(
          metavariable: "NAME|N",
          completion: .words(["TERM", "KILL", "INT", "HUP", "USR1", "USR2"])
        ),
        help: "the signal, such as KILL, SIGUSR1 or 10", defaultText: "TERM"
      ) { options, value throws(SpecError) in
        options.signal = try Int32(parsingSignal: value)
      }
    ])
}

extension Int32 {
  /// Reads the name of a signal, with or without `SIG` and in whatever case, or its number.
  fileprivate init(parsingSignal text: ByteString) throws(SpecError) {
    if let first = text.bytes.first, first.isDigit {
      self = try Int32(parsing: text, "a signal", in: Signal.numbers)
      return
    }
    let word = text.description.uppercased()
    let name = word.hasPrefix("SIG") ? word : "SIG" + word
    guard let number = Signal.numbers.first(where: { Signal.name($0) == name }) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a signal",
        remedy: "give its name or number, such as TERM or 15; kill -l lists them")
    }
    self = number
  }
}
