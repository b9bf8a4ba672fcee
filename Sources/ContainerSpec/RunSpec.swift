public import SystemPackage

/// Everything that decides what one run does: the specification of a one-off container.
///
/// A value without behaviour. ``validate()`` says whether it can be used; `OneOff` turns it into a
/// launch plan.
public struct RunSpec: Sendable, Hashable, Codable {
  /// The name of the run; chosen by oneoff when nil.
  public var id: RunID?
  /// Directories that make up the root file system, the lowest (the rootfs) first. They are only
  /// read.
  public var layers: [FilePath]
  /// An app's release, laid over the root file system at a mount point of its own.
  public var app: AppDirectory?
  /// The command and its arguments, exactly as execve(2) gets them.
  public var command: [ByteString]
  /// What runs instead where the image does not have the command's program.
  public var fallbackCommand: [ByteString]?
  /// The command's environment, complete and in order; nothing of the caller's is added.
  public var environment: [EnvironmentVariable]
  /// The names of variables whose values are masked in whatever the run writes or tells.
  public var secrets: [String]
  /// Which values are masked.
  public var masking: Masking
  /// The directory in which the command starts, as seen inside.
  public var workingDirectory: FilePath
  /// What the command reads from its standard input.
  public var standardInput: StandardInput
  /// The size of the command's own terminal, to begin with; nil for none. With a terminal, all that
  /// the command writes is one stream, the standard output.
  public var terminal: TerminalSize?
  /// Who the command runs as; when nil the owner of the app's directory, or root without an app.
  public var user: UserReference?
  /// The host name as seen inside; the run's id when nil.
  public var hostname: Hostname?
  /// What the command can reach over the network.
  public var network: Network
  /// Whether the command gets a user namespace of its own.
  public var userNamespace: UserNamespaceMode
  /// The capabilities that the command has in its user namespace, whoever it runs as.
  public var capabilities: CapabilitySet
  /// Which system calls the command may make.
  public var seccomp: Seccomp
  /// Whether the result tells which system calls the seccomp policy has blocked.
  public var logsBlockedCalls: Bool
  /// Files and directories of the host that the command sees; one may lie in another.
  public var volumes: [Volume]
  /// Empty file systems in memory; one may lie in a volume.
  public var temporaryFileSystems: [TemporaryFileSystem]
  /// Whether the root file system refuses writes.
  public var isReadOnly: Bool
  /// Where the command's writes go, which are thrown away, and how much fits there.
  public var scratch: Scratch
  /// What the run may take of the host, where cgroups enforce it.
  public var limits: Limits
  /// Whether cgroups measure the run where that costs a start something, too: on v1, and without
  /// root.
  public var isMeasured: Bool
  /// Directories inside, by absolute path: when the run leaves files in one that are thrown away,
  /// the caller is warned.
  public var watchedDirectories: [FilePath]
  /// What is brought out of the scratch when the command has succeeded; at most 100.
  public var exports: [Export]
  /// Whether an export replaces what is at its destination; otherwise that is an error.
  public var replacesExports: Bool
  /// How long the command may go on after it was told to end, before the container is killed.
  public var grace: Duration
  /// How long the command may take, from the start of the container; as long as it likes when nil.
  public var timeout: Duration?
  /// How long the command may write nothing; as long as it likes when nil.
  public var silenceTimeout: Duration?
  /// How many bytes of output are passed on, of both streams together; all when nil.
  public var logMaximum: ByteCount?
  /// Whether standard error is the same pipe as standard output, so that the order of what is
  /// written to both is exact; everything then counts as standard output.
  public var mergesOutput: Bool
  /// Limits of each process, in place of those that it has by itself; one a resource.
  public var resourceLimits: [ResourceLimit]
  /// The niceness of the command, -20 to 19; the caller's when nil. See nice(2).
  public var niceness: Int32?
  /// How the kernel prefers the run when it kills for lack of memory, -1000 to 1000; as the caller
  /// when nil. See proc_pid_oom_score_adj(5).
  public var oomScoreAdjustment: Int32?

  /// Makes a specification with the defaults of `oneoff run`.
  public init(layers: [FilePath], command: [ByteString]) {
    self.id = nil
    self.layers = layers
    self.app = nil
    self.command = command
    self.fallbackCommand = nil
    self.environment = []
    self.secrets = []
    self.masking = .named
    self.workingDirectory = "/"
    self.standardInput = .null
    self.terminal = nil
    self.user = nil
    self.hostname = nil
    self.network = .none
    self.userNamespace = .auto
    self.capabilities = []
    self.seccomp = .builtIn
    self.logsBlockedCalls = false
    self.volumes = []
    self.temporaryFileSystems = []
    self.isReadOnly = false
    self.scratch = .tmpfs(.mebibytes(256))
    self.limits = Limits()
    self.isMeasured = false
    self.watchedDirectories = []
    self.exports = []
    self.replacesExports = false
    self.grace = .seconds(30)
    self.timeout = nil
    self.silenceTimeout = nil
    self.logMaximum = nil
    self.mergesOutput = false
    self.resourceLimits = []
    self.niceness = nil
    self.oomScoreAdjustment = nil
  }
}

/// An app's release directory and where the command sees it.
public struct AppDirectory: Sendable, Hashable, Codable {
  /// The directory on the host; it is only read.
  public var source: FilePath
  /// Where it appears inside, as the lower layer of an overlay of its own.
  public var mountPoint: FilePath

  /// Names a release directory and its mount point.
  public init(source: FilePath, mountPoint: FilePath = "/app") {
    self.source = source
    self.mountPoint = mountPoint
  }
}

/// A file or directory of the host that the command sees; its files keep the owners they have.
public struct Volume: Sendable, Hashable, Codable {
  /// The path on the host.
  public var source: FilePath
  /// The absolute path inside.
  public var destination: FilePath
  /// Whether the command may only read it.
  public var isReadOnly: Bool

  /// Names a volume.
  public init(source: FilePath, destination: FilePath, isReadOnly: Bool = false) {
    self.source = source
    self.destination = destination
    self.isReadOnly = isReadOnly
  }
}

/// An empty file system in memory that belongs to the run's user.
public struct TemporaryFileSystem: Sendable, Hashable, Codable {
  /// The absolute path inside.
  public var destination: FilePath
  /// The most that it can hold.
  public var size: ByteCount

  /// Names a temporary file system.
  public init(destination: FilePath, size: ByteCount = .mebibytes(64)) {
    self.destination = destination
    self.size = size
  }
}

/// The writable layer of a run, which is thrown away.
public enum Scratch: Sendable, Hashable, Codable {
  /// In memory: a file system of that size, 64 KiB to 1024 TiB. It counts as memory of the run.
  case tmpfs(ByteCount)
  /// On the host's disk: a file system of that size, 64 MiB to 15 TiB, which takes as much there as
  /// was written. Needs root.
  case disk(ByteCount)

  /// How much fits into it.
  public var size: ByteCount {
    switch self {
    case .tmpfs(let size), .disk(let size): size
    }
  }
}

/// What the command can reach over the network.
public enum Network: Sendable, Hashable, Codable {
  /// The host's network, shared.
  case host
  /// A network of its own that holds a loopback interface only.
  case none
  /// An existing network namespace, such as `/run/netns/NAME`.
  case path(FilePath)
}

/// Whether the command gets a user namespace of its own.
public enum UserNamespaceMode: String, Sendable, Hashable, Codable, CaseIterable {
  /// A namespace with a range of host ids that no other run has. Without root: with the caller's
  /// own id as root, and with his subordinate ids where he has some.
  case auto
  /// Without root: a namespace in which the caller's own id is the only one.
  case single
  /// The host's: ids inside are the ids of the host.
  case host
}

/// Which system calls a command may make. See seccomp(2) and docs/seccomp.md.
public enum Seccomp: Sendable, Hashable, Codable {
  /// Those of oneoff's own policy.
  case builtIn
  /// Those that a profile in Docker's JSON format allows.
  case profile(FilePath)
  /// All of them.
  case unconfined
}

/// Who the command runs as, by number or as the root file system's own /etc/passwd names them.
public struct UserReference: Sendable, Hashable, Codable {
  /// A user or a group, by number or by name.
  public enum Account: Sendable, Hashable, Codable {
    /// An id as seen inside.
    case id(UInt32)
    /// A name, looked up in the root file system's /etc/passwd or /etc/group.
    case name(String)
  }

  /// The user.
  public var user: Account
  /// The primary group; the user's own when nil.
  public var group: Account?

  /// Names a user and, optionally, a group.
  public init(user: Account, group: Account? = nil) {
    self.user = user
    self.group = group
  }

  /// User 0 and group 0, without a look-up.
  public static let root = UserReference(user: .id(0), group: .id(0))
}

/// A user as the kernel knows one, looked up: ids as seen inside.
public struct ResolvedUser: Sendable, Hashable, Codable {
  /// The user id.
  public var uid: UInt32
  /// The primary group id.
  public var gid: UInt32
  /// The supplementary group ids, without duplicates.
  public var supplementaryGroups: [UInt32]
  /// The home directory that /etc/passwd names, if it does.
  public var home: FilePath?

  /// Makes a user from ids.
  public init(
    uid: UInt32, gid: UInt32, supplementaryGroups: [UInt32] = [], home: FilePath? = nil
  ) {
    self.uid = uid
    self.gid = gid
    self.supplementaryGroups = supplementaryGroups
    self.home = home
  }
}
