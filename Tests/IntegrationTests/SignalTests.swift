import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct SignalTests {
    @Test(arguments: [
      (SIGINT, "INT"), (SIGTERM, "TERM"), (SIGHUP, "HUP"), (SIGQUIT, "QUIT"), (SIGUSR1, "USR1"),
      (SIGUSR2, "USR2"),
    ])
    func signalReachesTheCommand(number: Int32, name: String) throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["probe", "await-signal"]), stdout: writer,
        stderr: .standardError)
      try writer.close()
      #expect(try reader.readLine() == "ready=1")
      process.send(number)
      #expect(try reader.readLine() == "signal=\(name)")
      if number != SIGINT, number != SIGTERM { process.send(SIGTERM) }
      #expect(try process.wait() == .code(0))
    }

    /// As from a terminal: a shell that waits for a child leaves the end to the child.
    @Test func interruptReachesWhatTheCommandHasStarted() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["sh", "-c", "echo begin; sleep 60; echo end"]),
        stdout: writer, stderr: .standardError)
      try writer.close()
      #expect(try reader.readLine() == "begin")
      usleep(100_000)
      process.send(SIGINT)
      #expect([.code(130), .code(137)].contains(try process.wait(.seconds(5))))
    }

    /// Whenever the end comes, also before the command is executed, the status has its sentence.
    @Test func statusAndSentenceOfAnEndAgree() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let volumes = (0..<300).flatMap { ["--volume", "/etc:/m\($0)"] }
      for delay in 1...40 {
        let errors = try FileDescriptor.unnamedFile()
        defer { try? errors.close() }
        let process = try start(
          runArguments(["--grace", "0s"] + volumes, command: ["sleep", "60"]),
          stdout: null, stderr: errors)
        usleep(UInt32(delay) * 1000)
        process.send(SIGTERM)
        switch try process.wait() {
        // It was no supervisor yet.
        case .signal(let number): #expect(number == SIGTERM)
        case .code(let code):
          let text = String(decoding: try errors.contents(), as: UTF8.self)
          #expect(text.contains("killed by signal \(code - 128) ("), "\(code): \(text)")
        }
      }
    }

    @Test func commandThatIgnoresTheEndIsKilledAfterTheGraceTime() throws {
      let events = Workspace.current.path.appending("files/events").string
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let arguments = runArguments(
        ["--grace", "1s", "--events", events], command: ["probe", "ignore-signals", "60"])
      let stderr = try FileDescriptor.unnamedFile()
      defer { try? stderr.close() }
      let process = try start(arguments, stdout: writer, stderr: stderr)
      try writer.close()
      #expect(try reader.readLine() == "ready=1")
      let begin = ContinuousClock.now
      process.send(SIGTERM)
      #expect(try process.wait() == .code(137))
      let time = ContinuousClock.now - begin
      // Without the option it would be 30 s.
      #expect(time > .milliseconds(950) && time < .seconds(10))
      let result = try #require(try Events(file: events).result)
      #expect(result["reason"] as? String == "cancelled")
      #expect(result["signal_by"] as? String == "oneoff")
    }

    @Test func signalBeforeTheCommandBeginsEndsTheRunToo() throws {
      for delay in stride(from: 0, to: 12_000, by: 1000) {
        let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly)
        defer { try? null.close() }
        let process = try start(
          runArguments(["--grace", "2s"], command: ["probe", "sleep", "60"]), stdout: null,
          stderr: null)
        usleep(UInt32(delay))
        process.send(SIGTERM)
        let end = try process.wait(.seconds(10))
        // Its default action where the program had not begun; else the command's end.
        #expect([.signal(SIGTERM), .code(143), .code(125)].contains(end), "\(end) at \(delay) us")
      }
    }
  }

  /// What is left when the supervisor is killed: nothing.
  @Suite struct KilledSupervisorTests {
    private static let count = repetitions("ONEOFF_TEST_REPEAT", usually: 200, atLeast: 20)

    @Test func containerDiesWithItsSupervisorAtAnyMoment() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let slots = Workspace.current.path.appending("runtime/slots").string
      for round in 0..<Self.count {
        // The argument tells the command's processes from all others of the machine.
        let mark = "4711.\(getpid())\(round)"
        let command =
          round % 2 == 0 ? ["probe", "sleep", mark] : ["sh", "-c", "yes \(mark)"]
        let process = try start(
          runArguments([], command: command), stdout: null, stderr: null)
        usleep(UInt32.random(in: 0...20_000))
        process.send(SIGKILL)
        #expect(try process.wait() == .signal(SIGKILL))
        let deadline = ContinuousClock.now + .seconds(10)
        var left = HostSnapshot.processes(of: mark)
        while !left.isEmpty, ContinuousClock.now < deadline {
          usleep(2000)
          left = HostSnapshot.processes(of: mark)
        }
        try #require(left.isEmpty, "processes of round \(round)")
      }
      // Every lock is free again: flock(1) takes it without waiting.
      for slot in HostSnapshot.entries(slots) {
        let lock = try RunningProcess.completion([
          "flock", "--nonblock", "\(slots)/\(slot)", "true",
        ])
        #expect(lock.status == 0, "slot \(slot)")
      }
      #expect(try run([], "probe", "exit", "7").status == 7)
    }

    @Test func firstProcessThatIsKilledEndsTheRun() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let process = try start(
        runArguments([], command: ["probe", "sleep", "60"]), stdout: null, stderr: null)
      _ = try commandProcess(of: process)
      let first = try #require(children(of: Int(process.pid)).first)
      kill(pid_t(first), SIGKILL)
      // 125 where PID 1 had not yet said that the command was executed.
      #expect([.code(137), .code(125)].contains(try process.wait()))
    }
  }
}
