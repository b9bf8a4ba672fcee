import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// A command with a terminal of its own.
  @Suite struct InteractiveTests {
    private static func flags(_ attributes: termios) -> [tcflag_t] {
      [attributes.c_iflag, attributes.c_oflag, attributes.c_cflag, attributes.c_lflag]
    }

    @Test func aShellEchoesRunsAndEnds() throws {
      let dialogue = try Dialogue.withShell()
      #expect(dialogue.isRaw)
      try dialogue.type("echo $((6 * 7)) $TERM\r")
      try dialogue.wait(for: "echo $((6 * 7)) $TERM")
      try dialogue.wait(for: "42 vt100\r\n")
      try dialogue.type("exit 3\r")
      #expect(try dialogue.process.wait() == .code(3))
      #expect(!dialogue.isRaw)
      try dialogue.close()
    }

    @Test func theTerminalIsTheCommandsOwn() throws {
      let dialogue = try Dialogue.withShell(["--user", "1000:1000"])
      try dialogue.type("tty; probe session; stat -c %u:%g:%a /dev/pts/0\r")
      let said = try dialogue.wait(for: "1000:5:620\r\n")
      #expect(said.contains("/dev/pts/0\r\n"))
      #expect(said.contains("tty=136:0\r\n"))
      // It is no other than the one that /dev/tty and the three streams lead to.
      try dialogue.type("echo one >/dev/tty; echo two >/dev/stderr; cat </dev/stdin\r")
      try dialogue.wait(for: "one\r\ntwo\r\n")
      try dialogue.type("three\r\u{4}")
      try dialogue.wait(for: "three\r\nthree\r\n")
      try dialogue.wait(for: "ready> ")
      try dialogue.type("ls /dev/pts\r")
      try dialogue.wait(for: "ls /dev/pts")
      #expect(try dialogue.wait(for: "ready> ").contains("0"))
      try dialogue.type("\u{4}")
      #expect(try dialogue.end() == .code(0))
    }

    @Test(arguments: ["tiocsti", "tiocsti-high-bits"])
    func nobodyTypesForTheCaller(attempt: String) throws {
      let dialogue = try Dialogue(runArguments(["-it"], command: ["probe", "try", attempt]))
      try dialogue.wait(for: "errno=EIO")
      _ = try dialogue.end()
    }

    @Test func theSizeIsThereBeforeTheCommandAndFollows() throws {
      let script = "trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 1; done"
      let dialogue = try Dialogue(runArguments(["-it"], command: ["sh", "-c", script]))
      try dialogue.wait(for: "24 80\r\n")
      dialogue.resize(rows: 50, columns: 132)
      // It has no session on the terminal, whose kernel would tell it.
      dialogue.process.send(SIGWINCH)
      try dialogue.wait(for: "50 132\r\n")
      #expect(try dialogue.end() == .code(0))
    }

    @Test func interruptAndStopAreForWhatRunsInside() throws {
      let dialogue = try Dialogue.withShell()
      try dialogue.type("sleep 60; echo status $?\r")
      try dialogue.wait(for: "status $?")
      usleep(200_000)
      try dialogue.type("\u{3}")
      try dialogue.wait(for: "ready> ")
      try dialogue.type("cat\r")
      try dialogue.wait(for: "cat\r\n")
      usleep(200_000)
      try dialogue.type("\u{1a}")
      try dialogue.wait(for: "Stopped")
      try dialogue.type("fg\r")
      usleep(200_000)
      try dialogue.type("again\r")
      try dialogue.wait(for: "again\r\nagain\r\n")
      try dialogue.type("\u{4}")
      try dialogue.wait(for: "ready> ")
      try dialogue.type("\u{4}")
      #expect(try dialogue.end() == .code(0))
    }

    @Test(arguments: ["exit", "SIGTERM", "killed", "not found", "setup"])
    func theTerminalIsGivenBack(how: String) throws {
      var options = ["-it", "--grace", "100ms"]
      if how == "setup" { options += ["--volume", "/nonexistent:/v"] }
      let command = [
        "exit": ["sh", "-c", "echo begin; read x; exit 4"], "not found": ["no-such-command"],
        "killed": ["sh", "-c", "echo begin; read x; kill -9 $$"],
      ]
      let dialogue = try Dialogue(
        runArguments(options, command: command[how] ?? ["sh", "-c", "echo begin; sleep 60"]))
      let before = Self.flags(dialogue.attributesBefore)
      if !["not found", "setup"].contains(how) {
        try dialogue.wait(for: "begin\r\n")
        #expect(dialogue.isRaw)
      }
      if how == "SIGTERM" { dialogue.process.send(SIGTERM) } else { try? dialogue.type("\r") }
      let end = try dialogue.process.wait()
      let expected: [String: Int32] = [
        "exit": 4, "SIGTERM": 143, "killed": 137, "not found": 127, "setup": 125,
      ]
      #expect(end == .code(expected[how] ?? -1))
      #expect(Self.flags(dialogue.attributes) == before)
      try dialogue.close()
    }

    /// As after a trap of ours: a signal that nobody forwards.
    @Test func theTerminalIsGivenBackByWhoeverDies() throws {
      let command = ["sh", "-c", "echo on; sleep 60"]
      let dialogue = try Dialogue(runArguments(["-it"], command: command))
      try dialogue.wait(for: "on\r\n")
      #expect(dialogue.isRaw)
      dialogue.process.send(SIGILL)
      #expect(try dialogue.process.wait() == .signal(SIGILL))
      #expect(!dialogue.isRaw)
      try dialogue.close()
    }

    @Test func theTerminalIsGivenBackWhileWeAreStopped() throws {
      let dialogue = try Dialogue.withShell()
      dialogue.process.send(SIGTSTP)
      try waitUntil { !dialogue.isRaw }
      dialogue.process.send(SIGCONT)
      try waitUntil { dialogue.isRaw }
      try dialogue.type("echo $((1 + 1))0\r")
      try dialogue.wait(for: "20\r\nready> ")
      try dialogue.type("\u{4}")
      #expect(try dialogue.end() == .code(0))
    }

    @Test func whatIsPastedArrivesWhole() throws {
      let script = "stty raw -echo; echo on; head -c 1000000 | md5sum; stty sane"
      let dialogue = try Dialogue(runArguments(["-it"], command: ["sh", "-c", script]))
      try dialogue.wait(for: "on")
      let line = (0..<1000).map { _ in UInt8.random(in: 0...255) }
      let text = (0..<1000).flatMap { _ in line }
      let file = Workspace.current.path.appending("files/pasted").string
      try Data(text).write(to: URL(fileURLWithPath: file))
      let sum = try RunningProcess.output(["md5sum", file]).prefix(32)
      try dialogue.terminal.controller.writeAll(text)
      try dialogue.wait(for: String(sum))
      #expect(try dialogue.end() == .code(0))
    }

    @Test func nothingIsLostAtTheEnd() throws {
      let stdout = try FileDescriptor.unnamedFile()
      defer { try? stdout.close() }
      for _ in 0..<5 {
        let dialogue = try Dialogue(
          runArguments(["-it"], command: ["seq", "20000"]), stdout: stdout)
        #expect(try dialogue.end() == .code(0))
        let lines = String(decoding: try stdout.contents(), as: UTF8.self).split(separator: "\r\n")
        #expect(lines.count == 20000)
        #expect(lines.last == "20000")
        try stdout.truncate()
      }
    }

    @Test func aTerminalIsNotFiltered() throws {
      let dialogue = try Dialogue(
        runArguments(["-it"], command: ["printf", "\\033[2J\\033[5;5Hhere\\007"]))
      try dialogue.wait(for: "\u{1b}[2J\u{1b}[5;5Hhere\u{7}")
      #expect(try dialogue.end() == .code(0))
    }

    @Test func aPromptThatBeginsLikeASecretIsShown() throws {
      let dialogue = try Dialogue(
        runArguments(
          ["-it", "-e", "KEY=password: 12345", "--secret", "KEY"],
          command: ["sh", "-c", "printf 'password: '; read x; echo \"$KEY\""]))
      try dialogue.wait(for: "password: ")
      try dialogue.type("x\r")
      try dialogue.wait(for: "[masked:KEY]")
      #expect(try dialogue.end() == .code(0))
    }

    @Test func theCommandIsHungUpWithItsReader() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let dialogue = try Dialogue(
        runArguments(["-it"], command: ["sh", "-c", "while :; do echo line; sleep 0.1; done"]),
        stdout: writer)
      try writer.close()
      #expect(try reader.readLine() == "line\r")
      try reader.close()
      // By SIGHUP, which the kernel sends to the terminal's session.
      #expect(try dialogue.process.wait(.seconds(10)) == .code(129))
      #expect(!dialogue.isRaw)
      try dialogue.close()
    }

    @Test func theRunEndsWithTheCallersTerminal() throws {
      let dialogue = try Dialogue.withShell(["--grace", "1s"])
      try dialogue.close()
      let end = try dialogue.process.wait(.seconds(10))
      #expect([.code(129), .code(137), .signal(SIGHUP)].contains(end), "\(end)")
    }

    @Test func aTerminalWithoutOneAsInputTakesAPipe() throws {
      let stdout = try FileDescriptor.unnamedFile()
      defer { try? stdout.close() }
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let process = try start(
        runArguments(["-it"], command: ["sh", "-c", "tty; cat"]), stdin: reader, stdout: stdout,
        stderr: .standardError)
      try reader.close()
      // The last line has no line feed: its end takes two.
      try writer.writeAll(Array("one\ntwo".utf8))
      try writer.close()
      #expect(try process.wait() == .code(0))
      let text = String(decoding: try stdout.contents(), as: UTF8.self)
      #expect(text.contains("/dev/pts/0\r\n"))
      #expect(text.hasSuffix("two"))
      #expect(text.contains("one\r\n"))
    }

    @Test func hooksTakeNoInput() throws {
      let refused = try perform(["hook", "--rootfs", Built.tiny, "--app-dir", "/tmp", "-t"])
      #expect(refused.status == 125)
      #expect(refused.errors.contains("oneoff hook has no option '-t'"))
    }
  }
}

extension FileDescriptor {
  fileprivate func truncate() throws {
    guard ftruncate(rawValue, 0) == 0 else { throw Errno(rawValue: errno) }
    try seek(offset: 0, from: .start)
  }
}
