import ContainerSpec
import Deploy
import OneOff
import SystemPackage

/// What the options of `deploy`, and of the verbs about deployments, say.
struct DeployOptions: Sendable {
  /// What is to be deployed.
  var release: ReleaseVersion?
  /// The file that holds more options.
  var configuration: FilePath?
  /// Commands of the host's; nil for none.
  var boot: ByteString?
  var activate: ByteString?
  var retire: ByteString?
  var abandon: ByteString?
  /// How it is found out that the new version is ready; nil where it is after boot.
  var readiness: Readiness?
  var readyTimeout = Readiness.defaultTimeout
  /// How long each command of the host's may take.
  var commandTimeout: Duration? = .seconds(10 * 60)
  /// How long another deployment of the app is waited for.
  var lockTimeout = Duration.zero
  /// Whether phases that have succeeded for this release are left out.
  var isOnce = false
  /// Whether a rollback runs the hook.
  var runsHook = false
  /// The release to go back to; nil for the one before.
  var target: ReleaseVersion?

  /// How long a command of the host's may go on after it was told to end.
  static let grace = Duration.seconds(30)

  /// Options of a call, and not of the deployment: whoever does it again gives their own. Which
  /// release it is, and where, is known without them.
  private static let ofOneCall: Set = [
    "release", "app-dir", "wait", "quiet", "events", "result", "changes", "stats",
    "on-caller-death",
  ]

  /// The options that also count when a deployment is done again.
  static func lasting(_ given: [GivenOption]) -> [GivenOption] {
    given.filter { !ofOneCall.contains($0.name) }
  }
}

extension OptionGroup {
  /// The options of `deploy` alone.
  static let ofDeployment = OptionGroup(
    "Deployment",
    [
      .deployedApp,
      CommandOption(
        name: "release", value: .init(metavariable: "VERSION"),
        help: "the release's version, such as v42 or a commit's id; also CONTAINER_VERSION"
      ) { options, value throws(SpecError) in
        options.deploy.release = try ReleaseVersion(value.description)
      },
      CommandOption(
        name: "config", value: .init(metavariable: "FILE", completion: .files),
        help: "take more options from a JSON file, by their names; those given here win"
      ) { options, value throws(SpecError) in
        options.deploy.configuration = try FilePath(option: value)
      },
      .hostCommand("boot", "start the new version, and return") { $0.boot = $1 },
      CommandOption(
        name: "ready", value: .init(metavariable: "tcp:HOST:PORT|http:URL|exec:COMMAND"),
        help: "what tells that the new version is ready", defaultText: "it is after --boot"
      ) { options, value throws(SpecError) in
        options.deploy.readiness = try Readiness(parsing: value)
      },
      CommandOption(
        name: "ready-timeout", value: .init(metavariable: "TIME"),
        help: "how long that is waited for", defaultText: "60s"
      ) { options, value throws(SpecError) in
        options.deploy.readyTimeout = try Duration(parsing: value)
      },
      .hostCommand("activate", "give the new version the requests") { $0.activate = $1 },
      .hostCommand("retire", "end the old version") { $0.retire = $1 },
      .hostCommand("abandon", "end a new version that did not go live") { $0.abandon = $1 },
      CommandOption(
        name: "command-timeout", value: .init(metavariable: "TIME|none"),
        help: "how long each of these commands may take", defaultText: "10m"
      ) { options, value throws(SpecError) in
        options.deploy.commandTimeout = try Duration.limit(parsing: value)
      },
      .lockWait, .once,
    ])

  /// The options of `hook` and `run` that a deployment takes, too.
  static let ofDeployedHook: [OptionGroup] = ([ofHook] + ofRun).map {
    $0.without("phase", "app", "container-version", "detach", "id", "name")
  }

  /// That a hook not be run twice.
  static let once = OptionGroup("At most once", [.once, .lockWait])

  /// Which app is asked about.
  static let app = OptionGroup("App", [.deployedApp, .json])
}

extension OptionGroup {
  /// The group but for options with these names.
  func without(_ names: String...) -> OptionGroup {
    OptionGroup(title, options.filter { !names.contains($0.name) })
  }
}

extension CommandOption {
  /// The app of a deployment.
  static let deployedApp = CommandOption(
    name: "app", value: .init(metavariable: "NAME"), help: "the app's name"
  ) { options, value throws(SpecError) in
    options.hook.app = try AppName(value.description).text
  }

  static let json = CommandOption(name: "json", help: "print JSON") { options, _ in
    options.wantsJSON = true
  }

  /// How long another deployment is waited for.
  static let lockWait = CommandOption(
    name: "wait", value: .init(metavariable: "TIME"),
    help: "how long to wait for another deployment of the app to end", defaultText: "0s"
  ) { options, value throws(SpecError) in
    options.deploy.lockTimeout = try Duration(parsing: value)
  }

  /// That what was done is not done again.
  static let once = CommandOption(
    name: "once", help: "leave a phase out that has already succeeded for this release"
  ) { options, _ in options.deploy.isOnce = true }

  fileprivate static func hostCommand(
    _ name: String, _ purpose: String,
    set: @escaping @Sendable (inout DeployOptions, ByteString) -> Void
  ) -> CommandOption {
    CommandOption(
      name: name, value: .init(metavariable: "COMMAND"),
      help: "a command for the host's shell: \(purpose)"
    ) { options, value throws(SpecError) in
      guard !value.bytes.isEmpty else {
        throw SpecError("the command is empty", remedy: "leave --\(name) out")
      }
      set(&options.deploy, value)
    }
  }
}
