import ContainerSpec
import Deploy

/// `oneoff retry`: an app's last deployment once more.
enum RetryVerb {
  static let verb: Verb = Verb(
    name: "retry",
    summary: "Do an app's last deployment again, which did not succeed",
    details: [
      "The same release is deployed from the same directory with the same options; those given "
        + "here win over them. What files such as --env-file and --config hold is read anew. "
        + "Relative paths begin in the directory in which oneoff deploy was called. ONEOFF_REASON "
        + "is 'retry', and ONEOFF_ATTEMPT one more."
    ],
    groups: DeployVerb.groupsOfRepetition,
    examples: [
      .init(command: "oneoff retry --app shop", purpose: "once the database is back"),
      .init(
        command: "oneoff retry --app shop --timeout 1h --once",
        purpose: "with more time, and without phases that have succeeded"),
    ],
    exitStatuses: ExitStatus.ofDeployment
  ) { invocation in
    let app = try invocation.options.deployedApp()
    guard let kept = try KeptApp(of: app), let last = try DeploymentHistory(of: kept).last() else {
      throw VerbFailure(neverDeployed: app)
    }
    let deployment = last.deployment
    guard deployment.settled(current: try kept.current()?.text).state != .success else {
      throw SpecError(
        "deployment \(deployment.number) of \(app.text) has succeeded: \(deployment.release) "
          + "is live",
        remedy: "oneoff deploy deploys a release once more")
    }
    var request = try DeploymentRequest(again: last, .retry, invocation.options.given)
    request.releaseDirectory = try kept.existingDirectory(of: request.release)
    request.earlier = deployment
    return try request.perform(as: verb.name)
  }
}

extension VerbFailure {
  /// Nothing of the app was ever deployed.
  init(neverDeployed app: AppName) {
    self.init(
      "\(app.text) was never deployed", remedy: "oneoff deploys lists the deployments of all apps",
      status: 1)
  }
}
