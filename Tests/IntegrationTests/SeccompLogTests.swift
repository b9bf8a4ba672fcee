import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// `--seccomp-log`: what was blocked is counted, and blocked all the same.
  @Suite struct SeccompLogTests {
    private struct Blocked: Decodable, Hashable {
      struct Call: Decodable, Hashable {
        var name: String?
        var number: UInt32
        var errno: String
        var count: UInt64
      }

      var calls: [Call]
      var other_count: UInt64
      var complete: Bool
    }

    /// The numbers of system calls on this machine.
    private enum Number {
      #if arch(x86_64)
        static let ioctl: UInt32 = 16
        static let mount: UInt32 = 165
        static let unshare: UInt32 = 272
        /// What mkdir(1) and rmdir(1) call.
        static let mkdir = (name: "mkdir", number: UInt32(83))
        static let rmdir = (name: "rmdir", number: UInt32(84))
      #else
        static let ioctl: UInt32 = 29
        static let mount: UInt32 = 40
        static let unshare: UInt32 = 97
        static let mkdir = (name: "mkdirat", number: UInt32(34))
        static let rmdir = (name: "unlinkat", number: UInt32(35))
      #endif
      static let clone3: UInt32 = 435
    }

    /// The member of the result, of the last event.
    private func blocked(_ result: Completion) throws -> Blocked? {
      struct Result: Decodable { var blocked_calls: Blocked? }
      let last = try #require(result.lines.last)
      return try decodedResult(ofEvents: last, as: Result.self)?.blocked_calls
    }

    private func log(_ options: [String] = [], _ script: String) throws -> Blocked {
      try #require(
        try blocked(shell(options + ["--seccomp-log", "--events", "-"], script)))
    }

    @Test func everyBlockedCallIsCountedWithItsErrno() throws {
      let blocked = try log(
        [],
        "probe try unshare-user; probe try unshare-user; probe try clone3; probe try tiocsti; "
          + "probe try mount-tmpfs; probe syscall 999; probe syscall 999; probe syscall 999")
      #expect(blocked.complete && blocked.other_count == 0)
      #expect(
        blocked.calls == [
          .init(name: nil, number: 999, errno: "ENOSYS", count: 3),
          .init(name: "unshare", number: Number.unshare, errno: "EPERM", count: 2),
          .init(name: "ioctl", number: Number.ioctl, errno: "EIO", count: 1),
          .init(name: "mount", number: Number.mount, errno: "EPERM", count: 1),
          .init(name: "clone3", number: Number.clone3, errno: "ENOSYS", count: 1),
        ])
    }

    @Test func theCommandSeesTheSameErrorsAsWithoutTheLog() throws {
      for attempt in ["unshare-user", "clone3", "tiocsti", "tiocsti-high-bits", "af-alg", "keyctl"]
      {
        let plain = try run([], "probe", "try", attempt)
        let logged = try run(["--seccomp-log"], "probe", "try", attempt)
        #expect(logged["errno"] == plain["errno"])
        #expect(logged["result"] == "denied")
      }
    }

    @Test func peopleAreToldToo() throws {
      let result = try shell(["--seccomp-log"], "probe try mount-tmpfs; probe try mount-tmpfs")
      #expect(
        result.errors
          == "oneoff: system calls of the command that the seccomp policy has blocked:\n"
          + "  2 × mount, EPERM\n")
      let nothing = try run(["--seccomp-log"], "true")
      #expect(
        nothing.errors == "oneoff: the seccomp policy has blocked no system call of the command\n")
      #expect(try run([], "probe", "try", "mount-tmpfs").errors.isEmpty)
      #expect(try blocked(run(["--events", "-"], "probe", "try", "mount-tmpfs")) == nil)
    }

    @Test func itWorksWithAProfile() throws {
      let file = try Workspace.current.write(
        "profile.json",
        """
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["\(Number.mkdir.name)"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30},
          {"names": ["\(Number.rmdir.name)"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}
        """)
      let blocked = try log(["--seccomp", file], "mkdir /tmp/x; rmdir /no/such")
      #expect(
        blocked.calls == [
          .init(name: Number.mkdir.name, number: Number.mkdir.number, errno: "EROFS", count: 1),
          .init(name: Number.rmdir.name, number: Number.rmdir.number, errno: "0", count: 1),
        ])
    }

    /// Many calls, of several processes that signals interrupt all the time: none is lost, and none
    /// is counted twice.
    @Test func countsAreExactUnderLoad() throws {
      let blocked = try log([], "probe repeat-syscall 4 25000 \(Number.mount) | grep all_failed=1")
      #expect(
        blocked.calls == [
          .init(name: "mount", number: Number.mount, errno: "EPERM", count: 100_000)
        ])
      #expect(blocked.complete)
    }

    @Test func outputAndSignalsGoOnMeanwhile() throws {
      let result = try shell(
        ["--seccomp-log"],
        "probe repeat-syscall 2 20000 \(Number.mount) & probe lines 20000; wait")
      #expect(result.lines.count == 20001)
      #expect(result.status == 0)
      let start = ContinuousClock.now
      let stdout = try FileDescriptor.unnamedFile()
      defer { try? stdout.close() }
      let endless = try beginEndlessCalls(stdout)
      usleep(300_000)
      endless.send(SIGTERM)
      #expect(try endless.wait() == .code(128 + SIGTERM))
      #expect(ContinuousClock.now - start < .seconds(10))
    }

    private func beginEndlessCalls(_ output: FileDescriptor) throws -> RunningProcess {
      let command = ["probe", "repeat-syscall", "2", "100000000", "\(Number.mount)"]
      return try start(
        runArguments(["--seccomp-log"], command: command), stdout: output, stderr: output)
    }

    @Test func kindsOfCallsAreBounded() throws {
      let blocked = try log(
        [], "i=2000; while [ $i -lt 3100 ]; do probe syscall $i; i=$((i+1)); done >/dev/null")
      #expect(blocked.calls.count == 1024)
      #expect(blocked.other_count == 1100 - 1024)
    }

    @Test func nothingOfTheListenerIsLeftInside() throws {
      #expect(try run(["--seccomp-log"], "probe", "fds").lines.count == 3)
      // PID 1 and the command, but no process that has sent the listener, dead or alive.
      let processes = try shell(["--seccomp-log"], "sleep 0.1; exec cat /proc/[0-9]*/comm")
      #expect(processes.lines.sorted() == ["cat", "oneoff-init"])
      let status = try run(["--seccomp-log"], "probe", "ids")
      #expect(status["Seccomp_filters"] == "1")
    }

    @Test func theCommandEndsWhenItsSupervisorIsKilledInTheMiddle() throws {
      let stdout = try FileDescriptor.unnamedFile()
      defer { try? stdout.close() }
      let running = try beginEndlessCalls(stdout)
      let command = try commandProcess(of: running)
      running.send(SIGKILL)
      _ = try running.wait()
      try waitUntil { kill(pid_t(command), 0) == -1 }
    }

    @Test func aSetupThatFailsIsReportedAsEver() throws {
      let missing = try run(["--seccomp-log"], "no-such-command")
      #expect(missing.status == 127)
      #expect(missing.errors.contains("command not found"))
    }
  }
}
