import ContainerSpec

/// Something that oneoff does: a row of the table of verbs.
struct Verb: Sendable {
  /// A command line to learn from, and what it does.
  struct Example: Sendable {
    let command: String
    let purpose: String
  }

  /// The word after `oneoff`.
  let name: String
  /// What it does, in a line that starts with a verb.
  let summary: String
  /// What follows the options, as the synopsis shows it; nil when nothing may.
  let operands: String?
  /// Whether it is of use to other programs only, and so neither listed nor suggested.
  let isHidden: Bool
  /// Does it; returns the exit status.
  let perform: @Sendable (Invocation) throws -> Int32

  // Made when they are asked for: of all that the table of verbs says, a run needs the options of
  // one verb, and to make the rest takes longer than to read the arguments.
  private let makeOperandCompletion: @Sendable () -> ValueCompletion
  private let makeDetails: @Sendable () -> [String]
  private let makeGroups: @Sendable () -> [OptionGroup]
  private let makeExamples: @Sendable () -> [Example]
  private let makeExitStatuses: @Sendable () -> [ExitStatus]

  init(
    name: String, summary: String, operands: String? = nil,
    operandCompletion: @autoclosure @escaping @Sendable () -> ValueCompletion = .files,
    details: @autoclosure @escaping @Sendable () -> [String] = [],
    groups: @autoclosure @escaping @Sendable () -> [OptionGroup] = [],
    examples: @autoclosure @escaping @Sendable () -> [Example] = [],
    exitStatuses: @autoclosure @escaping @Sendable () -> [ExitStatus] = [.success, .failure],
    isHidden: Bool = false, perform: @escaping @Sendable (Invocation) throws -> Int32
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.isHidden = isHidden
    self.perform = perform
    self.makeOperandCompletion = operandCompletion
    self.makeDetails = details
    self.makeGroups = groups
    self.makeExamples = examples
    self.makeExitStatuses = exitStatuses
  }

  /// How a shell completes the operands.
  var operandCompletion: ValueCompletion { makeOperandCompletion() }
  /// What else is to be known, paragraph by paragraph.
  var details: [String] { makeDetails() }
  /// Its options below their headings, without those that every verb has.
  var groups: [OptionGroup] { makeGroups() }
  /// Command lines to learn from.
  var examples: [Example] { makeExamples() }
  /// What the exit status means.
  var exitStatuses: [ExitStatus] { makeExitStatuses() }
}

/// A verb's options and operands as given.
struct Invocation: Sendable {
  var options = Options()
  var operands: [ByteString] = []
}

/// What an exit status, or a range of them, means.
struct ExitStatus: Sendable {
  let status: String
  let meaning: String

  static let success = ExitStatus(status: "0", meaning: "done")
  static let failure = ExitStatus(
    status: "125", meaning: "oneoff itself failed: a bad option or input, or no kernel support")
  /// The statuses of verbs that run a command.
  static let ofRun = [
    ExitStatus(status: "0-255", meaning: "the command's own status"),
    ExitStatus(status: "124", meaning: "the command took too long (--timeout, --silence-timeout)"),
    ExitStatus(
      status: "125", meaning: "oneoff itself failed before the command started, or to export"),
    ExitStatus(status: "126", meaning: "the command was found but cannot be executed"),
    ExitStatus(status: "127", meaning: "the command was not found"),
    ExitStatus(status: "128+N", meaning: "signal N ended the command"),
  ]
}

extension Verb {
  /// Every verb, in the order of the help page.
  static let all = [
    RunVerb.verb, HookVerb.verb, LintVerb.verb, DeployVerb.verb, RetryVerb.verb,
    RollbackVerb.verb, StatusVerb.verb, DeploysVerb.verb, PsVerb.verb, LogsVerb.verb, WaitVerb.verb,
    KillVerb.verb,
    AttachVerb.verb, InspectVerb.verb,
    RmVerb.verb, GCVerb.verb, PrintPlanVerb.verb, DoctorVerb.verb, CompletionsVerb.verb,
    HelpVerb.verb, ManVerb.verb, VersionVerb.verb, SuperviseVerb.verb,
    HookProcess.verb,
  ]

  /// The verbs for people.
  static var visible: [Verb] { all.filter { !$0.isHidden } }

  /// The verb with a name.
  static func named(_ name: String) -> Verb? { all.first { $0.name == name } }

  /// The options before a verb.
  static let globalOptions = [CommandOption.help, CommandOption.version]

  /// All headings with their options.
  var allGroups: [OptionGroup] { groups + [OptionGroup("Help", [.help])] }

  /// All options.
  var options: [CommandOption] { allGroups.flatMap(\.options) }

  /// How it is called.
  var synopsis: String {
    "oneoff \(name) \(groups.isEmpty ? "" : "[OPTION…] ")\(operands ?? "")".trimmingLastSpace
  }
}

extension String {
  fileprivate var trimmingLastSpace: String { last == " " ? String(dropLast()) : self }
}
