import ContainerSpec
import LinuxSystem
import SystemPackage

// What a run takes of the host, and how much of it there is.
extension HostReport {
  static func slots(_ access: Access, _ rootless: Rootless?) -> HostCheck {
    let name = "slots"
    do {
      let pool = try SlotPool.current()
      let directory = try StateDirectory.current(for: rootless).slots
      let numbers = pool.first..<(pool.first + pool.count)
      var taken = 0
      for file in try directoryEntryNames(directory) {
        guard let number = Int(file), numbers.contains(number) else { continue }
        if try isLocked(directory.appending(file)) { taken += 1 }
      }
      let range =
        "\(IDRange(slot: pool.first).base) to \(IDRange(slot: numbers.upperBound).base - 1)"
      let detail =
        "\(pool.count - taken) of \(pool.count) free"
        + (rootless == nil ? ", host ids \(range)" : "")
      guard taken < pool.count else {
        return HostCheck(
          name, .missing, detail,
          remedy: "wait for a run to end, or set ONEOFF_SLOTS to more than \(pool.count)")
      }
      // By taking one, as a run does: only that shows whether the directory can be made and locked.
      if access != .user { _ = try Slot.acquire(in: .current(for: rootless), from: pool) }
      return HostCheck(name, .ok, detail)
    } catch let error as SpecError {
      return HostCheck(name, .missing, error.message, remedy: error.remedy)
    } catch let error as SystemError where access != .user {
      return HostCheck(
        name, .missing, firstLine(of: error),
        remedy: "set ONEOFF_RUNTIME_DIR to a directory that can be made and written")
    } catch {
      return access == .user
        ? unknown(name, access) : HostCheck(name, .missing, firstLine(of: error))
    }
  }

  /// Whether somebody else may hand out the ids of runs. See subuid(5).
  static func idRanges() -> HostCheck {
    let name = "id-ranges"
    guard let pool = try? SlotPool.current() else {
      return HostCheck(name, .unknown, "the slots are not known")
    }
    let first = UInt64(pool.first) << 16
    let ours = first..<(first + UInt64(pool.count) << 16)
    for file in ["/etc/subuid", "/etc/subgid"] as [FilePath] {
      let bytes = (try? readFile(file, limit: SubordinateIDs.maximumSize)) ?? []
      guard let line = SubordinateIDs(bytes).line(overlapping: ours) else { continue }
      return HostCheck(
        name, .note, "\(file) gives ids of runs to '\(line)'",
        remedy: "move that range, or the runs' with ONEOFF_ID_BASE")
    }
    return HostCheck(name, .ok, "nobody else's in /etc/subuid and /etc/subgid")
  }

  /// Whether what lies at the top of a root file system has owners that a run knows. The look is
  /// bounded.
  static func rootfsOwners(
    _ path: FilePath, _ access: Access, _ rootless: Rootless?
  ) -> HostCheck {
    let name = "rootfs-owners"
    guard access != .user else { return unknown(name, access) }
    do {
      let entries = try owners(in: path, atMost: 1000)
      let foreign = entries.filter { $0.owner.isForeign(to: rootless) }
      guard let first = foreign.first else {
        return HostCheck(name, .ok, "a run has the ids of all \(entries.count) entries of \(path)")
      }
      guard rootless == nil else {
        return HostCheck(
          name, .note,
          "\(foreign.count) of \(entries.count) entries of \(path) are others', such as "
            + "\(first.name): nobody's inside, and not to be written",
          remedy: "unpack the image as the user who runs it, or use sudo")
      }
      return HostCheck(
        name, .note,
        "\(foreign.count) of \(entries.count) entries of \(path) have ids that a run has not, such "
          + "as \(first.name), \(first.owner.uid):\(first.owner.gid): nobody's inside",
        remedy: "unpack the image as root, or chown it; ids of a run go from 0 to 65535")
    } catch {
      return HostCheck(name, .unknown, firstLine(of: error))
    }
  }

  static func cgroups() -> HostCheck {
    let name = "cgroups"
    switch CgroupHost.current() {
    case .unified:
      let controllers = text(of: "/sys/fs/cgroup/cgroup.controllers") ?? ""
      return HostCheck(name, .ok, "v2: \(controllers)")
    case .legacy:
      let hierarchies = ((try? directoryEntryNames("/sys/fs/cgroup")) ?? []).sorted()
      let kind = hierarchies.contains("unified") ? "hybrid" : "v1"
      return HostCheck(
        name, .note,
        "\(kind): \(hierarchies.joined(separator: " ")); only runs with limits get cgroups of "
          + "their own, which take milliseconds to enter",
        remedy: "boot with systemd.unified_cgroup_hierarchy=1 for v2")
    case .none:
      return HostCheck(
        name, .note, "none on /sys/fs/cgroup", remedy: "mount cgroup v2 there for limits")
    }
  }

  /// The limits that can be asked for here, each tried to where it would be written.
  static func limits(_ rootless: Rootless?) -> HostCheck {
    let name = "limits"
    let asked: [(option: String, limits: Limits)] = [
      ("--memory", .of { $0.memory = .mebibytes(512) }), ("--pids", .of { $0.processes = 64 }),
      ("--cpus, --cpu-weight", .of { $0.processorWeight = 100 }),
      ("--cpuset", .of { $0.processorSet = ProcessorSet(ranges: []) }),
      ("--io-max", .of { $0.devices = [DeviceLimit(device: "/dev/null")] }),
    ]
    var possible: [String] = []
    var missing: [String] = []
    for (option, limits) in asked {
      let can = CgroupPlan.canEnforce(limits, rootless: rootless)
      if can { possible.append(option) } else { missing.append(option) }
    }
    let detail = possible.isEmpty ? "none" : possible.joined(separator: ", ")
    guard !missing.isEmpty else { return HostCheck(name, .ok, detail) }
    return HostCheck(
      name, .note, "\(detail); not \(missing.joined(separator: ", "))",
      remedy: rootless == nil
        ? "a run that asks for one of the latter ends with 125: docs/limits.md"
        : "without root: systemd-run --user --scope -p Delegate=yes oneoff …")
  }

  /// Whether there can be a scratch on disk, by making one.
  static func diskScratch(_ access: Access, _ rootless: Rootless?) -> HostCheck {
    let name = "disk-scratch"
    guard rootless == nil else {
      return HostCheck(name, .note, "without root a scratch is in memory (--scratch tmpfs:SIZE)")
    }
    guard access == .full else { return unknown(name, access) }
    do {
      let image = try ScratchImage(size: RunSpec.minimumDiskScratch)
      _ = try image.mount([])
      let room = try OwnedDescriptor(directory: image.directory).room()
      let free = ByteCount(bytes: room.bytes).roundedText
      return HostCheck(name, .ok, "in \(image.directory): \(free) free")
    } catch let error as SpecError {
      return HostCheck(name, .note, error.message, remedy: error.remedy)
    } catch let error as SystemError {
      return HostCheck(name, .note, firstLine(of: error), remedy: error.hint)
    } catch {
      return HostCheck(name, .unknown, firstLine(of: error))
    }
  }

  static func pressure() -> HostCheck {
    text(of: "/proc/pressure/memory") != nil
      ? HostCheck("pressure", .ok, "PSI of memory, cpu and io")
      : HostCheck(
        "pressure", .note, "the kernel does not measure pressure (PSI)",
        remedy: "boot with psi=1; no run needs it")
  }

  /// A run's mount namespace begins as a copy of the host's.
  static func mountLimit() -> HostCheck {
    let name = "mount-limit"
    guard let limit = text(of: "/proc/sys/fs/mount-max").flatMap({ Int($0) }) else {
      return HostCheck(name, .unknown, "/proc/sys/fs/mount-max cannot be read")
    }
    let mounts = (text(of: "/proc/self/mountinfo") ?? "").split(separator: "\n").count
    return mountLimit(limit, mounts: mounts)
  }

  /// The limits on namespaces of a kind; each run takes one of every kind, and two of users with an
  /// app. See namespaces(7).
  static func namespaceLimits() -> HostCheck {
    let name = "namespace-limits"
    let kinds = ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"]
    let limits = kinds.compactMap { kind in
      text(of: FilePath("/proc/sys/user/max_\(kind)_namespaces")).flatMap { Int($0) }.map {
        (kind, $0)
      }
    }
    guard let lowest = limits.min(by: { $0.1 < $1.1 }) else {
      return HostCheck(name, .unknown, "/proc/sys/user/max_*_namespaces cannot be read")
    }
    return namespaceLimit(lowest.1, kind: lowest.0)
  }

  static func namespaceLimit(_ limit: Int, kind: String) -> HostCheck {
    let name = "namespace-limits"
    guard limit < 1000 else { return HostCheck(name, .ok, "\(limit) or more of each kind") }
    return HostCheck(
      name, .note, "\(limit) of kind \(kind): runs take up to two each",
      remedy: "sysctl -w user.max_\(kind)_namespaces=10000")
  }

  /// About what a run mounts itself, with the most layers and volumes that are usual.
  static let mountsOfARun = 100

  static func mountLimit(_ limit: Int, mounts: Int) -> HostCheck {
    let detail = "\(mounts) of \(limit) mounts"
    guard limit - mounts >= mountsOfARun else {
      return HostCheck(
        "mount-limit", .missing, detail, remedy: "sysctl -w fs.mount-max=\(mounts + 100_000)")
    }
    return HostCheck("mount-limit", .ok, detail)
  }

  /// A run is at least three processes.
  static func processLimit() -> HostCheck {
    let name = "process-limit"
    guard let limit = text(of: "/proc/sys/kernel/pid_max").flatMap({ Int($0) }) else {
      return HostCheck(name, .unknown, "/proc/sys/kernel/pid_max cannot be read")
    }
    let processes = ((try? directoryEntryNames("/proc")) ?? []).count { Int($0) != nil }
    return processLimit(limit, processes: processes)
  }

  static func processLimit(_ limit: Int, processes: Int) -> HostCheck {
    let detail = "\(processes) of \(limit) process ids"
    guard limit - processes >= 300 else {
      return HostCheck(
        "process-limit", .note, detail, remedy: "sysctl -w kernel.pid_max=4194304")
    }
    return HostCheck("process-limit", .ok, detail)
  }

  /// What an ordinary user needs to get more than one id. See newuidmap(1).
  static func idMapPrograms(_ rootless: Rootless?) -> HostCheck {
    let name = "newuidmap"
    guard IDMapPrograms.installed() != nil else {
      return HostCheck(
        name, .note,
        "newuidmap or newgidmap is missing: without root a run has a single id",
        remedy: "apt-get install uidmap")
    }
    if let rootless, rootless.isSingle {
      return HostCheck(
        name, .note, "no 65536 subordinate ids of user \(rootless.caller.uid): a single id",
        remedy: "as root: usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER")
    }
    return HostCheck(name, .ok, "newuidmap and newgidmap")
  }

  static func program(isStatic: Bool) -> HostCheck {
    isStatic
      ? HostCheck("program", .ok, "static")
      : HostCheck(
        "program", .note, "linked dynamically: it starts several times slower",
        remedy: "make build")
  }
}

extension Limits {
  /// Limits with something set.
  fileprivate static func of(_ set: (inout Limits) -> Void) -> Limits {
    var limits = Limits()
    set(&limits)
    return limits
  }
}
