import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// An option: a row of the table from which parsing, help, man pages and completions are made.
struct CommandOption: Sendable {
  /// What the value is called, and how a shell completes it.
  struct Value: Sendable {
    let metavariable: String
    /// Made when it is asked for: a run needs none of them.
    let completion: @Sendable () -> ValueCompletion

    init(
      metavariable: String,
      completion: @autoclosure @escaping @Sendable () -> ValueCompletion = .nothing
    ) {
      self.metavariable = metavariable
      self.completion = completion
    }
  }

  /// The name after `--`.
  let name: String
  /// The ASCII letter after `-`.
  var letter: Character?
  /// The value that must follow; nil for a switch.
  var value: Value?
  /// What it does, in a phrase.
  let help: String
  /// What happens without it, where that is a value.
  var defaultText: String?
  /// Whether giving it again adds to it; otherwise the last one counts.
  var isRepeatable = false
  /// Whether the value is `NAME=VALUE` whose VALUE nobody else may see.
  var isSecret = false
  /// Takes the value; an empty string for a switch.
  let apply: @Sendable (inout Options, ByteString) throws(SpecError) -> Void
}

/// How a shell completes a value.
enum ValueCompletion: Sendable {
  case nothing
  case files
  case directories
  case words([String])
  case wordsOrFiles([String])
}

/// Options below a heading.
struct OptionGroup: Sendable {
  let title: String
  let options: [CommandOption]

  init(_ title: String, _ options: [CommandOption]) {
    self.title = title
    self.options = options
  }
}

/// What the options of all verbs say.
struct Options: Sendable {
  var run = RunOptions()
  var hook = HookOptions()
  var deploy = DeployOptions()
  var notifications = NotificationOptions()
  /// All of them as they were given, in their order.
  var given: [GivenOption] = []
  var logs = LogOptions()
  var look = LogLook()
  var wantsHelp = false
  var wantsVersion = false
  var wantsList = false
  var wantsJSON = false
  var wantsAll = false
  var record = RecordOptions()
  var retention = RunRetention.standard
  var isDryRun = false
  var isDetached = false
  /// With which the caller leaves a run that has a terminal; nil where he has named none.
  var detachKeys: DetachKeys?
  /// Whether `attach` gives input.
  var givesInput = true
  var callerDeath: CallerDeathPolicy?
  /// What `kill` sends.
  var signal = Signal.terminate
}

extension CommandOption {
  static let help = CommandOption(
    name: "help", letter: "h", help: "show this help and exit"
  ) { options, _ in options.wantsHelp = true }

  static func rootfs(_ help: String) -> CommandOption {
    CommandOption(
      name: "rootfs", value: .init(metavariable: "DIR", completion: .directories), help: help
    ) { options, value throws(SpecError) in
      options.run.rootfs = try FilePath(option: value)
    }
  }

  static let version = CommandOption(
    name: "version", letter: "V", help: "show the version and exit"
  ) { options, _ in options.wantsVersion = true }
}

extension OptionGroup {
  /// The options of `run`, which `hook` and `print-plan` take too.
  static let ofRun = [
    rootFileSystem, command, secrets, isolation, limits, time, sinks, processes, scratch, record,
    caller, ending,
  ]

  static let rootFileSystem = OptionGroup(
    "Root file system",
    [
      .rootfs("the directory that the command sees as /; it is only read"),
      CommandOption(
        name: "layer", value: .init(metavariable: "DIR", completion: .directories),
        help: "a directory laid over the root file system; later ones lie on top",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.layers.append(try FilePath(option: value))
      },
      CommandOption(
        name: "volume", letter: "v",
        value: .init(metavariable: "SRC:DST[:ro]", completion: .files),
        help: "show a file or directory of the host at DST; what is written there stays",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.volumes.append(try Volume(parsing: value))
      },
      CommandOption(
        name: "tmpfs", value: .init(metavariable: "DST[:SIZE]"),
        help: "an empty file system in memory at DST", defaultText: "64M each",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.temporaryFileSystems.append(try TemporaryFileSystem(parsing: value))
      },
      CommandOption(
        name: "scratch", value: .init(metavariable: "[tmpfs:|disk:]SIZE"),
        help: "how much the command can write before the disk is full, and whether that is in "
          + "memory or on the host's disk", defaultText: "tmpfs:256M"
      ) { options, value throws(SpecError) in
        options.run.scratch = try Scratch(parsing: value)
      },
      CommandOption(
        name: "read-only", help: "let the root file system refuse writes"
      ) { options, _ in options.run.isReadOnly = true },
    ])

  static let command = OptionGroup(
    "Command",
    [
      CommandOption(
        name: "env", letter: "e", value: .init(metavariable: "NAME[=VALUE]"),
        help: "set a variable; without =VALUE pass on the caller's, if there is one",
        isRepeatable: true, isSecret: true
      ) { options, value throws(SpecError) in
        options.run.variables.append(try RunOptions.Variable(parsing: value))
      },
      CommandOption(
        name: "env-file", value: .init(metavariable: "FILE", completion: .files),
        help: "set the variables of a file of NAME=VALUE lines; --env wins over it",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.environmentFiles.append(
          .init(path: try FilePath(option: value), isSecret: false))
      },
      CommandOption(
        name: "workdir", letter: "w", value: .init(metavariable: "DIR"),
        help: "the directory in which the command starts", defaultText: "/; hook: the app's"
      ) { options, value throws(SpecError) in
        options.run.workingDirectory = try FilePath(absoluteOption: value)
      },
      CommandOption(
        name: "user", letter: "u", value: .init(metavariable: "USER[:GROUP]"),
        help: "who the command runs as: ids, or names from the image's passwd and group",
        defaultText: "root; hook: the owner of the app's directory"
      ) { options, value throws(SpecError) in
        options.run.user = try UserReference(parsing: value)
      },
      CommandOption(
        name: "hostname", value: .init(metavariable: "NAME"),
        help: "the host name that the command sees", defaultText: "the run's id"
      ) { options, value throws(SpecError) in
        options.run.hostname = try Hostname(value.description)
      },
    ])

  static let isolation = OptionGroup(
    "Isolation",
    [
      CommandOption(
        name: "network",
        value: .init(metavariable: "host|none|path:FILE", completion: .words(["host", "none"])),
        help: "the host's network, one with a loopback interface only, or an existing namespace",
        defaultText: "none; hook: host"
      ) { options, value throws(SpecError) in
        options.run.network = try Network(parsing: value)
      },
      CommandOption(
        name: "userns",
        value: .init(
          metavariable: "auto|single|host",
          completion: .words(["auto", "single", "host"])),
        help: "ids that no other run has (without root: yours), only yours, or those of the host",
        defaultText: "auto"
      ) { options, value throws(SpecError) in
        options.run.userNamespace = try UserNamespaceMode(parsing: value)
      },
      CommandOption(
        name: "cap-add",
        value: .init(
          metavariable: "NAME|all",
          completion: .words(["all"] + CapabilitySet.grantable.members.map(\.name))),
        help: "a capability that the command has over its own user namespace",
        defaultText: "none", isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.capabilities.formUnion(try CapabilitySet(parsing: value))
      },
      CommandOption(
        name: "seccomp",
        value: .init(
          metavariable: "FILE|default|unconfined",
          completion: .wordsOrFiles(["default", "unconfined"])),
        help: "which system calls the command may make: a profile in Docker's JSON format, "
          + "oneoff's own, or all of them",
        defaultText: "default"
      ) { options, value throws(SpecError) in
        options.run.seccomp = try Seccomp(parsing: value)
      },
      CommandOption(
        name: "seccomp-log",
        help: "report at the end which system calls of the command were blocked, and how often"
      ) { options, _ in options.run.logsBlockedCalls = true },
    ])

  static let ending = OptionGroup(
    "Run",
    [
      CommandOption(
        name: "id", value: .init(metavariable: "ID"),
        help: "the name of the run", defaultText: "chosen by oneoff"
      ) { options, value throws(SpecError) in
        options.run.id = try RunID(value.description)
      },
      CommandOption(
        name: "events", value: .init(metavariable: "FILE|FD|-", completion: .files),
        help: "write events as JSON lines to a file, an open descriptor, or standard output"
      ) { options, value throws(SpecError) in
        options.run.events = try EventsTarget(parsing: value)
      },
      CommandOption(
        name: "stats",
        help: "show time, processors, memory and processes: on a terminal every second, and at "
          + "the end"
      ) { options, _ in options.run.showsStats = true },
    ])
}

extension FilePath {
  /// A path that an option names.
  init(option value: ByteString) throws(SpecError) {
    guard !value.bytes.isEmpty else {
      throw SpecError("the path is empty", remedy: "name a file or directory")
    }
    self.init(value)
  }

  /// A path inside of the container that an option names.
  init(absoluteOption value: ByteString) throws(SpecError) {
    self = try FilePath(option: value)
    guard isAbsolute else {
      throw SpecError(
        "\(String(quoting: value.bytes)) is not absolute",
        remedy: "give the path as the command sees it, such as /app")
    }
  }
}
