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
    exitStatuses: ExitStatus.ofRepetition
  ) { invocation in
    let options = invocation.options
    let locked = try LockedApp(deployed: options.deployedApp(), verb, options)
    guard let last = try locked.history.last() else {
      throw VerbFailure(neverDeployed: locked.kept.app)
    }
    let deployment = last.deployment
    guard deployment.state != .success else {
      throw SpecError(
        "deployment \(deployment.number) of \(deployment.app) has succeeded: \(deployment.release) "
          + "is live",
        remedy: "oneoff deploy deploys a release once more")
    }
    let request = try DeploymentRequest(again: last, .retry, options.given)
    try request.check()
    return try request.perform(on: locked, as: verb)
  }
}
