import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

@testable import OneOff

extension IntegrationTests {
  /// PID 1 and the supervisor as targets (docs/security.md, 13, 14, 21 and 23).
  @Suite struct FirstProcessAttackTests {
    /// What needs no capability where PID 1 is in the same user namespace, and takes no care.
    @Test(
      arguments: AttemptOnFirstProcess.deniedByItsID + AttemptOnFirstProcess.deniedToEveryID)
    func firstProcessIsOutOfReach(attempt: AttemptOnFirstProcess) throws {
      let attack = try Attack(
        "sh", "-c", onceFirstProcessIsConfined("probe try \(attempt.name)"))
      try expect(attack, isDeniedWith: attempt.errno, inHostsUserNamespace: true) { sequence in
        try sequence.exposeFirstProcess()
        try sequence.leaveOutSeccomp()
      }
    }

    /// The user namespace alone, with everything else that PID 1 does for itself.
    @Test(arguments: ["prlimit-init", "kill-init"])
    func firstProcessIsInReachOfRootInItsOwnUserNamespace(name: String) throws {
      let result = try Attack("probe", "try", name) { $0.userNamespace = .host }
        .onProgram()
      #expect(result["result"] == "succeeded")
    }

    @Test func namespaceOfTheFirstProcessCannotBeJoined() throws {
      let attempt = AttemptOnFirstProcess.joining
      let attack = try Attack(
        "sh", "-c", onceFirstProcessIsConfined("probe try \(attempt.name)"))
      try expect(attack, isDeniedWith: attempt.errno, inHostsUserNamespace: true) { sequence in
        try sequence.exposeFirstProcess()
        try sequence.leavePrivileges()
      }
    }

    @Test func processOfTheHostIsNotSignaled() throws {
      let pid = "\(getpid())"
      let attack = try Attack("probe", "try", "kill-pid", pid) { $0.userNamespace = .host }
      #expect(try attack.onProgram()["errno"] == "ESRCH")
      // Outside, the same user may.
      let outside = try RunningProcess.completion([Built.fixture("probe"), "try", "kill-pid", pid])
      #expect(outside["result"] == "succeeded")
    }

    @Test func argumentsOfTheHostAreErased() throws {
      let attack = try Attack("probe", "try", "read-init-cmdline")
      func text(_ completion: Completion) -> String {
        (completion["text"] ?? "?").replacingOccurrences(of: "\\000", with: "")
      }
      #expect(text(try attack.onProgram()) == "")
      let shown = try attack.without { try $0.leaveOut("erase arguments") }
      #expect(text(shown).contains(CommandLine.arguments[0]))
    }

    @Test func environmentOfTheHostIsErased() throws {
      // Root on the host may read it; what it reads must be nothing.
      func environment(_ change: (inout LaunchSequence) throws -> Void) throws -> Data {
        var attack = try Attack(
          "sh", "-c", onceFirstProcessIsConfined("probe try read-init-environ"))
        attack.spec.userNamespace = .host
        let result = try attack.without { sequence in
          try sequence.exposeFirstProcess()
          try change(&sequence)
        }
        return Data((result["text"] ?? "").replacingOccurrences(of: "\\000", with: "").utf8)
      }
      #expect(try environment { _ in }.isEmpty)
      let shown = try environment { try $0.leaveOut("erase arguments") }
      #expect(shown.range(of: Data("PATH=".utf8)) != nil)
    }

    // MARK: The hook's environment

    /// A library that leaves a mark when a program loads it.
    private func library(marking mark: String) throws -> String {
      let source = try Workspace.current.write(
        "mark.c",
        """
        #include <fcntl.h>
        __attribute__((constructor)) static void mark(void) { open("\(mark)", O_CREAT, 0600); }
        """)
      let library = Workspace.current.path.appending("files/mark.so").string
      let compiled = try RunningProcess.completion(
        ["cc", "-shared", "-fPIC", "-o", library, source])
      #expect(compiled.status == 0, "\(compiled.errors)")
      return library
    }

    @Test(.requires(.tool("/usr/bin/cc"), .releaseProgram))
    func environmentOfTheHookReachesNoPrivilegedCode() throws {
      let workspace = Workspace.current
      let outside = try workspace.make("outside", mode: 0o777)
      let library = try library(marking: outside + "/mark")
      let preload = ["LD_PRELOAD": library, "LD_LIBRARY_PATH": outside, "GCONV_PATH": outside]
      let options = preload.flatMap { ["--env", "\($0.key)=\($0.value)"] }
      // As the hook's environment, and as that of the deployment that calls the hook.
      #expect(try run(options, "probe", "env")["errno"] == nil)
      #expect(try run([], environment: preload, "true").status == 0)
      #expect(workspace.names(in: "outside").isEmpty)
      // A program that takes the hook's environment for its own loads the library.
      _ = try RunningProcess.completion(["cat", "/dev/null"], environment: preload)
      #expect(workspace.names(in: "outside") == ["mark"])
    }

    // MARK: Survivors

    @Test func daemonDoesNotSurvive() throws {
      let seconds = "48.4712"
      let start = ContinuousClock.now
      #expect(try run([], "probe", "daemon", seconds)["result"] == "ok")
      #expect(ContinuousClock.now - start < .seconds(5))
      #expect(HostSnapshot.processes(of: seconds).isEmpty)
      // Without a container it does.
      let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
      defer { try? null.close() }
      let process = try RunningProcess(
        [Built.fixture("probe"), "daemon", seconds], environment: [:],
        descriptors: [null, null, null])
      _ = try process.wait()
      let survivors = HostSnapshot.processes(of: seconds)
      #expect(survivors.count == 1)
      for survivor in survivors { kill(pid_t(survivor), SIGKILL) }
      try waitUntil { HostSnapshot.processes(of: seconds).isEmpty }
    }

    // MARK: Secrets

    private static let secret = "attack-5ecret-value"

    /// The processes of the host that show the secret to every user of it.
    private static func commandLinesWithTheSecret() -> [Int] {
      HostSnapshot.processIDs().filter { process in
        FileManager.default.contents(atPath: "/proc/\(process)/cmdline")?
          .range(of: Data(secret.utf8)) != nil
      }
    }

    private func whileRunning(
      _ arguments: [String], wrapper: [String] = [], _ body: (RunningProcess) throws -> Void
    ) throws {
      let process = try start(
        arguments, wrapper: wrapper, stdout: .standardError, stderr: .standardError)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      try body(process)
    }

    @Test func secretIsOnNoCommandLineOfTheHost() throws {
      let file = try Workspace.current.write("env", "TOKEN=\(Self.secret)\n", mode: 0o600)
      let arguments = runArguments(
        ["--env", "OTHER=\(Self.secret)", "--env-file", file], command: ["probe", "sleep", "60"])
      try whileRunning(arguments) { process in
        _ = try commandProcess(of: process)
        #expect(Self.commandLinesWithTheSecret().isEmpty)
      }
      // A program that leaves its arguments alone shows it.
      let careless = try RunningProcess.quiet(["sh", "-c", "sleep 60; :", Self.secret])
      defer {
        for child in children(of: Int(careless.pid)) { kill(pid_t(child), SIGKILL) }
        careless.send(SIGKILL)
        _ = try? careless.wait()
      }
      try waitUntil { Self.commandLinesWithTheSecret() == [Int(careless.pid)] }
    }

    @Test func secretIsInNoMessageNorPlanNorEvent() throws {
      let secret = Self.secret
      let file = try Workspace.current.write("env", "TOKEN=\(secret)\n", mode: 0o600)
      let options = ["--env", "OTHER=\(secret)", "--env-file", file]
      let events = Workspace.current.path.appending("files/events").string
      var shown = try run(options + ["--events", events], "true")
      shown.stdout += FileManager.default.contents(atPath: events) ?? Data()
      #expect(shown.output.contains("finished"))
      for completion in [
        shown, try run(options, "no-such-command"),
        try run(options + ["--workdir", "/no"], "true"),
        try run(options + ["--no-such-option"], "true"),
        try run(options + ["--env", "=\(secret)"], "true"),
        try perform(
          ["print-plan"] + runArguments(options, command: ["true"]).dropFirst()),
      ] {
        #expect(!completion.output.contains(secret), "\(completion.output)")
        #expect(!completion.errors.contains(secret), "\(completion.errors)")
      }
      #expect(try run(options, "probe", "env").output.contains("env OTHER=\(secret)"))
    }

    @Test func filesOfTheStateAreForRootAlone() throws {
      #expect(try run([], "true").status == 0)
      let slots = Workspace.current.path.appending("runtime/slots").string
      func permissions(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      }
      #expect(try permissions(slots) == 0o700)
      for name in Workspace.current.names(in: "runtime/slots") {
        #expect(try permissions(slots + "/" + name) == 0o600)
      }
    }
  }
}
