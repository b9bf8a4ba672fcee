import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// `oneoff deploy`: a release goes live, or the old one stays.
enum DeployVerb {
  static let verb: Verb = Verb(
    name: "deploy",
    summary: "Make a release the live one, if its hook succeeds",
    details: [
      "The steps, each left out where there is nothing to do: the release's phase 'release'; "
        + "--boot; --ready; its phase 'postdeploy'; --activate; the link 'current' of the app is "
        + "switched to the release; --retire. When one before the switch fails, or oneoff is told "
        + "to end, --abandon is run if --boot was, and the old release stays live.",
      "The link is apps/APP/current in /var/lib/oneoff (or $ONEOFF_STATE_DIR); it leads to "
        + "--app-dir, and is replaced in one go.",
      "--boot, --activate, --retire and --abandon are commands for the host's shell. They find "
        + "ONEOFF_APP, ONEOFF_RELEASE, ONEOFF_APP_DIR, ONEOFF_ROOTFS, ONEOFF_DEPLOYMENT (its "
        + "number), ONEOFF_REASON, ONEOFF_ATTEMPT, ONEOFF_PREVIOUS_VERSION and "
        + "ONEOFF_PREVIOUS_APP_DIR in their environment. What they leave running must write "
        + "elsewhere than to their output.",
      "An app is deployed by one at a time: others fail at once, or wait (--wait). Options of "
        + "oneoff hook are for the phases.",
    ],
    groups: groups,
    examples: [
      .init(
        command: "oneoff deploy --app shop --release v42 --rootfs /srv/image "
          + "--app-dir /srv/shop/v42 --env-file /srv/shop/env "
          + "--boot 'systemctl start shop@v42' --ready tcp:127.0.0.1:3042 "
          + "--activate 'switch-proxy 3042' --abandon 'systemctl stop shop@v42'",
        purpose: "a web app behind a proxy"),
      .init(
        command: "oneoff deploy --config /etc/oneoff/shop.json --release v43 "
          + "--app-dir /srv/shop/v43",
        purpose: "the same with what does not change in a file"),
    ],
    exitStatuses: ExitStatus.ofDeployment
  ) { invocation in
    let options = try invocation.options.withConfiguration(of: verb)
    guard let release = options.deploy.release else {
      throw SpecError("there is no release", remedy: "name its version, such as --release v42")
    }
    let request = try DeploymentRequest(release, .deploy, options)
    try request.check()
    return try request.perform(on: LockedApp(making: request.app, verb, options), as: verb)
  }

  private static var groups: [OptionGroup] {
    [OptionGroup.ofDeployment, .notifications, .log] + OptionGroup.ofDeployedHook
  }

  /// The options of verbs that deploy again what is known.
  static var groupsOfRepetition: [OptionGroup] { groups.map { $0.without("release", "app-dir") } }

  /// The options with which a deployment was done. Paths in them begin in its working directory.
  ///
  /// - Parameter more: those that win over them.
  /// - Throws: ``SpecError`` where the file of options that it names is no good any more.
  static func options(
    of entry: DeploymentHistory.Entry, and more: [GivenOption] = []
  ) throws(SpecError) -> Options {
    try OptionParser(options: verb.options, verb: verb).parse(entry.options + more)
      .withConfiguration(of: verb, from: FilePath(entry.workingDirectory))
  }
}

extension ExitStatus {
  /// The statuses of verbs that deploy again what is known.
  static let ofRepetition =
    [
      ExitStatus(
        status: "1",
        meaning: "nothing was done: the app was never deployed, or that release cannot be gone "
          + "back to")
    ] + ofDeployment

  /// The statuses of verbs that deploy.
  static let ofDeployment = [
    ExitStatus(status: "0", meaning: "the release is live"),
    ExitStatus(
      status: "1-255", meaning: "the status of the phase or of the command that has failed"),
    ExitStatus(status: "124", meaning: "something took too long"),
    ExitStatus(
      status: "125",
      meaning: "oneoff itself failed, or somebody else deploys the app; the old release is live"),
    ExitStatus(status: "128+N", meaning: "it was told to end by signal N"),
  ]
}
