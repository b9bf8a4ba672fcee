import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// What the options of `run` say; nil where one was not given.
struct RunOptions: Sendable {
  /// A variable with its value, or one whose value the caller's environment has.
  enum Variable: Sendable, Hashable {
    case given(EnvironmentVariable)
    case inherited(name: String)

    /// Reads `NAME=VALUE` or `NAME`.
    init(parsing text: ByteString) throws(SpecError) {
      if text.bytes.contains(UInt8(ascii: "=")) {
        self = .given(try EnvironmentVariable(parsing: text))
      } else {
        let variable = try EnvironmentVariable(name: text.description, value: "")
        self = .inherited(name: variable.name)
      }
    }
  }

  /// A file of variables.
  struct VariableFile: Sendable, Hashable {
    let path: FilePath
    /// Whether all of them are secret.
    let isSecret: Bool
  }

  /// The variables that the options give, and the names of those that they call secret.
  struct Environment: Sendable, Hashable {
    var variables: [EnvironmentVariable] = []
    var secrets: [String] = []
  }

  var rootfs: FilePath?
  var layers: [FilePath] = []
  var volumes: [Volume] = []
  var temporaryFileSystems: [TemporaryFileSystem] = []
  var scratch: Scratch?
  var isReadOnly = false
  var variables: [Variable] = []
  var environmentFiles: [VariableFile] = []
  var secrets: [String] = []
  var masking: Masking?
  var workingDirectory: FilePath?
  var user: UserReference?
  var hostname: Hostname?
  var network: Network?
  var userNamespace: UserNamespaceMode?
  var capabilities: CapabilitySet = []
  var seccomp: Seccomp?
  var logsBlockedCalls = false
  var size: RunSize?
  var limits = Limits()
  var id: RunID?
  var grace: Duration?
  // Two levels: not given, and given as `none`.
  var timeout: Duration??
  var silenceTimeout: Duration??
  var logMaximum: ByteCount??
  var mergesOutput = false
  var sinks = SinkConfiguration()
  var resourceLimits: [ResourceLimit] = []
  var niceness: Int32?
  var oomScoreAdjustment: Int32?
  var result: ResultFile?
  var events: EventsTarget?
  var changes: FilePath?
  var timing: FilePath?
  var passesInput = false
  var hasTerminal = false
  var showsStats = false
  var exports: [Export] = []
  var replacesExports = false

  /// The spec of a command with the defaults of `oneoff run`.
  func spec(command: [ByteString]) throws -> RunSpec {
    var spec = RunSpec(layers: try imageLayers(), command: command)
    spec.environment.set([try EnvironmentVariable(name: "PATH", value: RunSpec.defaultPath)])
    if hasTerminal || Caller.hasTerminal, let terminal = Caller.environmentValue("TERM") {
      let value = try ByteString(bytes: terminal, subject: "TERM")
      spec.environment.set([try EnvironmentVariable(name: "TERM", value: value)])
    }
    let environment = try environment()
    spec.environment.set(environment.variables)
    spec.secrets = environment.secrets
    apply(to: &spec)
    if passesInput { spec.standardInput = .caller }
    if hasTerminal {
      let size = Caller.terminal.flatMap(terminalSize)
      spec.terminal = size.map(TerminalSize.init) ?? TerminalSize()
    }
    try spec.validate()
    return spec
  }

  /// The root file system with the layers on top of it.
  func imageLayers() throws(SpecError) -> [FilePath] {
    guard let rootfs else {
      throw SpecError(
        "there is no root file system", remedy: "name its directory, such as --rootfs /srv/image")
    }
    return [rootfs] + layers
  }

  /// The variables of all files, and then those of `--env`, whatever their order.
  ///
  /// As with `docker run`, a variable that the caller does not have is left out.
  func environment() throws -> Environment {
    var environment = Environment(secrets: secrets)
    for file in environmentFiles {
      let kind = file.isSecret ? "secret file" : "env file"
      let bytes = try readInput(file.path, limit: EnvironmentFile.maximumSize, kind: kind)
      let variables = try EnvironmentFile.parse(bytes, fileName: file.path.string)
      environment.variables.set(variables)
      if file.isSecret { environment.secrets += variables.map(\.name) }
    }
    for variable in variables {
      switch variable {
      case .given(let variable): environment.variables.set([variable])
      case .inherited(let name):
        guard let value = Caller.environmentValue(name) else { continue }
        environment.variables.set([
          try EnvironmentVariable(name: name, value: ByteString(bytes: value, subject: name))
        ])
      }
    }
    return environment
  }

  /// Changes what the options name, but for layers and environment.
  func apply(to spec: inout RunSpec) {
    spec.id = id
    spec.volumes = volumes
    spec.temporaryFileSystems = temporaryFileSystems
    spec.scratch = scratch ?? spec.scratch
    spec.isReadOnly = isReadOnly
    spec.masking = masking ?? spec.masking
    spec.workingDirectory = workingDirectory ?? spec.workingDirectory
    spec.user = user ?? spec.user
    spec.hostname = hostname
    spec.network = network ?? spec.network
    spec.userNamespace = userNamespace ?? spec.userNamespace
    spec.capabilities = capabilities
    spec.seccomp = seccomp ?? spec.seccomp
    spec.logsBlockedCalls = logsBlockedCalls
    // Whatever their order: the set is where the others start from.
    spec.limits = (size?.limits ?? spec.limits).overridden(by: limits)
    spec.isMeasured = showsStats
    spec.grace = grace ?? spec.grace
    if let timeout { spec.timeout = timeout }
    if let silenceTimeout { spec.silenceTimeout = silenceTimeout }
    if let logMaximum { spec.logMaximum = logMaximum }
    spec.mergesOutput = mergesOutput
    spec.resourceLimits = resourceLimits
    spec.niceness = niceness
    spec.oomScoreAdjustment = oomScoreAdjustment
    spec.exports = exports
    spec.replacesExports = replacesExports
  }
}

/// Where events go.
enum EventsTarget: Sendable, Hashable, Codable {
  case file(FilePath)
  case descriptor(Int32)

  /// Reads a path, the number of an open descriptor, or `-` for standard output.
  init(parsing text: ByteString) throws(SpecError) {
    if text == "-" || text == "/dev/stdout" {
      self = .descriptor(1)
    } else if text == "/dev/stderr" {
      // As a file it would be emptied, with all that was written before.
      self = .descriptor(2)
    } else if text.bytes.allSatisfy(\.isDigit) {
      guard let descriptor = Int32(text.description), descriptor > 0 else {
        throw SpecError(
          "\(String(quoting: text.bytes)) is not a descriptor that can be written to",
          remedy: "give a file, the number of an open descriptor above 0, or - for standard output")
      }
      self = .descriptor(descriptor)
    } else {
      self = .file(FilePath(text))
    }
  }

  /// Checks that a descriptor is open. BEFORE this process opens anything, which would take its
  /// number.
  func requireOpen() throws(SpecError) {
    guard case .descriptor(let number) = self, !isOpenForWriting(number) else { return }
    throw SpecError(
      "--events: descriptor \(number) is not open for writing",
      remedy: "open it for oneoff, as in: oneoff … --events \(number) … \(number)>events.json")
  }
}

/// How a person sees a run, and where its events, changes and result go.
struct RunOutput: Sendable, Codable {
  /// How the command's output is shown.
  let style: OutputSink.Style
  /// Where events go; nil for nowhere.
  var events: EventsTarget?
  /// The file that lists what the run has changed; nil for none.
  var changes: FilePath?
  /// Where the result goes; nil for nowhere.
  var result: ResultFile?
  /// Whether a person is told what the run uses.
  let showsStats: Bool
  /// Whether somebody looks at what the command writes while it does.
  private(set) var hasCaller = true
  /// Whether all that is shown of the command goes to standard output, in the order in which it was
  /// read: GitHub's runner reads two pipes in any order, and so would obey what comes by the second
  /// before it reads from the first that it must not.
  var joinsStreams = false
  /// After how long without output it is said that the command still runs; nil for never.
  var heartbeat: Duration?
  /// Where the output goes besides the caller.
  var sinks: SinkConfiguration

  /// What the options say. An earlier result is gone from here on, whatever becomes of this run.
  init(_ style: OutputSink.Style, _ options: RunOptions) throws {
    self.style = style
    self.events = options.events
    self.changes = options.changes
    self.result = options.result
    self.sinks = options.sinks
    self.showsStats = options.showsStats
    try events?.requireOpen()
    try requireOutput()
    try options.requireDistinctOutputs()
    try result?.prepare()
  }

  /// The same without anybody who looks, for a process that changes its working directory.
  ///
  /// - Throws: ENOENT when a path is relative to a directory that is gone.
  func withoutCaller() throws(SystemError) -> RunOutput {
    var output = self
    output.hasCaller = false
    if let path = result?.path, !path.isAbsolute {
      output.result?.path = try workingDirectory().pushing(path)
    }
    return output
  }

  /// Sees to it that what the command writes goes somewhere. With events on standard output that is
  /// nowhere else.
  private func requireOutput() throws(SpecError) {
    guard events != .descriptor(1) else { return }
    try requireOpen(1, "standard output")
    try requireOpen(2, "standard error")
  }

  private func requireOpen(_ descriptor: Int32, _ name: String) throws(SpecError) {
    guard !isOpenForWriting(descriptor) else { return }
    throw SpecError(
      "\(name) is not open for writing: what the command writes there would be lost",
      remedy: "give it a file or a pipe; to throw it away: oneoff … \(descriptor)>/dev/null")
  }
}
