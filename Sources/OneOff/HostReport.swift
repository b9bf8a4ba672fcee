import ContainerSpec
import LinuxSystem
package import SystemPackage

/// One thing that a run needs, or gains from, and whether this host has it.
package struct HostCheck: Sendable, Hashable {
  /// What was found.
  package enum Status: String, Sendable, Hashable, Codable {
    /// It is there.
    case ok
    /// It is not there, and without it a run cannot work.
    case missing
    /// A run works, with less.
    case note
    /// It cannot be told, as a rule because this process is not root's.
    case unknown
  }

  /// What it is about: lower-case words with `-` between them, for programs too.
  package var name: String
  /// What was found.
  package var status: Status
  /// In words.
  package var detail: String
  /// What to do about it.
  package var remedy: String?

  init(_ name: String, _ status: Status, _ detail: String, remedy: String? = nil) {
    self.name = name
    self.status = status
    self.detail = detail
    self.remedy = remedy
  }
}

/// What this host can do for runs. Found out by doing it, in children and with detached mounts;
/// nothing of it is left behind but the lock file of a slot and the directories of runs, as by a
/// run.
package struct HostReport: Sendable, Hashable {
  /// The checks, the needed ones first.
  package var checks: [HostCheck] = []

  /// Whether a run can work: nothing that it needs is missing.
  package var canRun: Bool { !checks.contains { $0.status == .missing } }

  /// Looks at the host, and at a root file system if one is named.
  package init(rootfs: FilePath? = nil) {
    let caller = effectiveOwner()
    let rootless = caller.uid == 0 ? nil : Rootless(caller: caller, .auto)
    // BEFORE the others: what follows is tried where a run would be.
    let privileges = Self.privileges(rootless)
    let isUser = privileges.status == .missing
    let namespaces = Self.namespaces(isUser ? .user : .full)
    // What the rest would fail of, too, is said once.
    let access: Access = isUser ? .user : namespaces.status == .ok ? .full : .confined
    checks = [
      Self.kernel(.current()), privileges, Self.userNamespaces(rootless), namespaces,
      Self.networkNamespaces(access), Self.overlay(access, rootless), Self.seccomp(access),
      Self.slots(access, rootless),
    ]
    if let rootfs {
      checks += [
        Self.rootfs(rootfs, access, rootless), Self.rootfsOwners(rootfs, access, rootless),
      ]
    }
    checks += [
      Self.temporaryIDMaps(rootless == nil ? access : .user), Self.landlock(.current()),
      Self.seccompNotification,
      Self.cgroups(), Self.limits(rootless), Self.diskScratch(access, rootless),
      Self.pressure(), Self.idRanges(),
      Self.namespaceLimits(),
      Self.mountLimit(), Self.processLimit(), Self.inotifyLimits(), Self.resourceRights(),
      Self.idMapPrograms(rootless),
      Self.program(isStatic: isStaticProgram()),
    ]
  }

  /// What this process may try.
  enum Access: Sendable, Hashable {
    /// Everything.
    case full
    /// What root may who cannot make namespaces, as in a container.
    case confined
    /// What everybody may who cannot make a user namespace.
    case user
  }

  /// A check that this process cannot make.
  static func unknown(_ name: String, _ access: Access) -> HostCheck {
    HostCheck(
      name, .unknown,
      access == .user
        ? "only root can tell (sudo oneoff doctor)" : "cannot be told without namespaces")
  }

  /// A report of these, for tests.
  init(checks: [HostCheck]) { self.checks = checks }
}

extension HostReport: CustomStringConvertible {
  /// A line for each check, the remedy indented below it, and what it comes to.
  package var description: String {
    let column = checks.reduce(0) { max($0, $1.name.count) } + 2
    var text = ""
    for check in checks {
      text += check.status.rawValue.padded(to: 9) + check.name.padded(to: column) + check.detail
      text += "\n"
      if let remedy = check.remedy { text += String(repeating: " ", count: 9) + remedy + "\n" }
    }
    let missing = checks.filter { $0.status == .missing }.map(\.name)
    return text + "\n"
      + (missing.isEmpty
        ? "oneoff can run here\n" : "oneoff cannot run here: \(missing.joined(separator: ", "))\n")
  }
}

extension HostReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case version = "v"
    case canRun = "can_run"
    case checks
  }

  /// Writes `{"v":1,"can_run":…,"checks":[…]}`.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(1, forKey: .version)
    try container.encode(canRun, forKey: .canRun)
    try container.encode(checks, forKey: .checks)
  }
}

extension HostCheck: Encodable {
  private enum CodingKeys: String, CodingKey { case name, status, detail, remedy }

  /// Writes all members; a remedy that there is not as `null`.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(status, forKey: .status)
    try container.encode(detail, forKey: .detail)
    try container.encode(remedy, forKey: .remedy)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
