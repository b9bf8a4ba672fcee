import SystemPackage

/// A kind of resource that cgroups measure and limit. See cgroups(7).
public enum CgroupController: String, Sendable, Hashable, CaseIterable {
  case cpu, cpuset, io, memory, pids
  /// Measures processor time on v1; v2 always does.
  case cpuacct

  /// What it is called in a list of v1: `/proc/cgroups` and the directories below /sys/fs/cgroup.
  public var legacyName: String { self == .io ? "blkio" : rawValue }

  /// Reads a list with blanks between the names, as v2 has it; those that are not listed here are
  /// left out.
  static func list(_ bytes: [UInt8]) -> [CgroupController] {
    let separators = [UInt8(ascii: " "), UInt8(ascii: "\n")]
    return bytes.split { separators.contains($0) }.compactMap {
      CgroupController(rawValue: String(decoding: $0, as: UTF8.self))
    }
  }
}

/// The two interfaces of cgroups.
public enum CgroupVersion: String, Sendable, Hashable {
  /// A hierarchy for each controller, or for a few.
  case v1
  /// One hierarchy for all.
  case v2
}

/// In which cgroups a process is: what /proc/PID/cgroup says, a line for each hierarchy.
public struct CgroupMemberships: Sendable, Hashable {
  private var entries: [(controllers: ArraySlice<UInt8>, path: String)] = []

  /// Reads lines of the form `ID:CONTROLLERS:PATH`; the v2 hierarchy has no controllers there.
  public init(_ bytes: [UInt8]) {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      entries.append((fields[1], String(decoding: fields[2], as: UTF8.self)))
    }
  }

  /// Those of this process.
  public static func ofSelf() -> CgroupMemberships {
    CgroupMemberships((try? readFile("/proc/self/cgroup", limit: 1 << 20)) ?? [])
  }

  /// The path in the v2 hierarchy.
  public var unified: String? { path(of: "") }

  /// The path in the hierarchy of a v1 controller, or of `name=systemd`.
  public func path(of controller: String) -> String? {
    entries.first { entry in
      entry.controllers.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        .contains { $0.elementsEqual(controller.utf8) }
    }?.path
  }

  /// Whether two v1 controllers are in one hierarchy, as `cpu,cpuacct` mostly are.
  public func share(_ one: CgroupController, _ other: CgroupController) -> Bool {
    entries.contains { entry in
      let names = entry.controllers.split(separator: UInt8(ascii: ","))
      return [one, other].allSatisfy { controller in
        names.contains { $0.elementsEqual(controller.legacyName.utf8) }
      }
    }
  }

  /// Compares all lines.
  public static func == (left: CgroupMemberships, right: CgroupMemberships) -> Bool {
    left.entries.elementsEqual(right.entries) { $0 == $1 }
  }

  /// Hashes how many there are.
  public func hash(into hasher: inout Hasher) { hasher.combine(entries.count) }
}
