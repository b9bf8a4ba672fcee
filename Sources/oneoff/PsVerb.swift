import ContainerSpec
import LinuxSystem
import OneOff

/// `oneoff ps`: the recorded runs.
enum PsVerb {
  static let verb = Verb(
    name: "ps",
    summary: "List the recorded runs that are alive, or all of them",
    details: [
      "The newest comes first. SINCE is when it began, and of one that is over when it ended. "
        + "'lost' is a run whose supervisor was killed, and its container with it. On a terminal "
        + "lines are cut to its width."
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          CommandOption(name: "all", letter: "a", help: "also those that are over") {
            options, _ in options.wantsAll = true
          },
          CommandOption(name: "json", help: "print one JSON object a line for each run") {
            options, _ in options.wantsJSON = true
          },
        ])
    ],
    examples: [
      .init(command: "oneoff ps", purpose: "what runs now"),
      .init(
        command: "oneoff ps --all --json | jq -r 'select(.status != 0 and .status != null).id'",
        purpose: "the names of those that have failed"),
    ],
    exitStatuses: [
      .success, ExitStatus(status: "1", meaning: "a record cannot be read; the others are listed"),
      .failure,
    ]
  ) { invocation in
    guard let store = try RunStore.find() else {
      if !invocation.options.wantsJSON { try Printer.print(RunTable([]).text(columns: nil)) }
      return 0
    }
    var (runs, unreadable) = try store.list()
    if !invocation.options.wantsAll { runs.removeAll { $0.state != .running } }
    if invocation.options.wantsJSON {
      let lines = runs.flatMap { StoredJSON.text(RunLine($0)) }
      try Printer.print(String(decoding: lines, as: UTF8.self))
    } else {
      let stdout: Int32 = 1
      try Printer.print(RunTable(runs).text(columns: terminalColumns(stdout)))
    }
    for error in unreadable { Printer.printError(error.description) }
    return unreadable.isEmpty ? 0 : 1
  }
}

/// A run as `ps --json` shows it.
struct RunLine: Encodable {
  private let run: RecordedRun

  init(_ run: RecordedRun) { self.run = run }

  private enum CodingKeys: String, CodingKey {
    case id, kind, app, command, state, started, finished, status, reason
  }

  /// Writes every member, as `null` where there is nothing to say.
  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(run.description.id, forKey: .id)
    try members.encode(run.description.kind, forKey: .kind)
    try members.encode(run.description.app, forKey: .app)
    try members.encode(run.description.command, forKey: .command)
    try members.encode(run.state.name, forKey: .state)
    try members.encode(run.description.started, forKey: .started)
    try members.encode(run.state.result?.finished, forKey: .finished)
    try members.encode(run.state.result?.status, forKey: .status)
    try members.encode(run.state.result?.reason, forKey: .reason)
  }
}

/// Runs as `ps` shows them to people.
struct RunTable {
  private var rows = [["ID", "KIND", "STATE", "SINCE", "STATUS", "COMMAND"]]

  init(_ runs: [RecordedRun]) { rows += runs.map(Self.row) }

  /// The table; its lines are cut to so many columns, unless nil.
  func text(columns: Int?) -> String { TextTable(rows: rows).text(columns: columns) }

  private static func row(_ run: RecordedRun) -> [String] {
    let description = run.description
    let words = description.command.map(\.description).joined(separator: " ")
    let app = description.app.map { "\($0): " } ?? ""
    return [
      description.id.text, description.kind.rawValue, run.state.name,
      shortened(run.state.result?.finished ?? description.started), status(run.state.result),
      (app + words).onOneLine,
    ]
  }

  /// A time to the second.
  private static func shortened(_ time: String) -> String {
    "\(time.prefix { $0 != "." })Z"
  }

  private static func status(_ result: RunResult?) -> String {
    guard let result else { return "-" }
    return result.reason == .completed
      ? "\(result.status)" : "\(result.status) \(result.reason.rawValue)"
  }
}
