import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import Testing

/// A recorded run's directory, as its supervisor has it.
private final class RecordedRun {
  static let id = "r1"
  let directory: FilePath
  let writer: CRILogWriter
  private var lock: LockedFile?

  init() throws {
    let name = "files/state/runs/\(Self.id)"
    directory = FilePath(try Workspace.current.make(name, mode: 0o700))
    lock = try LockedFile.tryLock(directory.appending("lock"))
    writer = CRILogWriter(
      owning: try OwnedDescriptor(
        opening: directory.appending("log"), flags: [.writing, .creating, .exclusively]))
  }

  func write(_ text: String, _ tag: StaticString = "stdout", at time: Duration = wallClock()) {
    writer.write(Array(text.utf8)[...], tag: tag, time: time)
  }

  /// What the end of the supervisor does, however it comes.
  func end() { lock = nil }

  static var environment: [String: String] {
    ["ONEOFF_STATE_DIR": Workspace.current.path.appending("files/state").string]
  }

  /// What `oneoff logs` prints of it.
  func logs(_ options: String...) throws -> Completion {
    try perform(["logs"] + options + [Self.id], environment: Self.environment)
  }
}

/// `oneoff logs -f`, and what it has printed.
private struct Follower {
  let output: FileDescriptor
  let process: RunningProcess

  init(_ options: String...) throws {
    let pipe = try FileDescriptor.closedOnExecPipe()
    let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
    defer {
      try? pipe.writer.close()
      try? null.close()
    }
    output = pipe.reader
    process = try start(
      ["logs", "--follow"] + options + [RecordedRun.id], environment: RecordedRun.environment,
      stdout: pipe.writer, stderr: null)
  }
}

extension IntegrationTests {
  @Suite struct LogsTests {
    @Test func printsEachStreamToItsOwn() throws {
      let run = try RecordedRun()
      run.write("out\n")
      run.write("err\n", "stderr")
      run.write("\u{1b}[2Jno end")
      let both = try run.logs()
      #expect(both.end == .code(0))
      #expect(both.output == "out\n\u{1b}[2Jno end")
      #expect(both.errors == "err\n")
      let one = try run.logs("--stream", "stderr")
      #expect(one.output == "err\n")
      #expect(one.errors.isEmpty)
    }

    @Test func isHarmlessToAPerson() throws {
      let run = try RecordedRun()
      run.write("\u{1b}[2J\u{1b}[31mred\n")
      let arguments = ["logs", RecordedRun.id]
      #expect(
        try Terminal.output(of: arguments, environment: RecordedRun.environment)
          == "^[[2J\u{1b}[31mred\u{1b}[0m\r\n")
    }

    @Test func selectsLines() throws {
      let run = try RecordedRun()
      let now = wallClock()
      run.write("old\n", at: now - .seconds(3600))
      run.write("old error\n", "stderr", at: now - .seconds(3000))
      run.write("new\nnewest\n", at: now)
      #expect(try run.logs("--tail", "1").output == "newest\n")
      #expect(try run.logs("--tail", "0").output.isEmpty)
      #expect(try run.logs("--since", "55m").output == "new\nnewest\n")
      #expect(try run.logs("--since", "55m").errors == "old error\n")
      #expect(try run.logs("--since", "2000-01-01T00:00:00Z").output == "old\nnew\nnewest\n")
      #expect(try run.logs("--since", "9999-01-01T00:00:00Z").output.isEmpty)
      let timed = try run.logs("-t", "--tail=2", "--stream=stdout").lines
      #expect(timed.map { $0.split(separator: " ").last } == ["new", "newest"])
      #expect(timed.allSatisfy { $0.prefix(2) == "20" && $0.dropFirst(29).first == "Z" })
    }

    @Test func printsOtherFormats() throws {
      let run = try RecordedRun()
      run.write("one\n", at: .seconds(1))
      #expect(
        try run.logs("--format", "json").output
          == #"{"v":1,"event":"log","seq":1,"time":"1970-01-01T00:00:01.000000000Z","#
          + #""stream":"stdout","text":"one","partial":false}"# + "\n")
      #expect(
        try run.logs("--format", "cri").output
          == "1970-01-01T00:00:01.000000000Z stdout F one\n")
      let syslog = try run.logs("--format", "syslog").output
      let host = ProcessInfo.processInfo.hostName.split(separator: ".")[0]
      #expect(syslog.contains(" <134>1 1970-01-01T00:00:01.000000Z \(host)"))
      #expect(syslog.hasSuffix(" oneoff r1 - - one"))
      #expect(syslog.split(separator: " ").first.map { Int($0) ?? 0 } == syslog.utf8.count - 3)
    }

    @Test func syslogNamesTheAppAndItsPhase() throws {
      let run = try RecordedRun()
      run.write("one\n", at: .seconds(1))
      var spec = RunSpec(layers: ["/"], command: ["true"])
      spec.environment = [
        try EnvironmentVariable(name: "APP", value: "shop"),
        try EnvironmentVariable(name: "CONTAINER_TYPE", value: "postdeploy"),
      ]
      struct Record: Encodable {
        var v = 1
        var spec: RunSpec
      }
      try JSONEncoder().encode(Record(spec: spec)).write(
        to: URL(fileURLWithPath: run.directory.appending("spec.json").string))
      let syslog = try run.logs("--format", "syslog").output
      #expect(syslog.hasSuffix(" shop postdeploy.1 - - one"))
    }

    @Test func followsUntilTheRunIsOver() throws {
      let run = try RecordedRun()
      run.write("first\n")
      let follower = try Follower()
      defer { try? follower.output.close() }
      #expect(try follower.output.readLine() == "first")
      run.write("sec")
      run.write("ond\nlast")
      #expect(try follower.output.readLine() == "second")
      run.end()
      #expect(try follower.output.readLine() == "last")
      #expect(try follower.process.wait(.seconds(5)) == .code(0))
    }

    @Test func showsALineWithinFiftyMilliseconds() throws {
      let run = try RecordedRun()
      let follower = try Follower("--tail", "0")
      defer { try? follower.output.close() }
      // Until it is there, what is written is not new.
      try waitUntil { HostSnapshot.hasInotify(follower.process.pid) }
      var times: [Duration] = []
      for number in 0..<60 {
        let text = "line \(number)"
        usleep(5000)
        let start = ContinuousClock.now
        run.write(text + "\n")
        #expect(try follower.output.readLine() == text)
        times.append(ContinuousClock.now - start)
      }
      run.end()
      #expect(try follower.process.wait(.seconds(5)) == .code(0))
      times.sort()
      print("logs -f: median \(times[30]), worst \(times[59])")
      #expect(times[30] < .milliseconds(50))
    }

    @Test func endsQuietlyWhenItsReaderIsGone() throws {
      let run = try RecordedRun()
      run.write(String(repeating: "line\n", count: 200_000))
      let output = try RunningProcess.completion(
        [
          "sh", "-c", "{ \"$@\"; echo status $? >&2; } | head -n 1", "sh", Built.program, "logs",
          RecordedRun.id,
        ], environment: RecordedRun.environment)
      #expect(output.output == "line\n")
      #expect(output.errors == "status 0\n")
      // Also when nothing comes any more.
      let follower = try Follower("--tail", "1")
      #expect(try follower.output.readLine() == "line")
      try follower.output.close()
      #expect(try follower.process.wait(.seconds(5)) == .code(0))
    }

    @Test func saysThatALogCannotBePrintedWhole() throws {
      let run = try RecordedRun()
      run.write("one\n")
      let full = try RunningProcess.completion(
        ["sh", "-c", "\"$@\" >/dev/full", "sh", Built.program, "logs", RecordedRun.id],
        environment: RecordedRun.environment)
      #expect(full.end == .code(125))
      #expect(full.errors.contains("write(2) of the output: ENOSPC"))
    }

    @Test func countsWhatIsNoRecord() throws {
      let run = try RecordedRun()
      let log = run.directory.appending("log").string
      try Data("junk\n1970-01-01T00:00:01Z stdout F x\n".utf8).write(
        to: URL(fileURLWithPath: log))
      let printed = try run.logs()
      #expect(printed.output == "x\n")
      #expect(printed.errors == "oneoff: passed over what is no record of a log: 1 lines\n")
      #expect(printed.end == .code(0))
    }

    @Test(arguments: [
      (["logs"], 125, "the id of one run"),
      (["logs", "a", "b"], 125, "the id of one run"),
      (["logs", "no-such-run"], 1, "no record of a run 'no-such-run'"),
      (["logs", "../r1"], 125, "cannot be the name of a run"),
      (["logs", "--tail", "-1", "r1"], 125, "--tail: '-1' is not a number of lines"),
      (["logs", "--since", "yesterday", "r1"], 125, "neither a time nor a duration"),
      (["logs", "--stream", "stdin", "r1"], 125, "'stdin' is not a stream"),
      (["logs", "--format", "xml", "r1"], 125, "'xml' is not a format"),
    ]) func refuses(arguments: [String], status: Int32, message: String) throws {
      let refused = try perform(arguments, environment: RecordedRun.environment)
      #expect(refused.end == .code(status))
      #expect(refused.errors.contains(message))
      #expect(refused.output.isEmpty)
    }
  }
}

extension HostSnapshot {
  /// Whether a process watches files.
  fileprivate static func hasInotify(_ process: Int32) -> Bool {
    entries("/proc/\(process)/fd").contains {
      target("/proc/\(process)/fd/\($0)") == "anon_inode:inotify"
    }
  }
}
