import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What those who are connected to a run can do to it, and to each other, and what they cannot.
  @Suite struct ControlLimitTests {
    private let attach = Array("{\"v\":1,\"do\":\"attach\"}\n".utf8)
    private let giveInput = Array("{\"v\":1,\"do\":\"attach\",\"input\":true}\n".utf8)

    private func ask(_ id: String, _ request: [UInt8]) throws -> (FileDescriptor, String) {
      let client = try Control.connect(id)
      try client.writeAll(request)
      return (client, try client.readLine())
    }

    /// Somebody who is attached and gives these bytes.
    private func start(
      _ arguments: [String], giving bytes: [UInt8], _ output: FileDescriptor,
      errors: FileDescriptor = .standardError
    ) throws -> RunningProcess {
      let input = try FileDescriptor.unnamedFile()
      defer { try? input.close() }
      try input.writeAll(bytes)
      try input.seek(offset: 0, from: .start)
      return try IntegrationTests.startProgram(arguments, input, output, errors)
    }

    @Test func whoeverIsAttachedKeepsNobodyFromKilling() throws {
      try Control.detach("a")
      let all = try (0..<16).map { _ in try ask("a", attach) }
      defer { for (client, _) in all { try? client.close() } }
      for (_, answer) in all { #expect(answer.contains(#""ok":true"#)) }
      let (late, refused) = try ask("a", attach)
      defer { try? late.close() }
      #expect(refused.contains("16 others are attached"), "\(refused)")
      let silent = try (0..<20).map { _ in try Control.connect("a") }
      defer { for one in silent { try? one.close() } }
      try Control.end("a")
    }

    @Test func aGiverWhoDiesWhileNobodyTakesHisInputMakesRoom() throws {
      // A name that no other run on the host has.
      let id = "held-\(getpid())"
      try Control.detach(id, ["-i"])
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let giver = try start(
        ["attach", id], giving: [UInt8](repeating: 0x61, count: 3_000_000), null)
      try waitUntil { try Control.connections(id) == 1 }
      // Time to fill the pipe, which nobody empties.
      usleep(300_000)
      giver.send(SIGKILL)
      #expect(try giver.wait() == .signal(SIGKILL))
      let (client, answer) = try ask(id, giveInput)
      defer { try? client.close() }
      #expect(answer.contains(#""input":true"#), "\(answer)")
      try Control.end(id)
    }

    @Test func whatComesWithTheRequestIsNotLost() throws {
      try Control.detach("a", ["-i"], "cat; exit 3")
      let (client, answer) = try ask(
        "a", giveInput + [5, 0, 0, 0, 3] + Array("hi\n".utf8) + [6, 0, 0, 0, 0])
      defer { try? client.close() }
      #expect(answer.contains(#""input":true"#), "\(answer)")
      var rest: [UInt8] = []
      try client.forEachChunk { rest += $0 }
      #expect(rest == [1, 0, 0, 0, 3] + Array("hi\n".utf8) + [4, 0, 0, 0, 0])
      #expect(try perform(["wait", "a"]).status == 3)
    }

    @Test func theTerminalIsAsLargeAsThatOfWhoTypes() throws {
      let size: [UInt8] = [7, 0, 0, 0, 4, 0, 10, 0, 20]
      let command = ["sh", "-c", "read x; stty size; read x; stty size"]
      let begun = try perform(runArguments(["-dit", "--name", "a"], command: command))
      #expect(begun.status == 0, "\(begun.errors)")
      let (looker, _) = try ask("a", attach + size)
      defer { try? looker.close() }
      let dialogue = try Dialogue(["attach", "a"])
      try waitUntil { dialogue.isRaw }
      try looker.writeAll(size)
      usleep(100_000)
      try dialogue.type("\r")
      try dialogue.wait(for: "24 80\r\n")
      // Once nobody types any more, it is the looker's.
      dialogue.process.send(SIGTERM)
      _ = try dialogue.end()
      try looker.writeAll(size)
      let (typist, answer) = try ask("a", giveInput + [5, 0, 0, 0, 1, 0x0d])
      defer { try? typist.close() }
      #expect(answer.contains(#""input":true"#))
      #expect(try perform(["wait", "a"]).status == 0)
      let log = try String(contentsOfFile: Records.runs.appending("a/log").string, encoding: .utf8)
      #expect(log.contains("10 20"), "\(log)")
    }

    @Test func whoGivesTheInputGetsTheEndOfTheOutputHoweverLate() throws {
      let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 4) }
      try Control.detach("a", ["-i"], "cat; exit 6")
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(["attach", "a"], giving: bytes, writer)
      try writer.close()
      // Longer than anybody who only looks is waited for.
      usleep(2_500_000)
      var arrived: [UInt8] = []
      try reader.forEachChunk { arrived += $0 }
      #expect(arrived == bytes)
      #expect(try process.wait() == .code(6))
    }

    @Test func whoOnlyLooksAndComesTooLateIsTold() throws {
      // A name that no other run on the host has.
      let id = "late-\(getpid())"
      try Control.detach(id, ["-i"], "read x; head -c 3000000 /dev/zero; exit 6")
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let errors = try FileDescriptor.unnamedFile()
      defer { try? errors.close() }
      let looker = try start(["attach", "--no-input", id], giving: [], writer, errors: errors)
      try writer.close()
      try waitUntil { try Control.connections(id) == 1 }
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let giver = try start(["attach", id], giving: Array("x\n".utf8), null)
      #expect(try giver.wait() == .code(6))
      // Longer than he is waited for.
      usleep(1_500_000)
      var count = 0
      try reader.forEachChunk { count += $0.count }
      #expect(count < 3_000_000)
      #expect(try looker.wait() == .code(125))
      let words = String(decoding: try errors.contents(), as: UTF8.self)
      #expect(words.contains("the end of the output was not read in time"), "\(words)")
    }

    @Test func aLimitOnOpenFilesPasses() throws {
      try Control.detach("a")
      let supervisor = try #require(
        HostSnapshot.processes(of: Workspace.current.path.string).first { process in
          let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
          return words?.hasPrefix("oneoff\0supervise") == true
        })
      let open = Set(HostSnapshot.entries("/proc/\(supervisor)/fd").compactMap { Int($0) })
      let lowestFree = (0...).first { !open.contains($0) } ?? 0
      let limit = { (number: Int) in
        try RunningProcess.completion([
          "prlimit", "--pid", "\(supervisor)", "--nofile=\(number):",
        ])
      }
      #expect(try limit(lowestFree).status == 0)
      let client = try Control.connect("a")
      defer { try? client.close() }
      try client.writeAll(attach)
      var waiting = pollfd(fd: client.rawValue, events: Int16(POLLIN), revents: 0)
      #expect(unsafe poll(&waiting, 1, 300) == 0)
      #expect(try limit(1024).status == 0)
      #expect(try client.readLine().contains(#""ok":true"#))
      try Control.end("a")
    }

    @Test func whatGoesWrongWithOneRunIsNotTheOthers() throws {
      for id in ["aa", "ab", "b"] { try Control.detach(id) }
      let all = try perform(["kill", "-s", "KILL", "a", "b"])
      #expect(all.status == 125)
      #expect(all.errors.contains("more than one run's name"), "\(all.errors)")
      #expect(try perform(["wait", "b"]).status == 137)
      try Control.end("aa")
      try Control.end("ab")
      #expect(try perform(["rm", "a", "none", "b"]).status == 125)
      #expect(Records.names == ["aa", "ab"])
    }

    @Test func whoHasSeenEnoughLeaves() throws {
      try Control.detach("a", [], "while :; do echo line; sleep 0.02; done")
      let begin = ContinuousClock.now
      let shown = try RunningProcess.completion([
        "sh", "-c", "\"$0\" attach a 2>/dev/null | head -n 1", Built.program,
      ])
      #expect(shown.output == "line\n")
      #expect(ContinuousClock.now - begin < .seconds(5))
      try Control.end("a")
    }

    /// What was written before the end is stored, however hurriedly the run is ended then.
    @Test func whatIsWrittenIsStoredHoweverOftenTheEndIsAskedFor() throws {
      for number in 0..<20 {
        let id = "hurried-\(number)"
        try Control.detach(
          id, ["-i"], "trap '' TERM INT; echo ready; read x; head -c 700000 /dev/zero; exit 0")
        let log = Records.runs.appending("\(id)/log").string
        try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains("ready") }
        let (client, _) = try ask(id, giveInput + [5, 0, 0, 0, 1, 0x0a])
        defer { try? client.close() }
        let signal = Array("{\"v\":1,\"do\":\"signal\",\"signal\":15}\n".utf8)
        while let killer = try? Control.connect(id) {
          // Safe: the call reads as many bytes as it is told there are.
          _ = unsafe signal.withUnsafeBytes {
            unsafe send(killer.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
          }
          try? killer.close()
        }
        #expect(try perform(["wait", id]).status == 0)
        let result = try Records.object(id, "result.json")["log"] as? [String: Any]
        try #require(result?["stdout_bytes"] as? Int == 700_006, "\(id)")
        #expect(try perform(["logs", id]).stdout.count == 700_006)
      }
    }

    @Test func aStalledReaderTakesNothingFromTheRecord() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let process = try IntegrationTests.startProgram(
        runArguments(["--name", "a"], command: ["head", "-c", "900000", "/dev/zero"]), null,
        writer, null)
      try writer.close()
      // The command has begun to write, and has ended: all of it waits for the reader.
      let log = Records.runs.appending("a/log").string
      let command = Data("head\0-c\0900000\0/dev/zero\0".utf8)
      try waitUntil {
        FileManager.default.contents(atPath: log)?.isEmpty == false
          && !HostSnapshot.processIDs().contains {
            FileManager.default.contents(atPath: "/proc/\($0)/cmdline") == command
          }
      }
      process.send(SIGTERM)
      #expect(try process.wait() == .code(0))
      let result = try Records.object("a", "result.json")["log"] as? [String: Any]
      #expect(result?["stdout_bytes"] as? Int == 900_000)
      #expect(try perform(["logs", "a"]).stdout.count == 900_000)
    }

    @Test func aGiverWhoReadsNothingKeepsNobodyFromTheResult() throws {
      try Control.detach("a", ["-i"], "read x; head -c 1500000 /dev/zero; exit 4")
      let (client, _) = try ask("a", giveInput + [5, 0, 0, 0, 1, 0x0a])
      defer { try? client.close() }
      #expect(try perform(["wait", "a"]).status == 4)
      let result = try Records.object("a", "result.json")["log"] as? [String: Any]
      #expect(result?["stdout_bytes"] as? Int == 1_500_000)
    }

    @Test func aRunIsNotTakenForAnotherOfItsName() throws {
      let other = Workspace.current.path.appending("files/other-state").string
      try FileManager.default.createDirectory(
        atPath: other, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let elsewhere = ["ONEOFF_STATE_DIR": other]
      let begun = try perform(
        runArguments(["-d", "--name", "twin"], command: ["sleep", "300"]), environment: elsewhere)
      #expect(begun.status == 0, "\(begun.errors)")
      try Control.detach("twin", [], "sleep 3")
      let refused = try perform(["kill", "twin"])
      #expect(refused.status == 125)
      #expect(refused.errors.contains("another run of that name"), "\(refused.errors)")
      #expect(try perform(["kill", "-s", "KILL", "twin"], environment: elsewhere).status == 0)
      #expect(try perform(["wait", "twin"], environment: elsewhere).status == 137)
      #expect(try perform(["wait", "twin"]).status == 0)
    }

    @Test func whoeverWaitsHasTheStatusBeforeTheRecordIsRemoved() throws {
      for number in 0..<20 {
        let id = "fleeting-\(number)"
        let volume = try Workspace.current.make("files/v\(number)")
        try Control.detach(
          id, ["-v", "\(volume):/v"], "while [ ! -e /v/go ]; do sleep 0.005; done; exit 9")
        let waiter = try RunningProcess.quiet([Built.program, "wait", id])
        usleep(50_000)
        let remover = try RunningProcess.quiet([
          "sh", "-c", "until \"$0\" rm \(id) 2>/dev/null; do :; done", Built.program,
        ])
        try Workspace.current.write("v\(number)/go", "")
        #expect(try waiter.wait() == .code(9))
        #expect(try remover.wait() == .code(0))
      }
    }

    @Test func namesThatControlATerminalAreEscapedInJSON() throws {
      let script = "mkdir \"/tmp/$(printf 'a\\302\\2332J\\177\\342\\200\\256b')\""
      #expect(try run(["--name", "a"], "sh", "-c", script).status == 0)
      let shown = try perform(["inspect", "a"]).stdout
      #expect(!shown.contains(0x7f) && !shown.contains(0x9b) && !shown.contains(0xae))
      let result = try #require(try Records.inspect("a")["result"] as? [String: Any])
      let paths = (result["changes"] as? [String: Any])?["paths"] as? [String] ?? []
      #expect(paths.contains { $0.contains("\u{9b}2J\u{7f}\u{202e}b") }, "\(paths)")
    }

    @Test func whereThereCanBeNoSocketAllElseIsAsEver() throws {
      try FileManager.default.createDirectory(
        atPath: Workspace.current.path.appending("runtime").string,
        withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let place = Workspace.current.path.appending("runtime/runs").string
      try Data().write(to: URL(fileURLWithPath: place))
      defer { try? FileManager.default.removeItem(atPath: place) }
      let dialogue = try Dialogue(
        runArguments(
          ["-it", "--name", "a", "--detach-keys", "ctrl-]", "-e", "PS1=ready> "],
          command: ["sh"]))
      try dialogue.wait(for: "nobody can attach to the run or kill it")
      try dialogue.wait(for: "ready> ")
      try dialogue.type("exit 5\r")
      #expect(try dialogue.end() == .code(5))
    }
  }

  /// Starts the program with all of its standard streams.
  fileprivate static func startProgram(
    _ arguments: [String], _ input: FileDescriptor, _ output: FileDescriptor,
    _ errors: FileDescriptor
  ) throws -> RunningProcess {
    try start(arguments, stdin: input, stdout: output, stderr: errors)
  }
}
