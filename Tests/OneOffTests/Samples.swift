import ContainerSpec
import LinuxSystem
import SystemPackage

@testable import OneOff

/// Values that several suites use.
enum Sample {
  static let failure = LaunchFailure(
    section: .setup, index: 3, call: "mount(2)", errno: .invalidArgument)
  static let laterFailure = LaunchFailure(
    section: .command, index: 0, call: "setsid(2)", errno: .notPermitted)

  static func exit(_ way: CommandExit.Way, wasExecuted: Bool = true) -> CommandExit {
    CommandExit(
      way, wasExecuted: wasExecuted, userTime: .microseconds(1500), systemTime: .microseconds(20))
  }

  static let ids = IDRange(base: 0x7000_0000)

  static func spec(
    layers: [FilePath] = ["/srv/image"], command: [ByteString] = ["true"],
    _ change: (inout RunSpec) throws -> Void = { _ in }
  ) rethrows -> RunSpec {
    var spec = RunSpec(layers: layers, command: command)
    try change(&spec)
    return spec
  }

  /// A subject of which nothing is looked up: it does not depend on the machine.
  static func subject(
    _ spec: RunSpec, user: ResolvedUser = ResolvedUser(uid: 0, gid: 0), landlock: Int = 0,
    kernel: Int = 6012, cgroups: CgroupPlan? = nil, rootless: Rootless? = nil,
    app: LaunchSubject.App? = nil, hostTree: HostTree? = nil, volumeIsDirectory: [Bool] = []
  ) throws -> LaunchSubject {
    LaunchSubject(
      spec: spec, id: try RunID("run-1"), host: HostFacts(kernel: kernel, landlock: landlock),
      ids: rootless.map { $0.ids } ?? (spec.userNamespace == .host ? nil : ids),
      rootless: rootless, cgroups: cgroups, resolvedUser: user, app: app,
      hostTree: hostTree, volumeIsDirectory: volumeIsDirectory)
  }

  /// The cgroup of a run on v2 without limits of its own.
  static var unifiedCgroup: CgroupPlan {
    var limits = Limits()
    limits.processes = Limits.defaultProcesses
    let tree = CgroupTree(.v2, base: "/sys/fs/cgroup", root: "/sys/fs/cgroup")
    return CgroupPlan(
      .v2,
      places: [
        .init(tree: tree, controllers: [.pids], settings: limits.settings(of: .pids, .v2))
      ], limits: limits)
  }

  /// The cgroups of a run on v1 with limits on memory and processor time.
  static var legacyCgroups: CgroupPlan {
    var limits = Limits()
    limits.memory = .mebibytes(512)
    limits.processors = ProcessorShare(thousandths: 1500)
    let places = limits.controllers.map { controller in
      let root = FilePath("/sys/fs/cgroup/\(controller.rawValue)")
      return CgroupPlan.Place(
        tree: CgroupTree(.v1, base: root, root: root), controllers: [controller],
        settings: limits.settings(of: controller, .v1))
    }
    return CgroupPlan(.v1, places: places, limits: limits)
  }

  /// An ordinary user without, and one with subordinate ids.
  static let singleID = Rootless(caller: .init(uid: 1000, gid: 1001), subordinate: nil)
  static let subordinateIDs = Rootless(
    caller: .init(uid: 1000, gid: 1001), subordinate: .init(uid: 100_000, gid: 200_000))
}

/// A run whose plan is compared with a committed file.
struct PlanCase: Sendable, CustomStringConvertible {
  /// The name of the file in Goldens.
  var name: String
  var subject: LaunchSubject

  var description: String { name }

  static func all() throws -> [PlanCase] {
    [
      PlanCase(name: "plain", subject: try Sample.subject(Sample.spec())),
      PlanCase(
        name: "terminal",
        subject: try Sample.subject(
          Sample.spec { spec in
            spec.standardInput = .caller
            spec.terminal = TerminalSize(rows: 50, columns: 132)
          }, user: ResolvedUser(uid: 33, gid: 33))),
      PlanCase(
        name: "input",
        subject: try Sample.subject(Sample.spec { $0.standardInput = .caller })),
      PlanCase(name: "everything", subject: try everything()),
      PlanCase(name: "userns-host", subject: try userNamespaceOfHost()),
      PlanCase(name: "whole-host", subject: try wholeHost()),
      PlanCase(name: "own-app", subject: try ownApp()),
      PlanCase(name: "capabilities", subject: try capabilities()),
      PlanCase(name: "seccomp-log", subject: try seccompLog()),
      PlanCase(name: "process-limits", subject: try processLimits()),
      PlanCase(name: "exports", subject: try exports()),
      PlanCase(
        name: "limits-v1", subject: try Sample.subject(Sample.spec(), cgroups: Sample.legacyCgroups)
      ),
      PlanCase(name: "disk-scratch", subject: try diskScratch()),
      PlanCase(name: "rootless-single", subject: try rootlessSingle()),
      PlanCase(name: "rootless-disk", subject: try rootlessOnAnOldKernel()),
      PlanCase(name: "rootless-ranges", subject: try rootlessRanges()),
      PlanCase(name: "rootless-whole-host", subject: try rootlessWholeHost()),
    ]
  }

  private static func everything() throws -> LaunchSubject {
    let spec = try Sample.spec(
      layers: ["/srv/image", "/srv/patch"], command: ["bash", "-c", "rake db:migrate"]
    ) { spec in
      spec.fallbackCommand = ["sh", "-c", "rake db:migrate"]
      spec.app = AppDirectory(source: "/srv/app", mountPoint: "/code")
      spec.environment = [
        try EnvironmentVariable(name: "SECRET", value: "not to be printed"),
        try EnvironmentVariable(name: "PATH", value: "/opt/bin:/bin"),
      ]
      spec.workingDirectory = "/code"
      spec.hostname = try Hostname("app-1")
      spec.network = .host
      spec.isReadOnly = true
      spec.volumes = [
        Volume(source: "/srv/data", destination: "/data"),
        Volume(source: "/srv/key.pem", destination: "/etc/key.pem", isReadOnly: true),
      ]
      spec.temporaryFileSystems = [TemporaryFileSystem(destination: "/cache")]
      spec.scratch = .tmpfs(.mebibytes(32))
    }
    let user = ResolvedUser(uid: 1000, gid: 100, supplementaryGroups: [27, 44], home: "/code")
    let maps = (
      users: try required(Sample.ids.map(showing: 2000, as: user.uid)),
      groups: try required(Sample.ids.map(showing: 70000, as: user.gid))
    )
    return try Sample.subject(
      spec, user: user, landlock: 6, cgroups: Sample.unifiedCgroup,
      app: .init(source: "/srv/app", mountPoint: "/code", idMaps: maps),
      volumeIsDirectory: [true, false])
  }

  private static func userNamespaceOfHost() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.userNamespace = .host
      spec.network = .path("/run/netns/blue")
      spec.user = UserReference(user: .id(33))
    }
    return try Sample.subject(spec, user: ResolvedUser(uid: 33, gid: 33), landlock: 6)
  }

  private static func wholeHost() throws -> LaunchSubject {
    try Sample.subject(
      Sample.spec(layers: ["/"], command: ["/bin/sh"]), cgroups: Sample.unifiedCgroup)
  }

  private static func capabilities() throws -> LaunchSubject {
    let spec = try Sample.spec { spec in
      spec.capabilities = [try CapabilitySet(parsing: "chown"), try CapabilitySet(parsing: "kill")]
    }
    return try Sample.subject(spec, user: ResolvedUser(uid: 33, gid: 33))
  }

  /// An app whose owner has the same ids inside, on a network where Landlock knows no scopes.
  private static func ownApp() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.app = AppDirectory(source: "/srv/app")
      spec.network = .host
    }
    return try Sample.subject(
      spec, user: ResolvedUser(uid: 1000, gid: 1000), landlock: 4,
      app: .init(source: "/srv/app", mountPoint: "/app", idMaps: nil))
  }

  /// An app, some of which is exported.
  private static func exports() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.app = AppDirectory(source: "/srv/app")
      spec.exports = [Export(source: "/app/public", destination: "public")]
    }
    return try Sample.subject(spec, app: .init(source: "/srv/app", mountPoint: "/app", idMaps: nil))
  }

  /// The default's errors told to a listener.
  private static func seccompLog() throws -> LaunchSubject {
    let spec = Sample.spec { $0.logsBlockedCalls = true }
    var subject = try Sample.subject(spec)
    subject.filter = try CommandFilter(spec, host: subject.host, cache: nil)
    return subject
  }

  /// Limits above and beside the built-in ones, a caller who is nice himself, and one pipe for both
  /// outputs.
  private static func processLimits() throws -> LaunchSubject {
    let spec = try Sample.spec { spec in
      for limit in ["nofile=4096:100000", "core=unlimited", "cpu=60", "as=1G"] {
        spec.resourceLimits.set(try ResourceLimit(parsing: ByteString(limit)))
      }
      spec.niceness = 5
      spec.mergesOutput = true
      spec.oomScoreAdjustment = -500
    }
    var subject = try Sample.subject(spec)
    subject.callerNiceness = 10
    return subject
  }

  /// With an app, whose upper directory is in the same file.
  private static func diskScratch() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.app = AppDirectory(source: "/srv/app")
      spec.scratch = .disk(.mebibytes(10240))
    }
    var subject = try Sample.subject(
      spec, app: .init(source: "/srv/app", mountPoint: "/app", idMaps: nil))
    subject.scratchImage = ScratchImage(
      size: spec.scratch.size, in: KeptDirectory(path: "/var/lib/oneoff"))
    return subject
  }

  /// With volumes, and a user of another number than the caller's.
  private static func rootlessSingle() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.volumes = [
        Volume(source: "/home/me/data", destination: "/data"),
        Volume(source: "/home/me/key.pem", destination: "/etc/key.pem", isReadOnly: true),
      ]
    }
    let user = ResolvedUser(uid: 33, gid: 44, supplementaryGroups: [44, 45])
    return try Sample.subject(
      spec, user: user, rootless: Sample.singleID, volumeIsDirectory: [true, false])
  }

  /// An app on the host's network.
  private static func rootlessRanges() throws -> LaunchSubject {
    let spec = Sample.spec { spec in
      spec.app = AppDirectory(source: "/home/me/app")
      spec.network = .host
    }
    return try Sample.subject(
      spec, user: ResolvedUser(uid: 33, gid: 33, supplementaryGroups: [33, 44]), landlock: 6,
      rootless: Sample.subordinateIDs,
      app: .init(source: "/home/me/app", mountPoint: "/app", idMaps: nil))
  }

  /// The last kernel whose tmpfs has no attributes of the kind "user.".
  private static func rootlessOnAnOldKernel() throws -> LaunchSubject {
    try Sample.subject(Sample.spec(), kernel: 6005, rootless: Sample.singleID)
  }

  private static func rootlessWholeHost() throws -> LaunchSubject {
    let tree = HostTree(parts: [
      .link("/bin", target: "usr/bin"), .layer("/etc"), .directory("/mnt", permissions: 0o755),
      .directory("/mnt/disk", permissions: 0o700), .file("/mnt/note"), .layer("/usr"),
    ])
    return try Sample.subject(
      Sample.spec(layers: ["/"]) { $0.isReadOnly = true }, rootless: Sample.singleID, hostTree: tree
    )
  }

  private struct Missing: Error {}

  private static func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
  }
}
