import ContainerSpec
import Deploy
import OneOff
import SystemPackage

/// `oneoff status`: which release of an app is live, and what is being done about it.
enum StatusVerb {
  static let verb = Verb(
    name: "status",
    summary: "Show which release of an app is live, and how its last deployment went",
    groups: [.app],
    examples: [
      .init(command: "oneoff status --app shop", purpose: "for people"),
      .init(
        command: "oneoff status --app shop --json | jq -r .current",
        purpose: "the release that is live"),
    ],
    exitStatuses: [
      .success, ExitStatus(status: "1", meaning: "the app was never deployed"), .failure,
    ]
  ) { invocation in
    let app = try invocation.options.deployedApp()
    guard let kept = try KeptApp(of: app), let history = try DeploymentHistory(of: kept) else {
      throw VerbFailure(neverDeployed: app)
    }
    let status = try AppStatus(of: kept, history)
    if invocation.options.wantsJSON {
      try Printer.print(
        String(decoding: StoredJSON.text(status, isForPeople: true), as: UTF8.self))
    } else {
      try Printer.print(status.text)
    }
    return 0
  }
}

/// What is live of an app.
struct AppStatus: Encodable {
  let app: String
  /// The release that is live; nil before the first.
  let current: String?
  /// Where it is.
  let directory: String?
  /// The release that was live before.
  let previous: String?
  /// What became of the last deployment; nil before the first.
  let state: Deployment.State?
  /// The last deployment.
  let last: Deployment?
  /// The deployment that is being done; nil when none is.
  let running: Deployment?
  /// Whether somebody has the app's lock, and who.
  private let lock: LockState

  /// Finds out.
  ///
  /// - Throws: where a record cannot be read.
  init(of kept: borrowing KeptApp, _ history: borrowing DeploymentHistory) throws {
    let (entries, running, faults) = try history.settledEntries(of: kept)
    for fault in faults { Printer.printError("\(kept.app.text): \(fault)") }
    let current = try kept.current()
    self.app = kept.app.text
    self.current = current?.text
    self.directory = try current.flatMap { try kept.directory(of: $0)?.string }
    self.previous = try current.flatMap { try entries.releaseBefore($0)?.text }
    self.last = entries.first?.deployment
    self.running = running == nil ? nil : last
    self.state = self.last?.state
    self.lock = try kept.lockState()
  }

  private enum CodingKeys: String, CodingKey {
    case app, current, directory, previous, state, last, running
    case isLocked = "locked"
  }

  /// Writes every member, as `null` where it is nil.
  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(app, forKey: .app)
    try members.encode(current, forKey: .current)
    try members.encode(directory, forKey: .directory)
    try members.encode(previous, forKey: .previous)
    try members.encode(state, forKey: .state)
    try members.encode(last, forKey: .last)
    try members.encode(running, forKey: .running)
    try members.encode(lock != .free, forKey: .isLocked)
  }

  /// For people, a line each.
  var text: String {
    var lines = [("app", app), ("current", current ?? "none")]
    if let directory { lines.append(("directory", directory)) }
    lines.append(("previous", previous ?? "none"))
    if let last {
      let step = running != nil ? last.step.map { ", at \($0.rawValue)" } ?? "" : ""
      lines.append(
        ("deployment", "\(last.number) of \(last.release): \(last.state.rawValue)\(step)"))
      if let message = last.message { lines.append(("", message)) }
    }
    if case .left = lock {
      lines.append(("", "its hook or command goes on, and keeps the app locked"))
    }
    return lines.map { name, value in
      let label = name.isEmpty ? "" : "\(name):"
      return label + String(repeating: " ", count: 12 - label.count) + value.onOneLine + "\n"
    }.joined()
  }
}
