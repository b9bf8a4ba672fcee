internal import CLaunch

/// What a container's first process and its command do before the command is executed, as data.
///
/// The parent writes it, ``launch(_:with:)`` turns it into C records, and the child is a loop over
/// those. See docs/launch-sequence.md.
public struct LaunchPlan: Sendable, Hashable {
  /// The namespaces that clone3(2) makes.
  public var namespaces: Namespaces
  /// The cgroup into which clone3(2) puts the child.
  public var cgroup: DescriptorName?
  /// PID 1, before the command is forked.
  public var setup: [Operation] = []
  /// PID 1, once the command was forked.
  public var guarding: [Operation] = []
  /// The command's process; ends with ``Operation/execute(_:)``.
  public var command: [Operation] = []

  /// Makes an empty plan.
  public init(namespaces: Namespaces) { self.namespaces = namespaces }

  /// The operations of a section.
  public subscript(section: Section) -> [Operation] {
    switch section {
    case .setup: setup
    case .guarding: guarding
    case .command: command
    }
  }

  /// The parts of a plan, in the order in which they begin.
  public enum Section: UInt32, Sendable, Hashable, CaseIterable {
    case setup = 0
    case guarding = 1
    case command = 2
  }

  /// Namespaces, as clone(2) names them.
  public struct Namespaces: OptionSet, Sendable, Hashable {
    /// The CLONE_NEW* flags.
    public let rawValue: UInt64

    /// Makes a set from CLONE_NEW* flags.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Mounts. See mount_namespaces(7).
    public static let mount = Namespaces(rawValue: UInt64(OL_NEW_MOUNT.rawValue))
    /// The host name. See uts_namespaces(7).
    public static let uts = Namespaces(rawValue: UInt64(OL_NEW_UTS.rawValue))
    /// System V IPC and message queues. See ipc_namespaces(7).
    public static let ipc = Namespaces(rawValue: UInt64(OL_NEW_IPC.rawValue))
    /// Process ids. See pid_namespaces(7).
    public static let pid = Namespaces(rawValue: UInt64(OL_NEW_PID.rawValue))

    /// Those that every container has of its own. Network and user namespaces are joined.
    public static let isolated: Namespaces = [.mount, .pid, .ipc, .uts]
  }

  /// Where a mount or a path is found.
  public enum Base: Sendable, Hashable {
    /// The mount that becomes the container's root.
    case root
    /// The container's own /proc.
    case proc
    /// The container's own /sys.
    case sys
    /// A prepared mount.
    case prepared(DescriptorName)
  }

  /// A path below a base, and what to do when it is missing or bent.
  public struct Place: Sendable, Hashable {
    /// Where the path begins; a symbolic link or `..` never leads above it.
    public var base: Base
    /// The path.
    public var path: String
    /// What to make where nothing is.
    public var missing: Missing
    /// Whether a symbolic link anywhere in the path is an error.
    public var refusesSymbolicLinks: Bool

    /// Names a place.
    public init(
      _ path: String, below base: Base, missing: Missing = .fail, refusesSymbolicLinks: Bool = false
    ) {
      self.base = base
      self.path = path
      self.missing = missing
      self.refusesSymbolicLinks = refusesSymbolicLinks
    }
  }

  /// What to make at a place where nothing is.
  public enum Missing: Sendable, Hashable {
    /// Nothing: it is an error.
    case fail
    /// A directory, and those above it, of this owner (host ids).
    case makeDirectory(owner: Owner)
    /// An empty file, and the directories above it, of this owner (host ids).
    case makeFile(owner: Owner)
  }

  /// A user and a group, as host ids.
  public struct Owner: Sendable, Hashable {
    /// The user.
    public var uid: UInt32
    /// The group.
    public var gid: UInt32

    /// Names an owner.
    public init(uid: UInt32, gid: UInt32) {
      self.uid = uid
      self.gid = gid
    }
  }

  /// Mount attributes, as mount(8) names them.
  public struct MountAttributes: OptionSet, Sendable, Hashable {
    /// Flags of CLaunch's `enum ol_place_flag`.
    public let rawValue: UInt32

    /// Makes a set from raw flags.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `ro`.
    public static let readOnly = MountAttributes(rawValue: OL_READ_ONLY.rawValue)
    /// `nosuid`.
    public static let noSetuid = MountAttributes(rawValue: OL_NO_SUID.rawValue)
    /// `nodev`.
    public static let noDevices = MountAttributes(rawValue: OL_NO_DEVICES.rawValue)
    /// `noexec`.
    public static let noExecution = MountAttributes(rawValue: OL_NO_EXECUTE.rawValue)
  }

  /// A file system that the child itself mounts.
  public struct FileSystem: Sendable, Hashable {
    /// The type, such as `overlay`.
    public var type: String
    /// Options as fsconfig(2) takes them; an empty value makes a flag.
    public var options: [(key: String, value: String)]
    /// The attributes of the mount.
    public var attributes: MountAttributes
    /// The base that the mount becomes for later operations.
    public var becomes: Base?

    /// Describes a file system.
    public init(
      type: String, options: [(key: String, value: String)] = [],
      attributes: MountAttributes = [], becomes: Base? = nil
    ) {
      self.type = type
      self.options = options
      self.attributes = attributes
      self.becomes = becomes
    }

    /// Compares all members.
    public static func == (left: FileSystem, right: FileSystem) -> Bool {
      left.type == right.type && left.attributes == right.attributes
        && left.becomes == right.becomes
        && left.options.elementsEqual(right.options) { $0 == $1 }
    }

    /// Hashes the members that tell file systems apart.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(type)
      hasher.combine(attributes.rawValue)
    }
  }

  /// A program to execute.
  public struct Execution: Sendable, Hashable {
    /// The paths to try, in order.
    public var candidates: [[UInt8]]
    /// The arguments, the command's name first.
    public var arguments: [[UInt8]]
    /// The environment as `NAME=VALUE`.
    public var environment: [[UInt8]]
    /// Whether the plan goes on when no candidate exists.
    public var isOptional: Bool

    /// Describes a program to execute.
    public init(
      candidates: [[UInt8]], arguments: [[UInt8]], environment: [[UInt8]], isOptional: Bool = false
    ) {
      self.candidates = candidates
      self.arguments = arguments
      self.environment = environment
      self.isOptional = isOptional
    }
  }

  /// A seccomp program.
  public enum SeccompProgram: Sendable, Hashable {
    /// The default for commands, which is built in; see docs/seccomp.md.
    case commandDefault
    /// What PID 1 itself needs; built in, too.
    case firstProcess
    /// One that was made for this run: what it is called, and its instructions as the kernel takes
    /// them (`struct sock_filter`, 8 bytes each).
    case compiled(name: String, instructions: [UInt8])
  }

  /// One step of the child.
  public enum Operation: Sendable, Hashable {
    // PID 1, before the fork.
    case eraseArguments(newName: String)
    case resetSignals
    case joinCgroup(DescriptorName)
    case newCgroupNamespace
    case joinNetwork(DescriptorName)
    case makeMountsPrivate
    case enterScratch(DescriptorName)
    case attach(DescriptorName, Place)
    case mount(FileSystem, Place)
    case mask(Place, with: DescriptorName)
    case makeReadOnly(Place)
    case pivot
    case setHostname(String)
    case adjustOOMScore(Int32)
    case sendDirectory(Place, over: DescriptorName)
    // Either process: what takes rights away from it.
    case forbidNewPrivileges
    case forbidDumping
    /// With a socket, over which a listener is sent that gets the calls which the program notifies.
    case installSeccomp(SeccompProgram, listener: DescriptorName? = nil)
    case boundCapabilities(mask: UInt64)
    case keepCapabilities(mask: UInt64)
    case keepCapabilitiesOnUserChange
    case setGroups([UInt32])
    case setGroup(UInt32)
    case setUser(UInt32)
    case setNiceness(Int32)
    // The command's process.
    case newSession
    case useStandardStreams(DescriptorName, DescriptorName, DescriptorName)
    case takeControllingTerminal
    case setUmask(UInt32)
    case joinUserNamespace(DescriptorName)
    case setCapabilities(mask: UInt64)
    case newKeyring
    case enterWorkingDirectory(String)
    case restrictWithLandlock(DescriptorName)
    /// At most so much: a lower limit stays.
    case setResourceLimit(ResourceLimit, soft: UInt64, hard: UInt64)
    /// Exactly so much.
    case fixResourceLimit(ResourceLimit, soft: UInt64, hard: UInt64)
    case closeDescriptors(keeping: DescriptorName?)
    case execute(Execution)
  }
}
