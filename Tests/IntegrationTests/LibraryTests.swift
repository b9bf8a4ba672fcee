import CLaunch
import ContainerSpec
import Foundation
import Glibc
import OneOff
import Synchronization
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// `OneOffContainer` in a program with many threads: this one.
  @Suite struct LibraryTests {
    private func container(
      capabilities: CapabilitySet = [], _ command: ByteString...
    ) throws -> OneOffContainer {
      // The supervisor gets this process's environment.
      unsafe setenv("ONEOFF_RUNTIME_DIR", Workspace.current.path.appending("runtime").string, 1)
      var spec = RunSpec(layers: [FilePath(Built.tiny)], command: command)
      spec.grace = .seconds(1)
      spec.capabilities = capabilities
      return try OneOffContainer(spec, program: FilePath(Built.program))
    }

    private func text(_ events: [RunEvent]) -> [String] {
      events.compactMap { event in
        guard case .log(let line) = event else { return nil }
        return String(decoding: line.bytes, as: UTF8.self)
      }
    }

    @Test func blockedCallsAreInTheResult() throws {
      var spec = try container("probe", "try", "mount-tmpfs").spec
      spec.logsBlockedCalls = true
      let result = try OneOffContainer(spec, program: FilePath(Built.program)).run()
      #expect(result.blockedCalls?.isComplete == true)
      let calls = result.blockedCalls?.calls ?? []
      #expect(calls.map { [$0.name, $0.errno, "\($0.count)"] } == [["mount", "EPERM", "1"]])
    }

    @Test func warningsAreEvents() throws {
      var spec = try container("true").spec
      spec.seccomp = .unconfined
      var codes: [String] = []
      let result = try OneOffContainer(spec, program: FilePath(Built.program)).run { event in
        if case .warning(let warning) = event { codes.append(warning.code) }
      }
      #expect(codes == ["seccomp-unconfined"])
      #expect(result.warnings.map(\.code) == codes)
    }

    @Test func fiftyRunsAtOnceOnThreadsEachGetTheirOwn() throws {
      let results = Mutex<[Int: (status: Int32, lines: [String])]>([:])
      let containers = try (0..<50).map {
        try container("sh", "-c", ByteString("echo \($0); exit \($0)"))
      }
      let signals = try signalState()
      let group = DispatchGroup()
      for (number, container) in containers.enumerated() {
        group.enter()
        Thread.detachNewThread {
          defer { group.leave() }
          var events: [RunEvent] = []
          let result = try? container.run { events.append($0) }
          let lines = text(events)
          results.withLock { $0[number] = (result?.status ?? -1, lines) }
        }
      }
      #expect(group.wait(timeout: .now() + 60) == .success)
      let all = results.withLock { $0 }
      for number in 0..<50 {
        #expect(all[number]?.status == Int32(number))
        #expect(all[number]?.lines == ["\(number)"])
      }
      #expect(try signalState() == signals)
    }

    @Test func fiftyRunsAtOnceAsStreamsEachGetTheirOwn() async throws {
      let containers = try (0..<50).map {
        try container("sh", "-c", ByteString("echo \($0); exit \($0)"))
      }
      try await withThrowingTaskGroup(of: (Int, [RunEvent]).self) { group in
        for (number, container) in containers.enumerated() {
          group.addTask {
            var events: [RunEvent] = []
            for try await event in container.events { events.append(event) }
            return (number, events)
          }
        }
        for try await (number, events) in group {
          #expect(text(events) == ["\(number)"])
          guard case .finished(_, let result) = events.last else {
            Issue.record("no end of run \(number)")
            continue
          }
          #expect(result.status == Int32(number))
          #expect(result.reason == .completed)
        }
      }
    }

    @Test func capabilitiesReachTheCommand() throws {
      let capabilities: CapabilitySet = [CapabilitySet(.chown), CapabilitySet(.kill)]
      let container = try container(capabilities: capabilities, "probe", "ids")
      var events: [RunEvent] = []
      _ = try container.run { events.append($0) }
      #expect(text(events).contains("CapEff=0000000000000021"), "\(text(events))")
    }

    @Test func streamThatIsDroppedEndsItsRun() async throws {
      let mark = "4713.\(getpid())"
      let sleeper = try container("probe", "sleep", ByteString(mark))
      for try await event in sleeper.events {
        guard case .started = event else { continue }
        // execve(2) wakes PID 1 up before it has laid out the arguments.
        try waitUntil(.seconds(5)) { !HostSnapshot.processes(of: mark).isEmpty }
        break
      }
      try waitUntil(.seconds(5)) { HostSnapshot.processes(of: mark).isEmpty }
    }

    @Test func commandThatIsNotThereIsAnError() throws {
      let error = #expect(throws: OneOffError.self) { try container("no-such-program").run() }
      #expect(error?.exitStatus == 127)
    }

    @Test func specificationIsCheckedBeforeAnythingStarts() {
      #expect(throws: OneOffError.self) { try OneOffContainer(RunSpec(layers: [], command: ["x"])) }
    }

    /// Which signals this process ignores, catches and blocks.
    private func signalState() throws -> [Substring] {
      try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
        .filter { $0.hasPrefix("Sig") && !$0.hasPrefix("SigQ") }
    }
  }

  @Suite struct SupervisorTests {
    @Test(.requires(.releaseProgram)) func supervisorIsSmallerThan6MiB() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let process = try start(
        runArguments([], command: ["probe", "sleep", "60"]), stdout: null, stderr: null)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      _ = try commandProcess(of: process)
      // The code that only the start has needed is given back after 50 ms.
      let deadline = ContinuousClock.now + .seconds(5)
      var resident = try Self.residentKibibytes(of: process.pid)
      while resident >= 6 * 1024, ContinuousClock.now < deadline {
        usleep(20_000)
        resident = try Self.residentKibibytes(of: process.pid)
      }
      #expect(resident < 6 * 1024)
    }

    private static func residentKibibytes(of pid: Int32) throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
      return try #require(Int(line.filter(\.isNumber)))
    }
  }

  @Suite(.requires(.cgroup2, .tool("/usr/bin/unshare"))) struct CgroupTests {
    /// Makes a directory of the test's own the whole cgroup tree of the program.
    private func wrapper(_ tree: String) -> [String] {
      [
        "unshare", "--mount", "--propagation", "private", "sh", "-c",
        "mount --bind \(tree) /sys/fs/cgroup && exec \"$@\"", "sh",
      ]
    }

    private func withTree(_ body: (String) throws -> Void) throws {
      let root = try #require(HostSnapshot.cgroup2Root)
      let tree = "\(root)/\(Workspace.current.path.lastComponent?.string ?? "x")"
      try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: false)
      defer {
        // rmdir(2): a cgroup's files cannot be removed one by one, as FileManager does.
        let leftovers = cgroups(in: tree) + [tree + "/oneoff"]
        for directory in leftovers { unsafe _ = rmdir(directory) }
        let removed = unsafe rmdir(tree)
        #expect(removed == 0)
      }
      try body(tree)
    }

    private func cgroups(in tree: String) -> [String] {
      HostSnapshot.entries(tree + "/oneoff").map { "\(tree)/oneoff/\($0)" }
        .filter { FileManager.default.fileExists(atPath: $0 + "/cgroup.procs") }
    }

    @Test func commandSitsInItsOwnCgroupAndSeesNoOther() throws {
      try withTree { tree in
        let script = """
          grep '^0::' /proc/self/cgroup; ls -d /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/oneoff
          mkdir /sys/fs/cgroup/x; wc -l </sys/fs/cgroup/cgroup.procs
          """
        let result = try run([], wrapper: wrapper(tree), "sh", "-c", script)
        #expect(result.lines.first == "0::/")
        #expect(result.lines.dropFirst().first == "/sys/fs/cgroup/cgroup.procs")
        #expect(result.lines.count == 3)
        #expect(result.errors.contains("Read-only file system"))
        #expect(cgroups(in: tree).isEmpty)
        let host = HostSnapshot.target("/proc/self/ns/cgroup")
        let inside = try run([], wrapper: wrapper(tree), "readlink", "/proc/self/ns/cgroup")
        #expect(inside.lines.first != host)
      }
    }

    /// On a thread of its own, for which the tree is the host's, and for what is started there.
    private func onHost<Value: Sendable>(
      with tree: String, _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
      let workspace = Workspace.current
      let outcome = Mutex<Result<Value, any Error>?>(nil)
      let end = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        let result = Result {
          // Safe: the kernel reads the strings.
          guard ol_new_mount_namespace() == 0,
            unsafe mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0,
            unsafe mount(tree, "/sys/fs/cgroup", nil, UInt(MS_BIND), nil) == 0
          else { throw Errno(rawValue: errno) }
          return try Workspace.$shared.withValue(workspace, operation: body)
        }
        outcome.withLock { $0 = result }
        end.signal()
      }
      end.wait()
      return try outcome.withLock { try #require($0) }.get()
    }

    /// They belong to the host's root, who could otherwise move and freeze processes by them.
    @Test(arguments: ["cgroup.procs", "cgroup.freeze"])
    func filesOfTheCgroupAreNotWritten(file: String) throws {
      try withTree { tree in
        let (refused, done) = try onHost(with: tree) {
          // 0 is the writing process itself, and thaws.
          let attack = try Attack("probe", "write", "/sys/fs/cgroup/\(file)", "0") {
            $0.userNamespace = .host
          }
          let done = try attack.without { try $0.leaveCgroupWritable() }
          return (try attack.onProgram(), done)
        }
        #expect([refused["result"], refused["errno"]] == ["failed", "EROFS"], "\(refused.errors)")
        #expect(done["result"] == "ok", "\(done["errno"] ?? "") \(done.errors)")
        #expect(cgroups(in: tree).isEmpty)
      }
    }

    @Test func garbageCollectionRemovesWhatAKilledSupervisorLeft() throws {
      try withTree { tree in
        let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
        defer { try? null.close() }
        let mark = "4712.\(getpid())"
        let process = try start(
          runArguments([], command: ["probe", "sleep", mark]), wrapper: wrapper(tree),
          stdout: null, stderr: null)
        try waitUntil { !cgroups(in: tree).isEmpty }
        _ = try commandProcess(of: process)
        let live = try perform(["gc"], wrapper: wrapper(tree))
        #expect(live.status == 0)
        #expect(cgroups(in: tree).count == 1)
        process.send(SIGKILL)
        _ = try process.wait()
        try waitUntil(.seconds(1)) { HostSnapshot.processes(of: mark).isEmpty }
        #expect(cgroups(in: tree).count == 1)
        let collected = try perform(["gc"], wrapper: wrapper(tree))
        #expect(collected.status == 0)
        #expect(cgroups(in: tree).isEmpty)
      }
    }
  }
}
