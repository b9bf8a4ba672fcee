import LinuxSystem
import SystemPackage
import Testing

// Operations of the command's process that cannot fail, and why there is no test of their failing:
// - setUmask: umask(2) has no error;
// - forbidNewPrivileges, forbidDumping: prctl(2) with constants that every kernel since 3.5 knows;
// - keepCapabilitiesOnUserChange: prctl(2), unless securebits that nobody sets have locked it;
// - closeDescriptors: close_range(2) of a valid range with CLOSE_RANGE_CLOEXEC (5.11).

extension Launches {
  @Suite struct CommandOperationTests {
    typealias Operation = LaunchPlan.Operation

    private static let becomeNobody: [Operation] = [
      .setGroups([]), .setGroup(65534), .setUser(65534),
    ]
    private static let inNamespace = { @Sendable (descriptors: DescriptorTable) throws in
      let map = IDMap([.init(inside: 0, host: 0x7000_0000, count: 10)])
      descriptors.adopt(try UserNamespaceMaker().make(users: map, groups: map), as: .userNamespace)
    }

    /// BPF_RET | BPF_K, SECCOMP_RET_ALLOW
    private static let allowingEverything = LaunchPlan.SeccompProgram.compiled(
      name: "everything", instructions: [6, 0, 0, 0, 0, 0, 0xFF, 0x7F])

    static let failing: [FailingOperations] = [
      .init([.newSession, .newSession], "setsid(2)", .notPermitted),
      .init(
        [.useStandardStreams(.standardInput, .standardOutput, .standardError)], "dup3(2)",
        .badFileDescriptor),
      .init([.joinUserNamespace(.userNamespace)], "setns(2)", .badFileDescriptor),
      .init(
        [.joinUserNamespace(.userNamespace)], "setns(2)", .invalidArgument, "",
        FailingOperations.nullDevice(.userNamespace)),
      .init([.setCapabilities(mask: 0), .boundCapabilities(mask: 0)], "prctl(2)", .notPermitted),
      .init([.setCapabilities(mask: 0), .setGroups([])], "setgroups(2)", .notPermitted),
      .init([.setGroups(Array(repeating: 1, count: 65537))], "setgroups(2)", .invalidArgument),
      .init(
        [.joinUserNamespace(.userNamespace), .setGroups([10])], "setgroups(2)",
        .invalidArgument, "", inNamespace),
      .init(
        [.joinUserNamespace(.userNamespace), .setGroup(10)], "setresgid(2)",
        .invalidArgument, "", inNamespace),
      .init(
        [.joinUserNamespace(.userNamespace), .setUser(10)], "setresuid(2)",
        .invalidArgument, "", inNamespace),
      .init([.setCapabilities(mask: 0), .setGroup(5)], "setresgid(2)", .notPermitted),
      .init([.setCapabilities(mask: 0), .setUser(5)], "setresuid(2)", .notPermitted),
      .init([.setCapabilities(mask: 0), .setCapabilities(mask: 1)], "capset(2)", .notPermitted),
      // The change from root to another user takes them.
      .init([.setUser(33), .setCapabilities(mask: 1)], "capset(2)", .notPermitted),
      // What is not in the bounding set cannot become inheritable, and so not ambient.
      .init([.boundCapabilities(mask: 0), .setCapabilities(mask: 1)], "capset(2)", .notPermitted),
      // The third one works: what was kept can be had, and nothing else afterwards.
      .init(
        [
          .keepCapabilitiesOnUserChange, .setUser(5), .setCapabilities(mask: 1),
          .setCapabilities(mask: 2),
        ], "capset(2)", .notPermitted),
      .init(
        [.forbidNewPrivileges, .installSeccomp(.commandDefault), .newKeyring], "keyctl(2)",
        .notPermitted),
      .init(
        [.enterWorkingDirectory("/no/such")], "chdir(2)", .noSuchFileOrDirectory,
        "/no/such"),
      .init([.enterWorkingDirectory("/dev/null")], "chdir(2)", .notDirectory, "/dev/null"),
      .init(
        becomeNobody + [.enterWorkingDirectory("/proc/1/cwd")], "chdir(2)",
        .permissionDenied, "/proc/1/cwd"),
      .init(
        [.restrictWithLandlock(.landlock)], "landlock_restrict_self(2)",
        .badFileDescriptor),
      .init(
        [.setCapabilities(mask: 0), .installSeccomp(.commandDefault)], "seccomp(2)",
        .permissionDenied),
      // With a listener, too: the process that waits for it ends with the one that failed.
      .init(
        [
          .setCapabilities(mask: 0),
          .installSeccomp(allowingEverything, listener: .listenerSocket),
        ], "seccomp(2)", .permissionDenied, "", FailingOperations.nullDevice(.listenerSocket)),
      // The kernel takes one listener only.
      .init(
        [
          .forbidNewPrivileges, .installSeccomp(allowingEverything, listener: .listenerSocket),
          .installSeccomp(allowingEverything, listener: .listenerSocket),
        ], "seccomp(2)", .resourceBusy, "", FailingOperations.nullDevice(.listenerSocket)),
      .init([.setResourceLimit(.openFiles, soft: 2, hard: 1)], "setrlimit(2)", .invalidArgument),
      .init([.fixResourceLimit(.openFiles, soft: 2, hard: 1)], "setrlimit(2)", .invalidArgument),
      .init(
        [
          .setCapabilities(mask: 0), .fixResourceLimit(.openFiles, soft: 1, hard: 1),
          .fixResourceLimit(.openFiles, soft: 1, hard: 2),
        ], "setrlimit(2)", .notPermitted),
      .init(
        [.setCapabilities(mask: 0), .setNiceness(19), .setNiceness(18)], "setpriority(2)",
        .permissionDenied),
      .init(
        [.execute(.program("/no/such", "/no/such/either"))], "execve(2)",
        .noSuchFileOrDirectory),
      .init([.execute(.program("/etc/passwd"))], "execve(2)", .permissionDenied, "/etc/passwd"),
      // As execvp(3): what is there but may not be executed is remembered, and the search goes on.
      .init(
        [.execute(.program("/etc/passwd", "/no/such"))], "execve(2)", .permissionDenied,
        "/etc/passwd"),
      .init(
        [.execute(.program("/no/such", isOptional: true)), .execute(.program("/etc/passwd"))],
        "execve(2)", .permissionDenied, "/etc/passwd"),
      .init(
        [.execute(.program("/etc/passwd", isOptional: true))], "execve(2)",
        .permissionDenied, "/etc/passwd"),
    ]

    @Test(arguments: failing) func reportsTheCallAndItsErrno(_ failing: FailingOperations) throws {
      try failing.check(in: .command)
    }

    @Test(arguments: [0, 33] as [UInt32]) func capabilitiesOutliveUserAndExecution(
      user: UInt32
    ) throws {
      let check = ["Inh", "Prm", "Eff", "Bnd", "Amb"]
        .map { "grep -q 'Cap\($0):.*0000000000000021$' /proc/self/status" }.joined(
          separator: " && ")
      let records = try records(
        of: .running(
          check,
          before: [
            .boundCapabilities(mask: 0x21), .keepCapabilitiesOnUserChange, .setUser(user),
            .setCapabilities(mask: 0x21), .forbidNewPrivileges,
          ]))
      #expect(records.exit?.way == .code(0))
    }

    private func failure(executing path: String) throws -> LaunchFailure {
      var plan = LaunchPlan.running("")
      plan.command = [.execute(.program(path))]
      guard case .failed(let failure)? = try records(of: plan).first else {
        throw NothingFailed()
      }
      return failure
    }

    private struct NothingFailed: Error {}

    @Test func aFileOfNoKnownFormatIsENOEXEC() throws {
      let directory = try TemporaryDirectory()
      let path = try directory.file("data", Array("neither\n".utf8))
      let failure = try failure(executing: path)
      #expect(failure.errno == Errno(rawValue: 8))
      #expect(failure.detail == path)
      #expect(failure.isExecution)
    }

    @Test func aLoopOfLinksIsELOOP() throws {
      let directory = try TemporaryDirectory()
      try directory.descriptor.makeSymbolicLink("loop", to: "loop", owner: .init(uid: 0, gid: 0))
      let path = directory.path.appending("loop").string
      #expect(try failure(executing: path).errno == .tooManySymbolicLinkLevels)
    }

    @Test(arguments: [
      ("#!/no/such/ruby\n", "/no/such/ruby"), ("#! \t/no/such -w\n", "/no/such"),
      ("#!/bin/sh\r\nexit\r\n", "/bin/sh\r"), ("#!/no/such", "/no/such"),
    ]) func theMissingInterpreterOfAScriptIsNamed(text: String, interpreter: String) throws {
      let directory = try TemporaryDirectory()
      let failure = try failure(executing: directory.file("script", Array(text.utf8)))
      #expect(failure.isMissingInterpreter)
      #expect(failure.errno == .noSuchFileOrDirectory)
      #expect(failure.detail == interpreter)
    }

    @Test func theMissingInterpreterOfAProgramIsNamed() throws {
      let directory = try TemporaryDirectory()
      var program = try readFile("/bin/sh", limit: 16 << 20)
      let name = Array("/lib64/ld-linux".utf8)
      let start = try #require(
        program.indices.dropLast(name.count).first {
          program[$0..<($0 + name.count)].elementsEqual(name)
        })
      program[start + 1] = UInt8(ascii: "L")
      let failure = try failure(executing: directory.file("program", program))
      #expect(failure.isMissingInterpreter)
      #expect(failure.detail.hasPrefix("/Lib64/ld-linux"))
    }
  }
}
