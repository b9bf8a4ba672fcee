import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// Every sentence of Hints.swift, with the errno that leads to it.
@Suite struct SystemErrorHintTests {
  @Test(arguments: [
    (Errno.invalidArgument, FileSystemType?.some(.overlay), "is on overlayfs"),
    (.invalidArgument, .temporary, "from kernel 6.3 on"),
    (.notPermitted, .other, "may not support id-mapped mounts"),
    (.invalidArgument, nil, "may not support id-mapped mounts"),
  ]) func aMountThatCannotBeIDMappedNamesItsFileSystem(
    errno: Errno, fileSystem: FileSystemType?, text: String
  ) throws {
    let error = SystemError(call: "mount_setattr(2)", errno: errno)
    let hint = try #require(
      error.explainingIDMap(of: "/srv/app", role: "layer", on: fileSystem).hint)
    #expect(hint.contains(text))
    #expect(hint.contains("layer /srv/app"))
    #expect(hint.contains("use --userns host, or a layer on ext4, xfs or btrfs"))
  }

  @Test func anotherErrnoOfAnIDMapIsLeftAlone() {
    let error = SystemError(call: "mount_setattr(2)", errno: .badFileDescriptor)
    #expect(error.explainingIDMap(of: "/x", role: "layer", on: .overlay) == error)
  }

  @Test(arguments: [
    ("fsopen(2)", Errno.notPermitted, "lacks CAP_SYS_ADMIN"),
    ("clone3(2)", .noSpace, "limit on namespaces"),
    ("clone(2)", .noSpace, "limit on namespaces"),
    ("clone3(2)", .resourceTemporarilyUnavailable, "limit on processes"),
    ("pipe2(2)", .tooManyOpenFiles, "ulimit -n"),
    ("open(2)", .tooManySymbolicLinkLevels, "loop of symbolic links"),
  ]) func anErrnoOfTheSupervisorIsExplained(call: String, errno: Errno, text: String) throws {
    let hint = try #require(SystemError(call: call, errno: errno).withHint().hint)
    #expect(hint.contains(text))
  }

  @Test(arguments: [
    ("open(2)", Errno.noSuchFileOrDirectory, "modprobe loop"),
    ("open(2)", .noSuchAddressOrDevice, "modprobe loop"),
    ("open(2)", .notPermitted, "--privileged"), ("open(2)", .permissionDenied, "--privileged"),
    ("fsopen(2)", .operationNotSupportedByDevice, "modprobe ext4"),
  ]) func whatAScratchOnDiskLacksIsExplained(call: String, errno: Errno, text: String) throws {
    let error = SystemError(call: call, errno: errno)
    #expect(try #require(error.explainingLoopDevice().hint).contains(text))
    let said = SystemError(call: call, errno: errno, hint: "as it is")
    #expect(said.explainingLoopDevice() == said)
  }

  @Test(arguments: [
    (Errno.notSupportedOnSocket, "has no files without a name"),
    (.isDirectory, "has no files without a name"), (.fileTooLarge, "holds no file of 10T"),
    (.readOnlyFileSystem, "name another directory"),
  ]) func aPlaceThatCannotHoldAScratchIsExplained(errno: Errno, text: String) throws {
    let error = SystemError(call: "open(2)", errno: errno)
    let hint = error.explainingScratchFile(in: "/srv", .mebibytes(10 << 20)).hint
    #expect(try #require(hint).contains(text))
    #expect(hint?.contains("ONEOFF_STATE_DIR") == true)
  }

  @Test func aHintThatIsThereStays() {
    let error = SystemError(call: "execve(2)", errno: .notPermitted, hint: "as it is")
    #expect(error.withHint().hint == "as it is")
  }

  @Test func anErrnoThatSaysItAllGetsNoHint() {
    #expect(SystemError(call: "open(2)", errno: .noSuchFileOrDirectory).withHint().hint == nil)
  }
}

@Suite struct SetupFailureTests {
  private static let place = LaunchPlan.Place("/data", below: .root)
  private static let kernelPlace = LaunchPlan.Place(
    "/proc", below: .root, refusesSymbolicLinks: true)
  private static let overlay = LaunchPlan.Operation.mount(.init(type: "overlay"), place)
  private static let tmpfs = LaunchPlan.Operation.mount(.init(type: "tmpfs"), place)

  private func failure(
    of operation: LaunchPlan.Operation, _ errno: Errno, call: String
  ) -> SetupFailure {
    var plan = LaunchPlan(namespaces: [])
    plan.setup = [.resetSignals, operation]
    return SetupFailure(
      LaunchFailure(section: .setup, index: 1, call: call, errno: errno), in: plan)
  }

  @Test(
    arguments: [
      (.attach(.volume(0), place), Errno.noSpace, "move_mount(2)", "mount-max"),
      (.mask(place, with: .masks), .noSpace, "open_tree(2)", "mount-max"),
      (
        .attach(.devices, kernelPlace), .tooManySymbolicLinkLevels, "openat2(2)",
        "/proc of the image must be a directory, not a symbolic link"
      ),
      (
        .mount(.init(type: "proc"), kernelPlace), .tooManySymbolicLinkLevels, "openat2(2)",
        "/proc of the image must be a directory, not a symbolic link"
      ),
      (
        .attach(.volume(0), place), .tooManySymbolicLinkLevels, "openat2(2)",
        "/data is a loop of symbolic links in the image"
      ),
      (
        tmpfs, .tooManySymbolicLinkLevels, "openat2(2)",
        "/data is a loop of symbolic links in the image"
      ),
      (
        .attach(.volume(0), place), .invalidArgument, "move_mount(2)",
        "a file on a file: see /data"
      ),
      (.attach(.volume(0), place), .notDirectory, "openat2(2)", "a file on a file: see /data"),
      (tmpfs, .invalidArgument, "move_mount(2)", "a file on a file: see /data"),
      (tmpfs, .notDirectory, "openat2(2)", "a file on a file: see /data"),
      (
        .attach(.volume(0), place), .readOnlyFileSystem, "mkdirat(2)",
        "cannot be made on a read-only volume"
      ),
      (
        .mount(.init(type: "overlay", options: [("lowerdir+", "l1")]), place), .invalidArgument,
        "fsconfig(2)", "take Linux 6.5"
      ),
      (overlay, .invalidArgument, "fsconfig(2)", "the kernel's log (dmesg) has the reason"),
      (overlay, .tooManySymbolicLinkLevels, "fsconfig(2)", "lies in another, or is named twice"),
      (tmpfs, Errno(rawValue: 19), "fsopen(2)", "modprobe"),
      (tmpfs, .resourceBusy, "fsconfig(2)", "in use by another mount"),
      (.attach(.volume(0), place), .resourceBusy, "move_mount(2)", "in use by another mount"),
      (.enterWorkingDirectory("/app"), .noSuchFileOrDirectory, "chdir(2)", "--workdir"),
      (.enterWorkingDirectory("/app"), .permissionDenied, "chdir(2)", "may not enter /app"),
      (.setUser(70000), .invalidArgument, "setresuid(2)", "from 0 to 65535"),
      (.setGroup(70000), .invalidArgument, "setresgid(2)", "from 0 to 65535"),
      (.setGroups([70000]), .invalidArgument, "setgroups(2)", "from 0 to 65535"),
      (.pivot, .notPermitted, "pivot_root(2)", "lacks CAP_SYS_ADMIN"),
      (
        .installSeccomp(.commandDefault, listener: .listenerSocket), .resourceBusy, "seccomp(2)",
        "leave out --seccomp-log"
      ),
    ] as [(LaunchPlan.Operation, Errno, String, String)])
  func anErrnoThatMisleadsIsExplained(
    operation: LaunchPlan.Operation, errno: Errno, call: String, hint: String
  ) {
    let failure = failure(of: operation, errno, call: call)
    let lines = failure.description.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
      lines.first.map(String.init)
        == "\(call) to \(operation): \(errno.name) (\(errno.description))")
    #expect(lines.last?.hasPrefix("hint: ") == true)
    #expect(lines.last?.contains(hint) == true, "\(failure.description)")
    #expect(failure.exitStatus == 125)
  }

  @Test func anErrnoThatSaysItAllGetsNoHint() {
    let failure = failure(of: .newSession, .invalidArgument, call: "setsid(2)")
    #expect(failure.description == "setsid(2) to new session: EINVAL (Invalid argument)")
  }

  @Test func aFailureOfPID1ItselfIsNotBlamedOnAnOperation() {
    let failure = SetupFailure(
      LaunchFailure(section: .guarding, index: nil, call: "pipe2(2)", errno: .tooManyOpenFiles),
      in: LaunchPlan(namespaces: []))
    #expect(failure.description.hasPrefix("pipe2(2) in PID 1: EMFILE"))
    #expect(failure.exitStatus == 125)
  }

  private func failure(
    ofExecution errno: Errno, detail: String = "", isMissingInterpreter: Bool = false
  ) -> SetupFailure {
    var plan = LaunchPlan(namespaces: [])
    let candidates = [Array("/bin/rake".utf8)]
    plan.command = [
      .execute(.init(candidates: candidates, arguments: [Array("rake".utf8)], environment: []))
    ]
    let failure = LaunchFailure(
      section: .command, index: 0, call: "execve(2)", errno: errno, detail: detail,
      isExecution: true, isMissingInterpreter: isMissingInterpreter)
    return SetupFailure(failure, in: plan)
  }

  @Test func aCommandThatIsNotThereHasStatus127() {
    let failure = failure(ofExecution: .noSuchFileOrDirectory)
    #expect(failure.exitStatus == 127)
    #expect(failure.description.hasPrefix("command not found: rake\nhint: "))
    #expect(failure.description.contains("PATH"))
  }

  @Test func aMissingInterpreterHasStatus127AndItsName() {
    let failure = failure(
      ofExecution: .noSuchFileOrDirectory, detail: "/bin/rubby", isMissingInterpreter: true)
    #expect(failure.exitStatus == 127)
    #expect(failure.description.hasPrefix("the interpreter /bin/rubby, which"))
    #expect(failure.description.contains("\nhint: "))
  }

  @Test func aHostileInterpreterCannotForgeALine() {
    let failure = failure(
      ofExecution: .noSuchFileOrDirectory, detail: "/x\n-----> Released\u{1b}[2J\nhint: rest",
      isMissingInterpreter: true)
    let lines = failure.description.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
      lines.first?.hasPrefix("the interpreter /x\u{FFFD}-----> Released\u{FFFD}[2J\u{FFFD}hint")
        == true)
  }

  @Test(arguments: [
    (Errno.permissionDenied, "chmod +x"), (Errno(rawValue: 8), "begins with #!"),
  ]) func aCommandThatCannotBeExecutedHasStatus126(errno: Errno, hint: String) {
    let failure = failure(ofExecution: errno, detail: "/bin/rake")
    #expect(failure.exitStatus == 126)
    #expect(failure.description.hasPrefix("execve(2) of /bin/rake: \(errno.name)"))
    #expect(failure.description.contains(hint))
  }

  @Test func anyOtherErrnoOfTheExecutionHasStatus126AndItsName() {
    let failure = failure(ofExecution: .tooManySymbolicLinkLevels, detail: "/bin/rake")
    #expect(failure.exitStatus == 126)
    #expect(failure.description.hasPrefix("execve(2) of /bin/rake: ELOOP"))
  }

  @Test func aProcessThatWasKilledBeforeTheExecutionHasStatus125() {
    let failure = SetupFailure(endBeforeExecution: .signal(9))
    #expect(failure.exitStatus == 125)
    #expect(failure.description.hasPrefix("the command's process ended by signal 9 before"))
    #expect(OneOffError.setup(failure).exitStatus == 125)
  }

  @Test func memoryThatDoesNotSufficeForTheStartHasARemedy() {
    var figures = CgroupFigures()
    figures.oomKills = 1
    let killed = SetupFailure(endBeforeExecution: .signal(9), figures)
    #expect(killed.exitStatus == 125)
    #expect(
      killed.description.hasSuffix(
        "hint: its memory did not suffice: give more (--memory, --size)"), "\(killed.description)")
    figures.oomKills = 0
    let other = SetupFailure(endBeforeExecution: .signal(9), figures)
    #expect(other.description.contains("see the kernel's log (dmesg)"))
  }
}
