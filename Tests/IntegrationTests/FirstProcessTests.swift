import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// PID 1, and what the command cannot do to it.
  @Suite struct FirstProcessTests {
    @Test(arguments: AttemptOnFirstProcess.all)
    func isOutOfReachOfRoot(attempt: AttemptOnFirstProcess) throws {
      let result = try run([], "probe", "try", attempt.name)
      #expect(result["result"] == "denied")
      #expect(result["errno"] == attempt.errno)
      #expect(result.status == 0)
    }

    @Test func showsNothingOfTheHostsCommandLine() throws {
      let secret = "itest-secret"
      let process = try start(
        runArguments(["--env", "TOKEN=\(secret)"], command: ["probe", "sleep", "60"]),
        environment: ["CALLER_TOKEN": secret], stdout: .standardError, stderr: .standardError)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      let command = try commandProcess(of: process)
      let first = try #require(children(of: Int(process.pid)).first)
      #expect(try String(contentsOfFile: "/proc/\(first)/comm", encoding: .utf8) == "oneoff-init\n")
      for file in ["cmdline", "environ"] {
        let bytes = FileManager.default.contents(atPath: "/proc/\(first)/\(file)") ?? Data()
        #expect(bytes.allSatisfy { $0 == 0 }, "\(file)")
      }
      // The supervisor's own command line is there for all users of the host to see.
      let arguments = FileManager.default.contents(atPath: "/proc/\(process.pid)/cmdline") ?? Data()
      #expect(arguments.range(of: Data(secret.utf8)) == nil)
      _ = command
    }

    @Test func commandLineInsideIsEmpty() throws {
      let result = try shell(["--env", "TOKEN=itest-secret"], "cat /proc/1/cmdline | tr -d '\\0'")
      #expect(result.output == "")
      #expect(try run([], "cat", "/proc/1/comm").output == "oneoff-init\n")
    }

    @Test func keepsOneCapabilityBeforeTheCommandIsThere() throws {
      let status = try fields(ofStatus: run([], "cat", "/proc/1/status").lines)
      let kill = "0000000000000020"
      #expect(status["CapEff"] == kill)
      #expect(status["CapPrm"] == kill)
      #expect(status["CapBnd"] == kill)
      #expect(status["CapInh"] == "0000000000000000")
      #expect(status["CapAmb"] == "0000000000000000")
      #expect(status["NoNewPrivs"] == "1")
    }

    @Test func hasAFilterOfItsOwnAsSoonAsTheCommandIsThere() throws {
      // The command would inherit it.
      let result = try shell(onceFirstProcessIsConfined("grep '^Seccomp:' /proc/1/status"))
      #expect(result.output == "Seccomp:\t2\n")
    }

    private func fields(ofStatus lines: [String]) -> [String: String] {
      Dictionary(
        lines.compactMap { line in
          line.firstIndex(of: ":").map {
            (
              String(line[..<$0]),
              line[line.index(after: $0)...].trimmingCharacters(in: .whitespaces)
            )
          }
        }, uniquingKeysWith: { first, _ in first })
    }

    @Test func reapsOrphans() throws {
      let result = try run([], "probe", "orphans", "50")
      #expect(result["orphans"] == "50")
      #expect(result["zombies"] == "0")
    }

    @Test func daemonThatHoldsThePipesEndsWithTheCommand() throws {
      let start = ContinuousClock.now
      let result = try run([], "probe", "daemon", "47.4711")
      #expect(result["result"] == "ok")
      #expect(result.status == 0)
      #expect(ContinuousClock.now - start < .milliseconds(800) * patience)
      #expect(HostSnapshot.processes(of: "47.4711").isEmpty)
    }

    @Test(arguments: ["readlink /proc/self/exe", "readlink /proc/self/ns/mnt"])
    func commandSeesItself(script: String) throws {
      #expect(try shell(script).status == 0)
    }

    @Test func programOfTheHostIsNotReachable() throws {
      let result = try run([], "probe", "open", "/proc/1/exe", "r")
      #expect(result["errno"] == "EACCES")
    }

    @Test func isNotDumpable() throws {
      // proc(5): the files of a process that is not dumpable belong to root and root's group,
      // whatever its own group is.
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let process = try start(
        runArguments([], command: ["probe", "sleep", "60"]),
        wrapper: ["setpriv", "--regid", "5", "--clear-groups"], stdout: null, stderr: null)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      _ = try commandProcess(of: process)
      let first = try #require(children(of: Int(process.pid)).first)
      func group(_ process: Int) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "/proc/\(process)/environ")[
          .groupOwnerAccountID] as? Int
      }
      #expect(try group(Int(process.pid)) == 5)
      #expect(try group(first) == 0)
    }
  }

  /// What the default seccomp program and the absence of capabilities refuse.
  @Suite struct RefusalTests {
    @Test(arguments: [
      ("unshare-user", "EPERM"), ("unshare-mount", "EPERM"), ("mount-tmpfs", "EPERM"),
      ("umount-proc", "EPERM"), ("sethostname", "EPERM"), ("chmod-setuid", "EPERM"),
      ("keyctl", "EPERM"), ("add-key", "EPERM"), ("bpf", "EPERM"), ("perf", "EPERM"),
      ("userfaultfd", "EPERM"), ("io-uring", "EPERM"), ("clone-newuser", "EPERM"),
      ("clone3", "ENOSYS"), ("tiocsti", "EIO"), ("tiocsti-high-bits", "EIO"),
      ("tioclinux", "EIO"), ("af-alg", "EPERM"), ("af-vsock", "EPERM"),
      ("write-sysctl", "EACCES"),
    ])
    func attemptIsDenied(attempt: String, errno: String) throws {
      let result = try run([], "probe", "try", attempt)
      #expect(result["result"] == "denied")
      #expect(result["errno"] == errno)
    }

    @Test func sysrqIsMasked() throws {
      let result = try run([], "probe", "try", "write-sysrq")
      // A kernel without magic keys has no such file.
      #expect(result["masked"] == "1" || result["errno"] == "ENOENT")
    }

    @Test(arguments: ["--network=host", "--network=none"])
    func processesOfTheHostAreNotSignaled(network: String) throws {
      let result = try run([network], "probe", "try", "kill-pid", "\(getpid())")
      #expect(result["result"] == "denied")
      #expect(result["errno"] == "ESRCH")
    }
  }
}
