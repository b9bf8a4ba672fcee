import Foundation
import Glibc
import OneOff
import SystemPackage
import Testing

extension IntegrationTests {
  /// What becomes of a run whose caller dies.
  @Suite struct CallerDeathTests {
    private let script = "echo begun; while [ ! -e /v/go ]; do sleep 0.02; done; echo done; exit 6"

    /// A caller that starts a run and waits; its own end is the test's doing.
    private func caller(
      _ id: String, _ options: [String], stdout: FileDescriptor
    ) throws -> RunningProcess {
      let volume = try Workspace.current.make("files/v")
      let arguments =
        [Built.program]
        + runArguments(
          ["--name", id, "-v", "\(volume):/v"] + options, command: ["sh", "-c", script])
      let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
      defer { try? null.close() }
      // Not the last command of the shell, which would then be executed in its place.
      let process = try RunningProcess(
        ["sh", "-c", "\"$@\"; exit $?", "caller"] + arguments,
        environment: Workspace.current.environment, descriptors: [null, stdout, null])
      let log = Records.runs.appending("\(id)/log").string
      try waitUntil {
        (try? String(contentsOfFile: log, encoding: .utf8))?.contains("begun") == true
      }
      return process
    }

    private func supervisor(of process: RunningProcess) throws -> pid_t {
      let children = "/proc/\(process.pid)/task/\(process.pid)/children"
      let text = try String(contentsOfFile: children, encoding: .utf8)
      return try #require(text.split(separator: " ").first.flatMap { pid_t($0) })
    }

    private func letGo() throws { try Workspace.current.write("v/go", "") }

    @Test func withFinishTheRunGoesOnAndItsRecordIsThere() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let process = try caller("a", ["--on-caller-death", "finish"], stdout: writer)
      try writer.close()
      let own = try supervisor(of: process)
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      try reader.close()
      // As the end of a session sends it, and as the shell's end was seen before.
      kill(own, SIGHUP)
      Thread.sleep(forTimeInterval: (CallerDeathPolicy.patience + .milliseconds(500)) / .seconds(1))
      #expect(try perform(["ps"]).lines.count == 2)
      try letGo()
      #expect(try perform(["wait", "a"]).status == 6)
      let log = try String(
        contentsOfFile: Records.runs.appending("a/log").string, encoding: .utf8)
      #expect(log.contains("stdout F done"))
    }

    @Test func withKillTheRunEndsWithItsCaller() throws {
      let file = try FileDescriptor.unnamedFile()
      defer { try? file.close() }
      let process = try caller("a", ["--on-caller-death", "kill"], stdout: file)
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      #expect(try perform(["wait", "a"]).status == 143)
      #expect(try Records.object("a", "result.json")["reason"] as? String == "cancelled")
    }

    @Test func withKillTheRunEndsWhenNobodyReadsItsOutput() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let process = try caller("a", ["--on-caller-death", "kill"], stdout: writer)
      try writer.close()
      try reader.close()
      #expect(try process.wait() == .code(143))
      #expect(try perform(["wait", "a"]).status == 143)
    }

    @Test func aHangUpWhoseSenderLivesIsForwardedInAMoment() throws {
      let file = try FileDescriptor.unnamedFile()
      defer { try? file.close() }
      let process = try caller("a", ["--on-caller-death", "finish"], stdout: file)
      kill(try supervisor(of: process), SIGHUP)
      #expect(try process.wait() == .code(129))
    }

    @Test func aHookGoesOnByItself() throws {
      let app = try Workspace.current.make("files/shop")
      try Workspace.current.write(
        "shop/Procfile", "postdeploy: echo begun; sleep 0.5; echo done; exit 6\n")
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
      defer { try? null.close() }
      let hook = [
        Built.program, "hook", "--rootfs", Built.tiny, "--app-dir", app, "--name", "a",
      ]
      let process = try RunningProcess(
        ["sh", "-c", "\"$@\"; exit $?", "caller"] + hook,
        environment: Workspace.current.environment, descriptors: [null, writer, writer])
      try writer.close()
      #expect(try reader.readLine().contains("Running"))
      try waitUntil { FileManager.default.fileExists(atPath: Records.runs.appending("a").string) }
      process.send(SIGKILL)
      try reader.close()
      #expect(try process.wait() == .signal(SIGKILL))
      #expect(try perform(["wait", "a"]).status == 6)
    }

    @Test func aRunWithoutThePolicyIsAsEver() throws {
      let file = try FileDescriptor.unnamedFile()
      defer { try? file.close() }
      let process = try caller("a", [], stdout: file)
      let own = try supervisor(of: process)
      process.send(SIGKILL)
      #expect(try process.wait() == .signal(SIGKILL))
      kill(own, SIGHUP)
      #expect(try perform(["wait", "a"]).status == 129)
    }
  }
}
