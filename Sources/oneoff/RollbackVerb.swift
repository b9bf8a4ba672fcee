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
    exitStatuses: ExitStatus.ofDeployment
  ) { invocation in
    let options = invocation.options
    let app = try options.deployedApp()
    guard let kept = try KeptApp(of: app), let current = try kept.current() else {
      throw VerbFailure(neverDeployed: app)
    }
    let entries = try DeploymentHistory(of: kept).entries().readable
    guard let target = try options.deploy.target ?? entries.releaseBefore(current) else {
      throw VerbFailure(
        "nothing was live before \(current.text)",
        remedy: "name a release with --to; oneoff deploys --app \(app.text) lists them", status: 1)
    }
    let live = entries.first { $0.deployment.release == target.text && $0.deployment.hasBeenLive }
    guard let live else {
      throw VerbFailure(
        "\(target.text) has never been live",
        remedy: "oneoff deploys --app \(app.text) lists the deployments", status: 1)
    }
    guard target != current else {
      throw VerbFailure(
        "\(target.text) is live already",
        remedy: "oneoff deploy --release \(target.text) deploys it once more", status: 1)
    }
    let own = options.given.filter { !["to", "hook"].contains($0.name) }
    var request = try DeploymentRequest(again: live, .rollback, own)
    request.releaseDirectory = try kept.existingDirectory(of: target)
    request.runsPhases = options.deploy.runsHook
    return try request.perform(as: verb.name)
  }
}

extension Deployment {
  /// Whether its release went live by it.
  fileprivate var hasBeenLive: Bool { state == .success || step == .retire }
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
