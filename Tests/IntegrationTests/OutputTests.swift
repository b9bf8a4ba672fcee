import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct OutputTests {
    @Test func streamsAreSeparate() throws {
      let result = try run([], "probe", "lines-both", "500")
      #expect(result.lines == (1...500).map { "stdout=\($0)" })
      #expect(result.errors == (1...500).map { "stderr=\($0)\n" }.joined())
    }

    @Test func firstLineArrivesBeforeTheCommandEnds() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let begin = ContinuousClock.now
      let process = try start(
        runArguments([], command: ["sh", "-c", "echo first; sleep 60"]), stdout: writer,
        stderr: .standardError)
      try writer.close()
      #expect(try reader.readLine() == "first")
      #expect(ContinuousClock.now - begin < .seconds(10))
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
    }

    @Test func outputOf300MegabytesArrivesCompleteAndInOrder() throws {
      let lines = 3_750_000
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["probe", "lines", "\(lines)"]), stdout: writer,
        stderr: .standardError)
      try writer.close()
      // wc and md5sum of the same lines made on the host, by the same program.
      let sum = try RunningProcess.completion(["md5sum"], stdin: reader)
      #expect(try process.wait() == .code(0))
      let probe = Built.fixture("probe")
      let expected = try RunningProcess.output(["sh", "-c", "\(probe) lines \(lines) | md5sum"])
      #expect(sum.output == expected)
    }

    @Test func bytesAreNotTouched() throws {
      let bytes = (0...255).map { UInt8($0) }
      let text = bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
      #expect(try run([], "probe", "bytes", text).stdout == bytes)
    }

    @Test func readerThatGoesAwayEndsTheCommand() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let process = try start(
        runArguments([], command: ["yes"]), stdout: writer, stderr: .standardError)
      try writer.close()
      #expect(try reader.readLine() == "y")
      try reader.close()
      #expect(try process.wait(.seconds(10)) == .code(128 + SIGPIPE))
    }

    @Test func slowReaderGetsEverything() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["probe", "lines", "20000"]), stdout: writer,
        stderr: .standardError)
      try writer.close()
      // Longer than the supervisor waits for streams that others hold open.
      usleep(1_300_000)
      let count = try RunningProcess.completion(["wc", "-c"], stdin: reader)
      #expect(count.lines == ["1600000"])
      #expect(try process.wait() == .code(0))
    }
  }

  /// A caller that has closed descriptors which every program takes for granted.
  @Suite struct ClosedDescriptorTests {
    /// Runs the program behind a shell that redirects.
    private func run(_ redirections: String, _ arguments: [String]) throws -> Completion {
      try perform(arguments, wrapper: ["sh", "-c", "exec \"$@\" \(redirections)", "sh"])
    }

    private var marker: String { Workspace.current.path.appending("files/marker").string }

    /// A command that leaves a mark where it was executed.
    private func marking(_ options: [String] = []) throws -> [String] {
      let directory = try Workspace.current.make("files", mode: 0o777)
      return runArguments(
        options + ["-v", "\(directory):/mark"],
        command: ["sh", "-c", "echo hi; touch /mark/marker"])
    }

    @Test(arguments: [(">&-", "standard output"), ("1</dev/null", "standard output")])
    func outputThatWouldBeLostIsRefused(redirection: String, name: String) throws {
      let result = try run(redirection, try marking())
      #expect(result.end == .code(125))
      #expect(result.errors.contains("\(name) is not open for writing"))
      #expect(result.errors.contains("1>/dev/null"))
      #expect(!FileManager.default.fileExists(atPath: marker))
    }

    @Test func errorOutputThatWouldBeLostIsRefused() throws {
      let result = try run("2>&-", try marking())
      #expect(result.end == .code(125))
      #expect(result.output == "")
      #expect(!FileManager.default.fileExists(atPath: marker))
    }

    @Test func eventsTakeThePlaceOfErrorOutput() throws {
      let result = try run("2>&-", try marking(["--events", "-"]))
      #expect(result.end == .code(0))
      #expect(try Events(result.output).lines.map { $0["text"] as? String } == ["hi"])
    }

    @Test func inputIsMissedByNobodyAndItsNumberNotTaken() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["sh", "-c", "probe fds; sleep 60"]),
        wrapper: ["sh", "-c", "exec \"$@\" <&-", "sh"], stdout: writer, stderr: writer)
      try writer.close()
      #expect(try reader.readLine() == "fd0=/dev/null")
      #expect(HostSnapshot.target("/proc/\(process.pid)/fd/0") == "/dev/null")
      process.send(SIGTERM)
      #expect(try process.wait() == .code(143))
    }

    @Test func everythingClosedIsNotLeftOpenElsewhere() throws {
      let result = try run("<&- >&- 2>&-", try marking())
      #expect(result.end == .code(125))
      #expect(result.output + result.errors == "")
      #expect(!FileManager.default.fileExists(atPath: marker))
    }

    @Test func otherVerbsSayThatNobodyReadsThem() throws {
      let result = try run(">&-", ["version"])
      #expect(result.end == .code(125))
      #expect(result.errors.contains("write(2) to standard output: EBADF"))
    }

    /// What oneoff opens for itself must not be taken for the caller's.
    @Test func numberOfADescriptorThatIsClosedIsNotThatOfAnother() throws {
      let result = try run("3>&- | cat", try marking(["--events", "3"]))
      #expect(result.output == "")
      #expect(result.errors.contains("--events: descriptor 3 is not open for writing"))
      #expect(!FileManager.default.fileExists(atPath: marker))
    }
  }

  @Suite struct EventTests {
    @Test(arguments: ["file", "descriptor", "standard output"])
    func eventsGoWhereTheyAreTold(target: String) throws {
      let file = Workspace.current.path.appending("files/events").string
      let events: Events
      switch target {
      case "file":
        let result = try run(["--events", file], "echo", "hello")
        #expect(result.output == "hello\n")
        events = try Events(file: file)
      case "descriptor":
        let wrapper = ["sh", "-c", "exec 7>\(file); exec \"$@\"", "sh"]
        let result = try run(["--events", "7"], wrapper: wrapper, "echo", "hello")
        #expect(result.output == "hello\n")
        events = try Events(file: file)
      default: events = try Events(try run(["--events", "-"], "echo", "hello").output)
      }
      #expect(events.names == ["started", "log", "finished"])
      #expect(events.all[1]["text"] as? String == "hello")
      #expect(events.all[1]["stream"] as? String == "stdout")
      #expect(events.all.allSatisfy { $0["v"] as? Int == 1 })
    }

    @Test func eventsHaveTheFieldsOfTheirFormat() throws {
      let events = try Events(
        try run(["--events", "-", "--id", "itest-1"], "sh", "-c", "echo a; echo b >&2; exit 3")
          .output)
      let begin = try #require(events.all.first)
      #expect(begin["id"] as? String == "itest-1")
      #expect((begin["pid"] as? Int).map { $0 > 1 } == true)
      for event in events.all.dropLast() {
        let time = try #require(event["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/) != nil)
      }
      let end = try #require(events.all.last)
      #expect(end["event"] as? String == "finished")
      #expect(end["id"] as? String == "itest-1")
      let result = try #require(events.result)
      #expect(result["status"] as? Int == 3)
      #expect(result["reason"] as? String == "completed")
      #expect((result["exit"] as? [String: Any])?["code"] as? Int == 3)
      #expect((result["duration_ms"] as? Int).map { $0 < 10_000 } == true)
      let log = try #require(result["log"] as? [String: Any])
      #expect(log["stdout_bytes"] as? Int == 2)
      #expect(log["stderr_bytes"] as? Int == 2)
    }

    @Test func linesAreNumberedWithoutGaps() throws {
      let events = try Events(try run(["--events", "-"], "probe", "lines-both", "200").output)
      #expect(events.lines.map { $0["seq"] as? Int } == (1...400).map { $0 })
    }

    @Test func bytesThatAreNotTextComeAsBase64() throws {
      let events = try Events(
        try run(["--events", "-"], "probe", "bytes", "fffe41", "0a", "22095c1b5b0a", "c3a4").output)
      #expect(events.lines[0]["base64"] as? String == "//5B")
      #expect(events.lines[0]["text"] == nil)
      #expect(events.lines[1]["text"] as? String == "\"\t\\\u{1b}[")
      #expect(events.lines[2]["text"] as? String == "ä")
    }

    @Test func longLineComesInPieces() throws {
      let events = try Events(try run(["--events", "-"], "probe", "lines", "1", "200000").output)
      #expect(events.lines.map { $0["partial"] as? Bool } == [true, true, true, false])
      let text = events.lines.compactMap { $0["text"] as? String }
      #expect(text.map(\.utf8.count) == [65536, 65536, 65536, 199_999 - 3 * 65536])
    }

    @Test(arguments: [
      (["probe", "exit", "137"], 137, "completed"), (["probe", "kill-self", "9"], 137, "signaled"),
      (["no-such-program"], 127, "setup-failed"),
    ])
    func reasonTellsWhatTheStatusCannot(command: [String], status: Int, reason: String) throws {
      let events = try Events(
        try perform(runArguments(["--events", "-"], command: command)).output)
      #expect(events.result?["status"] as? Int == status)
      #expect(events.result?["reason"] as? String == reason)
    }
  }
}

/// The events of a run, read as what they are: a JSON object a line.
struct Events {
  let all: [[String: Any]]

  init(_ text: String) throws {
    all = try text.split(separator: "\n").map { try jsonObject($0.utf8) }
  }

  init(file: String) throws { try self.init(String(contentsOfFile: file, encoding: .utf8)) }

  var names: [String] { all.compactMap { $0["event"] as? String } }
  var lines: [[String: Any]] { all.filter { $0["event"] as? String == "log" } }
  var result: [String: Any]? { all.last?["result"] as? [String: Any] }
}
