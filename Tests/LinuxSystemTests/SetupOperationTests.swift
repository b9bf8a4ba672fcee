import LinuxSystem
import SystemPackage
import Testing

// Operations of the set-up that cannot fail, and why there is no test of their failing:
// - eraseArguments: memory of the process's own, and prctl(PR_SET_NAME) of a valid text;
// - resetSignals: sigaction(2) of every signal that may have a disposition.
// Steps that cannot fail here: fsmount(2) (fsopen(2) before it needs the same privilege), fstat(2)
// of a descriptor that was just opened, socket(2), umount2(2) and chdir(2) after a pivot.

extension Launches {
  @Suite struct SetupOperationTests {
    typealias Operation = LaunchPlan.Operation

    static let ready: [Operation] = [.makeMountsPrivate, .enterScratch(.scratch)]
    static let administrator: UInt64 = 1 << 21 | 1 << 1  // CAP_SYS_ADMIN, CAP_DAC_OVERRIDE

    static func place(
      _ path: String, missing: LaunchPlan.Missing = .fail, refusesSymbolicLinks: Bool = false
    ) -> LaunchPlan.Place {
      .init(
        path, below: .prepared(.scratch), missing: missing,
        refusesSymbolicLinks: refusesSymbolicLinks)
    }

    static func attach(
      _ path: String, missing: LaunchPlan.Missing = .fail, refusesSymbolicLinks: Bool = false
    ) -> Operation {
      .attach(
        .devices, place(path, missing: missing, refusesSymbolicLinks: refusesSymbolicLinks))
    }

    /// A procfs, somewhere.
    static let proc = Operation.mount(.init(type: "proc", becomes: .proc), place("dir"))

    static let isolation: [FailingOperations] = [
      .init(
        [.joinCgroup(.cgroup)], "write(2)", .badFileDescriptor, "",
        FailingOperations.nullDevice(.cgroup)),
      .init([.keepCapabilities(mask: 0), .newCgroupNamespace], "unshare(2)", .notPermitted),
      .init([.joinNetwork(.network)], "setns(2)", .badFileDescriptor),
      .init(
        [.joinNetwork(.network)], "setns(2)", .invalidArgument, "",
        FailingOperations.nullDevice(.network)),
      .init([.joinNetwork(.network)], "setns(2)", .invalidArgument) {
        try $0.adopt(
          OwnedDescriptor(opening: "/proc/self/ns/user", flags: .reading), as: .network)
      },
      .init([.keepCapabilities(mask: 0), .makeMountsPrivate], "mount(2)", .notPermitted),
      .init(
        [.setHostname(String(repeating: "x", count: 65))], "sethostname(2)",
        .invalidArgument),
      .init([.adjustOOMScore(1)], "openat2(2)", .badFileDescriptor),
      .init(
        ready + [proc, .adjustOOMScore(1001)], "write(2)", .invalidArgument, "",
        FailingOperations.scratch),
      .init(
        ready + [proc, .adjustOOMScore(1000), .keepCapabilities(mask: 0), .adjustOOMScore(-1000)],
        "write(2)", .permissionDenied, "", FailingOperations.scratch),
    ]

    static let attaching: [FailingOperations] = [
      .init([.makeMountsPrivate, .enterScratch(.scratch)], "move_mount(2)", .badFileDescriptor),
      .init(
        [.makeMountsPrivate, .enterScratch(.scratch)], "move_mount(2)", .invalidArgument, "",
        FailingOperations.nullDevice(.scratch)),
      .init(
        ready + [attach("missing")], "openat2(2)", .noSuchFileOrDirectory, "missing",
        FailingOperations.scratch),
      .init(
        ready + [attach("link", refusesSymbolicLinks: true)], "openat2(2)",
        .tooManySymbolicLinkLevels, "link", FailingOperations.scratch),
      .init(
        ready + [attach("loop")], "openat2(2)", .tooManySymbolicLinkLevels, "loop",
        FailingOperations.scratch),
      .init(
        ready + [attach("file")], "move_mount(2)", .invalidArgument, "",
        FailingOperations.scratch),
      .init(
        ready + [attach("file/x", missing: .makeDirectory(owner: .init(uid: 0, gid: 0)))],
        "openat2(2)", .notDirectory, "file/x", FailingOperations.scratch),
      .init(
        ready + [attach("new", missing: .makeDirectory(owner: .init(uid: 0, gid: 0)))],
        "mkdirat(2)", .readOnlyFileSystem, "new", FailingOperations.readOnlyScratch),
      .init(
        ready + [attach("a/new", missing: .makeFile(owner: .init(uid: 0, gid: 0)))],
        "mkdirat(2)", .readOnlyFileSystem, "a/new", FailingOperations.readOnlyScratch),
      .init(
        ready + [
          .keepCapabilities(mask: administrator),
          attach("new", missing: .makeDirectory(owner: .init(uid: 5, gid: 5))),
        ], "fchownat(2)", .notPermitted, "new", FailingOperations.scratch),
      .init(
        ready + [attach(String(repeating: "x/", count: 2100))], "openat2(2)",
        Errno(rawValue: 36), String(String(repeating: "x/", count: 2100).prefix(207)),
        FailingOperations.scratch),
      .init(
        [.attach(.devices, .init("dir", below: .root))], "openat2(2)", .badFileDescriptor,
        "dir", FailingOperations.scratch),
    ]

    static let mounting: [FailingOperations] = [
      .init(
        ready + [.mount(.init(type: "no-such-type"), place("dir"))], "fsopen(2)",
        Errno(rawValue: 19), "", FailingOperations.scratch),
      .init(
        ready + [.mount(.init(type: "tmpfs", options: [("wrong", "1")]), place("dir"))],
        "fsconfig(2)", .invalidArgument, "wrong", FailingOperations.scratch),
      .init(
        ready + [.mount(.init(type: "overlay"), place("dir"))], "fsconfig(2)",
        .invalidArgument, "", FailingOperations.scratch),
      .init(
        ready + [.mount(.init(type: "tmpfs"), place("missing"))], "openat2(2)",
        .noSuchFileOrDirectory, "missing", FailingOperations.scratch),
      .init(
        ready + [.keepCapabilities(mask: 0), .mount(.init(type: "tmpfs"), place("dir"))],
        "fsopen(2)", .notPermitted, "", FailingOperations.scratch),
    ]

    static let hiding: [FailingOperations] = [
      .init(
        [.mask(.init("kcore", below: .proc), with: .masks)], "openat2(2)",
        .badFileDescriptor, "kcore"),
      .init(
        ready + [.mask(place("link"), with: .devices)], "openat2(2)",
        .tooManySymbolicLinkLevels, "link", FailingOperations.scratch),
      .init(
        ready + [.mask(place("file"), with: .devices)], "open_tree(2)",
        .noSuchFileOrDirectory, "", FailingOperations.scratch),
      .init(
        [.makeMountsPrivate, .makeReadOnly(.init("", below: .prepared(.null)))],
        "mount_setattr(2)", .invalidArgument, "", FailingOperations.nullDevice(.null)),
      .init(
        ready + [.makeReadOnly(place("../.."))], "openat2(2)", .improperLink, "../..",
        FailingOperations.scratch),
      .init(
        ready + [.keepCapabilities(mask: 0), .makeReadOnly(place("dir"))], "open_tree(2)",
        .notPermitted, "", FailingOperations.scratch),
      .init(ready + [.pivot], "fchdir(2)", .badFileDescriptor, "", FailingOperations.scratch),
      .init(
        ready + [
          .mount(.init(type: "tmpfs", becomes: .root), place("dir")),
          .keepCapabilities(mask: 0), .pivot,
        ], "pivot_root(2)", .notPermitted, "", FailingOperations.scratch),
    ]

    static let sending: [FailingOperations] = [
      .init(
        ready + [.sendDirectory(place("missing"), over: .null)], "openat2(2)",
        .noSuchFileOrDirectory, "missing", FailingOperations.scratch),
      .init(
        ready + [.sendDirectory(place("dir"), over: .null)], "sendmsg(2)", .badFileDescriptor, "",
        FailingOperations.scratch),
    ]

    @Test(arguments: isolation + attaching + mounting + hiding + sending)
    func reportsTheCallAndItsErrno(_ failing: FailingOperations) throws {
      try failing.check(in: .setup)
    }

    @Test func whatThisKernelDoesNotHaveNeedsNoMask() throws {
      var plan = LaunchPlan.running("exit 0")
      plan.setup =
        Self.ready + [
          .mask(Self.place("missing"), with: .devices), .makeReadOnly(Self.place("missing")),
        ]
      let descriptors = DescriptorTable()
      try FailingOperations.scratch(descriptors)
      #expect(try records(of: plan, with: descriptors).first == .started)
    }

    @Test func aFailureOfTheFirstProcessAfterTheForkIsReported() throws {
      try FailingOperations(
        [.keepCapabilities(mask: 0), .keepCapabilities(mask: 1 << 5)], "capset(2)", .notPermitted
      ).check(in: .guarding)
    }

    @Test func argumentsAndEnvironmentThatAreTooLongAreRefusedBeforeTheLaunch() throws {
      let plan = LaunchPlan.running(String(repeating: "x", count: 5 << 20))
      let error = #expect(throws: SystemError.self) { try records(of: plan) }
      #expect(error?.errno == .argListTooLong)
      #expect(error?.hint?.contains("2 MiB") == true)
    }
  }
}
