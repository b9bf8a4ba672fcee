import ContainerSpec
import Deploy
import LinuxSystem
import SystemPackage

/// `oneoff rollback`: a release that was live before is so again.
enum RollbackVerb {
  static let verb: Verb = Verb(
    name: "rollback",
    summary: "Make a release the live one that was so before",
    details: [
      "It is deployed with the options of its last successful deployment; those given here win "
        + "over them. Its phases do not run, unless --hook is given: what a migration has changed, "
        + "the older release's own does not change back. ONEOFF_REASON is 'rollback'."
    ],
    groups: [
      OptionGroup(
        "Rollback",
        [
          CommandOption(
            name: "to", value: .init(metavariable: "VERSION"),
            help: "the release to go back to", defaultText: "the one that was live before"
          ) { options, value throws(SpecError) in
            options.deploy.target = try ReleaseVersion(value.description)
          },
          CommandOption(name: "hook", help: "run the release's phases, too") { options, _ in
            options.deploy.runsHook = true
          },
        ])
    ] + DeployVerb.groupsOfRepetition,
    examples: [
      .init(command: "oneoff rollback --app shop", purpose: "to the release before"),
      .init(
        command: "oneoff rollback --app shop --to v40 --hook", purpose: "to any that was live"),
    ],
    exitStatuses: ExitStatus.ofRepetition
  ) { invocation in
    let options = invocation.options
    let locked = try LockedApp(deployed: options.deployedApp(), verb, options)
    let app = locked.kept.app.text
    let entries = try locked.history.entries().readable
    let target = try options.deploy.target ?? locked.live.flatMap { try entries.releaseBefore($0) }
    guard let target else {
      throw VerbFailure(
        "nothing was live before \(locked.live?.text ?? "the first deployment")",
        remedy: "name a release with --to; oneoff deploys --app \(app) lists them", status: 1)
    }
    let live = entries.first { $0.deployment.release == target.text && $0.deployment.hasBeenLive }
    guard let live else {
      throw VerbFailure(
        "\(target.text) has never been live",
        remedy: "oneoff deploys --app \(app) lists the deployments", status: 1)
    }
    guard target != locked.live else {
      throw VerbFailure(
        "\(target.text) is live already",
        remedy: "oneoff deploy --release \(target.text) deploys it once more", status: 1)
    }
    let own = options.given.filter { !["to", "hook"].contains($0.name) }
    var request = try DeploymentRequest(again: live, .rollback, own)
    request.runsPhases = options.deploy.runsHook
    try request.check()
    return try request.perform(on: locked, as: verb)
  }
}

extension Deployment {
  /// Whether its release went live by it.
  var hasBeenLive: Bool { state == .success || step == .retire }
}

extension [DeploymentHistory.Entry] {
  /// The release that was live before another one, as the newest deployment of that one says.
  func releaseBefore(_ current: ReleaseVersion) throws(SpecError) -> ReleaseVersion? {
    for entry in self where entry.deployment.release == current.text {
      guard let previous = entry.deployment.previous, previous != current.text else { continue }
      return try ReleaseVersion(previous)
    }
    return nil
  }
}
