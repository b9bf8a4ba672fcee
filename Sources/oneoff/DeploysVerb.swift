import ContainerSpec
import Deploy
import LinuxSystem
import OneOff

/// `oneoff deploys`: the history of deployments.
enum DeploysVerb {
  static let verb = Verb(
    name: "deploys",
    summary: "List the deployments of an app, or of all",
    details: ["The newest of an app comes first. On a terminal lines are cut to its width."],
    groups: [.app],
    examples: [
      .init(command: "oneoff deploys --app shop", purpose: "what became of each release"),
      .init(
        command: "oneoff deploys --json | jq -r 'select(.state == \"hook-error\").release'",
        purpose: "the releases whose hook has failed"),
    ],
    exitStatuses: [
      .success,
      ExitStatus(
        status: "1",
        meaning: "a record cannot be read, and the others are listed; or the app was never deployed"
      ),
      .failure,
    ]
  ) { invocation in
    let apps =
      try invocation.options.hook.app == nil
      ? KeptApp.apps() : [invocation.options.deployedApp()]
    var deployments: [Deployment] = []
    var isComplete = true
    for app in apps {
      guard let kept = try KeptApp(of: app), let history = try DeploymentHistory(of: kept) else {
        guard invocation.options.hook.app == nil else { throw VerbFailure(neverDeployed: app) }
        continue
      }
      isComplete = try append(history, of: kept, to: &deployments) && isComplete
    }
    if invocation.options.wantsJSON {
      let lines = deployments.flatMap { StoredJSON.text($0) }
      try Printer.print(String(decoding: lines, as: UTF8.self))
    } else {
      let stdout: Int32 = 1
      try Printer.print(
        TextTable(rows: [columns] + deployments.map(row)).text(columns: terminalColumns(stdout)))
    }
    return isComplete ? 0 : 1
  }

  /// Returns whether every record could be read.
  private static func append(
    _ history: borrowing DeploymentHistory, of kept: borrowing KeptApp,
    to deployments: inout [Deployment]
  ) throws -> Bool {
    let (entries, _, faults) = try history.settledEntries(of: kept)
    deployments += entries.map(\.deployment)
    for fault in faults { Printer.printError("\(kept.app.text): \(fault)") }
    return faults.isEmpty
  }

  private static let columns = [
    "APP", "NUMBER", "RELEASE", "REASON", "STATE", "STARTED", "STATUS", "MESSAGE",
  ]

  private static func row(_ deployment: Deployment) -> [String] {
    let reason = deployment.reason.rawValue
    return [
      deployment.app, "\(deployment.number)", deployment.release,
      deployment.attempt > 1 ? "\(reason) (attempt \(deployment.attempt))" : reason,
      deployment.state.rawValue, "\(deployment.started.prefix { $0 != "." })Z".onOneLine,
      deployment.status.map { "\($0)" } ?? "-", (deployment.message ?? "").onOneLine,
    ]
  }
}
