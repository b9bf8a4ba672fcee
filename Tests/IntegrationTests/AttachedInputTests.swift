import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What somebody who is attached to a run gives it.
  @Suite struct AttachedInputTests {
    private func attach(_ id: String, giving bytes: [UInt8]) throws -> Completion {
      let input = try FileDescriptor.unnamedFile()
      defer { try? input.close() }
      try input.writeAll(bytes)
      try input.seek(offset: 0, from: .start)
      return try RunningProcess.completion([Built.program, "attach", id], stdin: input)
    }

    /// A detached shell on a terminal, and somebody at it.
    private func attachToShell(_ id: String) throws -> Dialogue {
      let begun = try perform(
        runArguments(["-dit", "--name", id, "-e", "PS1=ready> "], command: ["sh"]))
      #expect(begun.status == 0, "\(begun.errors)")
      let dialogue = try Dialogue(["attach", id])
      try waitUntil { dialogue.isRaw }
      try dialogue.type("\r")
      try dialogue.wait(for: "ready> ")
      return dialogue
    }

    @Test func everyByteArrivesAndTheEndIsThatOfTheCommandsInput() throws {
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
      try Control.detach("a", ["-i"], "cat; exit 3")
      let done = try attach("a", giving: bytes)
      #expect(done.stdout == bytes)
      #expect(done.status == 3, "\(done.errors)")
    }

    @Test func whoTakesItsTimeIsWaitedForOnBothSides() throws {
      let bytes = (0..<12_000_000).map { UInt8(truncatingIfNeeded: $0 &* 11 >> 4) }
      try Control.detach("a", ["-i"], "cat")
      let input = try FileDescriptor.unnamedFile()
      defer { try? input.close() }
      try input.writeAll(bytes)
      try input.seek(offset: 0, from: .start)
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        ["attach", "a"], stdin: input, stdout: writer, stderr: .standardError)
      try writer.close()
      usleep(700_000)
      var arrived: [UInt8] = []
      try reader.forEachChunk { arrived += $0 }
      #expect(arrived == bytes)
      #expect(try process.wait() == .code(0))
    }

    @Test func inputComesFromOneAtATime() throws {
      try Control.detach("a", ["-i"], "cat")
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let (shown, output) = try FileDescriptor.closedOnExecPipe()
      defer { for end in [reader, shown] { try? end.close() } }
      let first = try start(
        ["attach", "a"], stdin: reader, stdout: output, stderr: .standardError)
      try output.close()
      try writer.writeAll(Array("one\n".utf8))
      #expect(try shown.readLine() == "one")
      let (lookedAt, looking) = try FileDescriptor.closedOnExecPipe()
      defer { try? lookedAt.close() }
      let errors = try FileDescriptor.unnamedFile()
      defer { try? errors.close() }
      let second = try start(["attach", "a"], stdout: looking, stderr: errors)
      try looking.close()
      try waitUntil { String(decoding: try errors.contents(), as: UTF8.self).contains("somebody") }
      try writer.writeAll(Array("two\n".utf8))
      #expect(try shown.readLine() == "two")
      #expect(try lookedAt.readLine() == "two")
      // Who is gone leaves the input to the next, and it does not end.
      first.send(SIGKILL)
      #expect(try first.wait() == .signal(SIGKILL))
      try writer.close()
      let third = try attach("a", giving: Array("three\n".utf8))
      #expect(third.output == "three\n" && third.status == 0)
      #expect(try second.wait() == .code(0))
    }

    @Test func whoOnlyLooksGivesNothing() throws {
      try Control.detach(
        "a", ["-i"], "(while :; do echo tick; sleep 0.05; done) & cat; exit 5")
      let (lookedAt, looking) = try FileDescriptor.closedOnExecPipe()
      defer { try? lookedAt.close() }
      let looker = try start(
        ["attach", "--no-input", "a"], stdout: looking, stderr: .standardError)
      try looking.close()
      // He is attached.
      #expect(try lookedAt.readLine() == "tick")
      #expect(try attach("a", giving: Array("x\n".utf8)).status == 5)
      #expect(try looker.wait() == .code(5))
    }

    @Test func whatIsNoInputOfHisEndsTheConnection() throws {
      try Control.detach("a", ["-i"], "cat")
      let request = Array("{\"v\":1,\"do\":\"attach\"}\n".utf8)
      let tooLong: [UInt8] = [7, 0, 1, 0, 1]
      for frame: [UInt8] in [[5, 0, 0, 0, 1, 0x61], [6, 0, 0, 0, 0], [1, 0, 0, 0, 0], tooLong] {
        let client = try Control.connect("a")
        defer { try? client.close() }
        try client.writeAll(request)
        #expect(try client.readLine().contains(#""ok":true"#))
        try client.writeAll(frame)
        #expect(try client.readLine() == "", "\(frame)")
      }
      #expect(try attach("a", giving: Array("on\n".utf8)).output == "on\n")
    }

    @Test func aTerminalIsTheCallersUntilHeLeavesAndItIsThereAgain() throws {
      let first = try attachToShell("a")
      try first.type("x=kept; stty size\r")
      try first.wait(for: "24 80\r\n")
      try first.type("\u{10}\u{11}")
      #expect(try first.process.wait() == .code(0))
      #expect(!first.isRaw)
      try first.wait(for: "oneoff attach a")
      try first.close()
      let second = try Dialogue(["attach", "--detach-keys", "ctrl-],q", "a"])
      try waitUntil { second.isRaw }
      // The keys are the command's now, and others lead away.
      try second.type("\u{10}\u{11}\recho $x\r")
      try second.wait(for: "kept\r\nready> ")
      second.resize(rows: 50, columns: 132)
      second.process.send(SIGWINCH)
      // It takes a moment until the command's terminal has it.
      try waitUntil {
        try second.type("stty size\r")
        return try second.wait(for: "ready> ").contains("50 132\r\n")
      }
      try second.type("\u{1d}q")
      #expect(try second.end() == .code(0))
      let third = try Dialogue(["attach", "a"])
      try waitUntil { third.isRaw }
      try third.type("exit 4\r")
      #expect(try third.process.wait() == .code(4))
      #expect(!third.isRaw)
      try third.close()
    }

    @Test(arguments: [SIGTERM, SIGHUP, SIGILL])
    func theTerminalIsGivenBackAndTheRunGoesOn(signal: Int32) throws {
      let dialogue = try attachToShell("a")
      dialogue.process.send(signal)
      #expect(try dialogue.process.wait() == .signal(signal))
      #expect(!dialogue.isRaw)
      try dialogue.close()
      #expect(try perform(["ps"]).lines.count == 2)
      try Control.end("a")
    }

    @Test func theRunOutlivesTheCallersTerminal() throws {
      let dialogue = try attachToShell("a")
      try dialogue.close()
      _ = try dialogue.process.wait()
      #expect(try perform(["ps"]).lines.count == 2)
      try Control.end("a")
    }

    @Test func aRunCanBeLeftThatWasStartedAtATerminal() throws {
      let dialogue = try Dialogue(
        runArguments(
          ["-it", "--name", "a", "--detach-keys", "ctrl-]", "-e", "PS1=ready> "], command: ["sh"]))
      // Nothing of what comes first is missed.
      try dialogue.wait(for: "ready> ")
      try dialogue.type("stty size; y=$((6 * 7))\r")
      try dialogue.wait(for: "24 80\r\n")
      try dialogue.type("\u{1d}")
      #expect(try dialogue.end() == .code(0))
      let again = try Dialogue(["attach", "a"])
      try waitUntil { again.isRaw }
      try again.type("echo $y; exit 9\r")
      try again.wait(for: "42\r\n")
      #expect(try again.end() == .code(9))
    }

    @Test func aRunThatCouldBeLeftEndsAsAnyOther() throws {
      let options = ["-it", "--detach-keys", "ctrl-]", "--name"]
      let done = try Dialogue(
        runArguments(options + ["a"], command: ["sh", "-c", "seq 20000; exit 6"]))
      try done.wait(for: "\n20000\r\n")
      #expect(try done.end() == .code(6))
      let missing = try Dialogue(runArguments(options + ["b"], command: ["no-such-command"]))
      try missing.wait(for: "no-such-command")
      #expect(try missing.end() == .code(127))
    }

    @Test(arguments: [
      (["--detach-keys", "ctrl-]"], "--detach-keys are typed at a terminal, which the run"),
      (["-it", "--detach-keys", "ctrl"], "--detach-keys: 'ctrl' is no sequence of keys"),
      (["-d", "-it", "--detach-keys", "ctrl-]"], "--detach and --detach-keys exclude each other"),
      (["-it", "--detach-keys", "ctrl-]", "--stats"], "--detach-keys and --stats exclude"),
    ])
    func keysThatNobodyCouldTypeAreRefused(options: [String], words: String) throws {
      let refused = try run(options, "true")
      #expect(refused.status == 125)
      #expect(refused.errors.hasPrefix("oneoff: " + words), "\(refused.errors)")
      #expect(Records.names == [])
    }
  }
}
