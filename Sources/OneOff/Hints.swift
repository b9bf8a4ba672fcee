import ContainerSpec
import LinuxSystem
import SystemPackage

// The errnos that mislead, explained for the call that gave them.

extension SystemError {
  /// An ordinary user who is kept from it learns so before: ``explainingRootless()``.
  fileprivate static let privilegeHint =
    "this root lacks CAP_SYS_ADMIN in the host's user namespace; in a container oneoff needs to "
    + "be privileged (Docker, Podman: --privileged)"

  /// Why the host does not let an ordinary user begin.
  func explainingRootless() -> SystemError {
    guard hint == nil else { return self }
    var explained = self
    switch errno {
    case .notPermitted, .permissionDenied:
      explained.hint =
        "this host keeps ordinary users from namespaces: see apparmor_restrict_unprivileged_userns "
        + "and unprivileged_userns_clone in /proc/sys/kernel; or run oneoff with sudo"
    case .noSpace:
      explained.hint =
        "the limit on namespaces is reached, or 0: see /proc/sys/user/max_user_namespaces; or run "
        + "oneoff with sudo"
    default: break
    }
    return explained
  }

  /// EINVAL of open_tree(2): a mount below, which came from the host with the others, is locked.
  func explainingSubmounts(of path: FilePath, role: String) -> SystemError {
    guard errno == .invalidArgument, call == "open_tree(2)" else { return self }
    var explained = self
    explained.hint =
      "another file system is mounted below the \(role) \(path), and without root the kernel does "
      + "not let it be left out; name a directory without mounts below it, or use sudo"
    return explained
  }

  /// EINVAL of mount_setattr(2) says nothing of the file system; EPERM says nothing of its kind.
  func explainingIDMap(
    of path: FilePath, role: String, on fileSystem: FileSystemType?
  ) -> SystemError {
    guard errno == .invalidArgument || errno == .notPermitted else { return self }
    var explained = self
    let remedy = "use --userns host, or a \(role) on ext4, xfs or btrfs"
    switch fileSystem {
    case .overlay:
      explained.hint =
        "the \(role) \(path) is on overlayfs, whose mounts cannot be id-mapped; \(remedy)"
    case .temporary:
      explained.hint =
        "the \(role) \(path) is on tmpfs, whose mounts can be id-mapped from kernel 6.3 on; "
        + remedy
    case .namespace, .cgroup, .cgroup2, .other, nil:
      explained.hint =
        "the file system of the \(role) \(path) may not support id-mapped mounts; \(remedy)"
    }
    return explained
  }

  /// EPERM of setrlimit(2): whose limit it is, and who may raise it.
  func explainingHardLimit(_ limit: LaunchPlan.ResourceLimit) -> SystemError {
    guard errno == .notPermitted else { return self }
    var explained = self
    explained.hint =
      "yours is lower, and to raise it takes CAP_SYS_RESOURCE in the host's user namespace"
      + (limit == .openFiles ? " (and fs.nr_open is the most that there is)" : "")
      + ": give a lower --ulimit \(limit.name)=SOFT:HARD, or raise yours for oneoff"
    return explained
  }

  /// What is wrong with the place of a scratch on disk.
  func explainingScratchFile(
    in directory: FilePath, _ size: ByteCount
  ) -> SystemError {
    let another = "name another directory with ONEOFF_STATE_DIR, on ext4, xfs or btrfs"
    var explained = self
    explained.hint =
      switch errno {
      case .notSupportedOnSocket, .isDirectory:
        "its file system has no files without a name: \(another)"
      case .fileTooLarge: "its file system holds no file of \(size): \(another)"
      default: another
      }
    return explained
  }

  /// What a host, or the container around, lacks for a scratch on disk.
  func explainingLoopDevice() -> SystemError {
    guard hint == nil else { return self }
    var explained = self
    let instead = "or use --scratch tmpfs:SIZE"
    switch (call, errno) {
    case ("open(2)", .noSuchFileOrDirectory), ("open(2)", .noSuchAddressOrDevice),
      ("open(2)", .operationNotSupportedByDevice):
      explained.hint =
        "there are no loop devices: modprobe loop; a container needs the host's /dev; \(instead)"
    case ("open(2)", .notPermitted), ("open(2)", .permissionDenied):
      explained.hint =
        "loop devices may not be used here; a container has to be privileged for them (Docker, "
        + "Podman: --privileged); \(instead)"
    case ("fsopen(2)", .operationNotSupportedByDevice):
      explained.hint = "this kernel has no ext4: modprobe ext4; \(instead)"
    default: break
    }
    return explained
  }

  /// What an errno of the supervisor's own calls means, and what to do.
  func withHint() -> SystemError {
    guard hint == nil else { return self }
    var explained = self
    switch (call, errno) {
    case (_, .notPermitted):
      explained.hint =
        SystemError.privilegeHint
    case ("clone3(2)", .noSpace), ("clone(2)", .noSpace), ("unshare(2)", .noSpace):
      explained.hint =
        "the host's limit on namespaces is reached: see /proc/sys/user/max_*_namespaces"
    case ("clone3(2)", .resourceTemporarilyUnavailable):
      explained.hint = "the limit on processes is reached: see ulimit -u and kernel.pid_max"
    case (_, .tooManyOpenFiles):
      explained.hint = "the limit on open files is reached: see ulimit -n"
    case (_, .tooManySymbolicLinkLevels):
      explained.hint = "the path is a loop of symbolic links; name the directory itself"
    default: break
    }
    return explained
  }
}

extension SetupFailure {
  /// Describes a failure with the plan that was launched.
  init(_ failure: LaunchFailure, in plan: LaunchPlan) {
    if failure.isExecution {
      self.init(execution: failure, in: plan)
      return
    }
    let operation = failure.operation(in: plan)
    let error = SystemError(
      call: failure.call, subject: operation.map { "to \($0)" } ?? "in PID 1",
      errno: failure.errno, hint: operation.flatMap { Self.hint(for: failure, $0) })
    self.init(description: error.description, exitStatus: 125)
  }

  private init(execution failure: LaunchFailure, in plan: LaunchPlan) {
    var name = failure.detail
    if case .execute(let execution) = failure.operation(in: plan), name.isEmpty {
      name = String(decoding: execution.arguments[0], as: UTF8.self)
    }
    // An ELF file of a hostile image names an interpreter with line feeds.
    name = name.onOneLine
    let error = SystemError(call: failure.call, subject: "of \(name)", errno: failure.errno)
    switch failure.errno {
    case .noSuchFileOrDirectory where failure.isMissingInterpreter:
      self.init(
        description: """
          the interpreter \(name), which the command's file names, is not in the image
          hint: install it, or mend the file's first line (no DOS line ending after it)
          """, exitStatus: 127)
    case .noSuchFileOrDirectory:
      self.init(
        description: """
          command not found: \(name)
          hint: look for a typing error, and at PATH inside the image (--env PATH=…)
          """, exitStatus: 127)
    case .isDirectory:
      // What the child makes of execve(2)'s EACCES for a directory.
      let refusal = SystemError(
        call: failure.call, subject: "of \(name)", errno: .permissionDenied)
      self.init(
        description: refusal.hinting("it is a directory: name a program, such as one in it"),
        exitStatus: 126)
    case .permissionDenied:
      self.init(
        description: error.hinting(
          "the file needs its execute bit (chmod +x) and must be readable, and every directory "
            + "above it must be searchable for the run's user"), exitStatus: 126)
    case .notPermitted where plan.hasFilterOfAProfile:
      self.init(
        description: error.hinting("the seccomp profile may have to allow execve"),
        exitStatus: 126)
    case .notPermitted:
      self.init(
        description: error.hinting(
          "it leads to the host's oneoff program, which never runs inside: name a program of the "
            + "image"), exitStatus: 126)
    case .tooManyOpenFiles:
      self.init(
        description: error.hinting(
          "the limit on open files lets nothing be executed: --ulimit nofile=64 or more"),
        exitStatus: 126)
    case .execFormatError:
      self.init(
        description: error.hinting(
          "the file is neither a program for this machine nor a script that begins with #!"),
        exitStatus: 126)
    default:
      self.init(description: error.description, exitStatus: 126)
    }
  }

  /// What the errno of an operation means, where it misleads.
  static func hint(
    for failure: LaunchFailure, _ operation: LaunchPlan.Operation
  ) -> String? {
    switch (operation, failure.errno) {
    case (_, .noSpace) where failure.call == "move_mount(2)" || failure.call == "open_tree(2)":
      return "the limit on mounts is reached: see /proc/sys/fs/mount-max"
    // BEFORE the loops of links: fsconfig(2) of overlayfs resolves no path of the image.
    case (.mount(let fileSystem, _), .tooManySymbolicLinkLevels)
    where fileSystem.type == "overlay" && failure.call == "fsconfig(2)":
      return "one of the layers lies in another, or is named twice; name each directory once"
    case (.attach(_, let place), .tooManySymbolicLinkLevels) where place.refusesSymbolicLinks,
      (.mount(_, let place), .tooManySymbolicLinkLevels) where place.refusesSymbolicLinks:
      return "\(place.path) of the image must be a directory, not a symbolic link"
    case (.attach(_, let place), .tooManySymbolicLinkLevels),
      (.mount(_, let place), .tooManySymbolicLinkLevels):
      return "\(place.path) is a loop of symbolic links in the image"
    // move_mount(2) answers EINVAL to a file on a directory; openat2(2) ENOTDIR on the way there.
    case (.attach(_, let place), .notDirectory), (.mount(_, let place), .notDirectory),
      (.attach(_, let place), .invalidArgument) where failure.call == "move_mount(2)",
      (.mount(_, let place), .invalidArgument) where failure.call == "move_mount(2)":
      return "a directory can only be mounted on a directory, and a file on a file: see "
        + "\(place.path) in the image"
    case (.attach(_, let place), .overflow), (.mount(_, let place), .overflow):
      // mkdirat(2): the ids of the run do not exist in a volume that is mapped.
      return "\(place.path) lies in a volume in which nothing can be made for the run; make it on "
        + "the host first"
    case (.attach(_, let place), .fileExists), (.mount(_, let place), .fileExists):
      return "\(place.path) of the image is, or leads over, a symbolic link to nothing"
    case (.attach(_, let place), .readOnlyFileSystem):
      return "\(place.path) does not exist there, and cannot be made on a read-only volume"
    case (.mount(let fileSystem, _), .invalidArgument)
    where fileSystem.options.contains { $0.key == "lowerdir+" }:
      return "so many layers take Linux 6.5; before that, use 65 at most"
    case (.mount(let fileSystem, _), .invalidArgument) where fileSystem.type == "overlay":
      return "the kernel's log (dmesg) has the reason; a layer may itself be on overlayfs, or on a "
        + "file system that overlayfs refuses as a layer"
    case (.mount, .operationNotSupportedByDevice):
      return "this kernel has no such file system: load its module (modprobe overlay)"
    case (.mount, .resourceBusy), (.attach, .resourceBusy):
      return "the directory is in use by another mount of the same kind"
    case (.sendDirectory, .resourceTemporarilyUnavailable):
      return "the host's root file system is in too many parts to export from; name a directory "
        + "as --rootfs, or use sudo"
    case (.enterWorkingDirectory(let path), .noSuchFileOrDirectory):
      return "the image has no directory \(path); make it, or choose another with --workdir"
    case (.enterWorkingDirectory(let path), .permissionDenied):
      return "the run's user may not enter \(path); see --user and the directory's owner"
    case (.setNiceness, .permissionDenied):
      return "yours is higher, and to lower it takes CAP_SYS_NICE in the host's user namespace: "
        + "give a higher --nice, or let oneoff have it"
    case (.adjustOOMScore, .permissionDenied):
      return "yours is higher, and to lower it takes CAP_SYS_RESOURCE in the host's user "
        + "namespace: give a higher --oom-score-adj, or let oneoff have it"
    case (.setUser, .invalidArgument), (.setGroup, .invalidArgument),
      (.setGroups, .invalidArgument):
      return "ids inside go from 0 to 65535; with --userns host they are the host's"
    case (.installSeccomp(_, .some), .resourceBusy):
      return "oneoff runs under a seccomp listener itself, and the kernel allows one only; leave "
        + "out --seccomp-log"
    case (.mount(let fileSystem, _), .notPermitted)
    where failure.call == "fsmount(2)" && ["proc", "sysfs"].contains(fileSystem.type):
      return "parts of the host's own \(fileSystem.type) are covered, as in a container, and "
        + "without root the kernel lets nobody mount another, which would uncover them"
    case (_, .notPermitted):
      return
        SystemError.privilegeHint
    default:
      return nil
    }
  }
}

extension LaunchPlan {
  /// Whether the command's filter is not the built-in one.
  fileprivate var hasFilterOfAProfile: Bool {
    command.contains { operation in
      if case .installSeccomp(.compiled, _) = operation { true } else { false }
    }
  }
}

extension SystemError {
  fileprivate func hinting(_ text: String) -> String {
    var error = self
    error.hint = text
    return error.description
  }
}
