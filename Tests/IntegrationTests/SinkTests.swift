import CLaunch
import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct SinkTests {
    private var resultFile: String { Workspace.current.path.appending("files/result").string }

    /// What the result says of the sinks.
    private func sinks() throws -> [[String: Any]] {
      let result = try jsonObject(file: resultFile)
      return try #require((result["log"] as? [String: Any])?["sinks"] as? [[String: Any]])
    }

    private func expectNothingLost() throws {
      for sink in try sinks() {
        #expect(sink["dropped_lines"] as? Int == 0, "\(sink)")
        #expect(sink["dropped_bytes"] as? Int == 0)
        #expect(sink["failure"] is NSNull)
      }
    }

    /// Runs a script with the sinks that the options name.
    private func script(_ options: [String], _ script: String) throws -> Completion {
      try shell(options + ["--result", resultFile], script)
    }

    private func text(_ message: String) -> String {
      String(message.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: false)[7])
    }

    @Test func everyLineIsADatagramOverUDP() throws {
      let receiver = try RecordReceiver.port(SOCK_DGRAM)
      let result = try script(
        ["--syslog", receiver.target], "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three")
      #expect(result.output == "one\nthree")
      let messages = receiver.datagrams().map { String(decoding: $0, as: UTF8.self) }
      #expect(messages.map(text) == ["one", "two", "three"])
      let form = /<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ oneoff run\.1 - - one/
      #expect(messages.first?.wholeMatch(of: form) != nil)
      #expect(messages.dropFirst().first?.hasPrefix("<131>1 ") == true)
      try expectNothingLost()
    }

    @Test func aLongLineComesInSeveralDatagrams() throws {
      let receiver = try RecordReceiver.port(SOCK_DGRAM)
      _ = try run(["--syslog", receiver.target], "probe", "lines", "1", "5000")
      let pieces = receiver.datagrams()
      #expect(pieces.map(\.count).allSatisfy { $0 <= 2048 })
      #expect(
        pieces.map { text(String(decoding: $0, as: UTF8.self)).utf8.count }
          == [1536, 1536, 1536, 4999 - 3 * 1536])
    }

    @Test func aHookIsNamedByItsAppAndPhase() throws {
      let receiver = try RecordReceiver.port(SOCK_STREAM)
      try Workspace.current.write("app/Procfile", "release: echo ready\n")
      let result = try perform([
        "hook", "--rootfs", Built.tiny, "--app-dir",
        Workspace.current.path.appending("files/app").string, "--app", "my shop", "--phase",
        "release", "--syslog", receiver.target,
      ])
      #expect(result.status == 0)
      #expect(try receiver.messages().first?.contains(" my-shop release.1 - - ready") == true)
    }

    @Test func everySinkGetsEverythingAtOnce() throws {
      let udp = try RecordReceiver.port(SOCK_DGRAM)
      let tcp = try RecordReceiver.port(SOCK_STREAM)
      let datagrams = try RecordReceiver.unix(SOCK_DGRAM, "log")
      let stream = try RecordReceiver.unix(SOCK_STREAM, "stream")
      let file = try Workspace.current.write("log.json", "before\n")
      let result = try script(
        [udp, tcp, datagrams, stream].flatMap { ["--syslog", $0.target] } + ["--json-file", file],
        "echo one; printf '\"two\\t'")
      #expect(result.output == "one\n\"two\t")
      let expected = ["one", "\"two\t"]
      for receiver in [udp, datagrams] {
        let messages = receiver.datagrams().map { String(decoding: $0, as: UTF8.self) }
        #expect(messages.map(text) == expected)
      }
      for receiver in [tcp, stream] { #expect(try receiver.messages().map(text) == expected) }
      let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      #expect(lines.first == "before")
      let objects = try lines.dropFirst().map { line in
        try #require(try jsonObject(line.utf8) as? [String: String])
      }
      #expect(objects.map { $0["log"] } == ["one\n", "\"two\t"])
      #expect(objects.allSatisfy { $0["stream"] == "stdout" && $0["time"]?.last == "Z" })
      #expect(try sinks().count == 5)
      try expectNothingLost()
    }

    @Test func whoCannotBeReachedIsToldOf() throws {
      let refusing: UInt16
      do { refusing = try RecordReceiver.port(SOCK_STREAM).port }
      let begin = ContinuousClock.now
      let result = try script(
        [
          "--syslog", "tcp://127.0.0.1:\(refusing)", "--syslog", "unix:/no/such", "--json-file",
          "/dev/full",
        ], "echo one; echo two; exit 3")
      #expect(ContinuousClock.now - begin < .seconds(5))
      #expect(result.status == 3)
      #expect(result.output == "one\ntwo\n")
      let found = try sinks()
      #expect(found.map { $0["dropped_lines"] as? Int } == [2, 2, 2])
      #expect(found.map { $0["dropped_bytes"] as? Int } == [8, 8, 8])
      for (sink, errno) in zip(found, ["ENOSPC", "ECONNREFUSED", "ENOENT"]) {
        #expect((sink["failure"] as? String)?.contains(errno) == true)
        #expect(result.errors.contains(errno))
      }
    }

    @Test func whoNeverReadsSlowsNothingDownAndEveryLineIsCounted() throws {
      let lines = 3_750_000
      let receiver = try RecordReceiver.port(SOCK_STREAM)
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      func duration(_ options: [String]) throws -> Int {
        let run = try start(
          runArguments(
            options + ["--result", resultFile], command: ["probe", "lines", "\(lines)"]),
          stdout: null, stderr: null)
        #expect(try run.wait() == .code(0))
        return try #require(jsonObject(file: resultFile)["duration_ms"] as? Int)
      }
      let plain = try duration([])
      let blocked = try duration(["--syslog", receiver.target])
      #expect(blocked < 4 * plain + 500, "\(plain) ms without the sink")
      let received = try receiver.messages()
      let sink = try #require(try sinks().first)
      #expect(received.count + (sink["dropped_lines"] as? Int ?? 0) == lines)
      #expect(80 * received.count + (sink["dropped_bytes"] as? Int ?? 0) == 80 * lines)
      #expect(received.count > 1000)
      #expect(sink["failure"] is NSNull)
    }

    @Test func whoReadsSlowlyGetsEverythingWithBlock() throws {
      let receiver = try RecordReceiver.port(SOCK_STREAM)
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let process = try start(
        runArguments(
          ["--syslog", receiver.target, "--log-overflow", "block", "--result", resultFile],
          command: ["probe", "lines", "200000"]), stdout: null, stderr: .standardError)
      let connection = try receiver.accept()
      defer { try? connection.close() }
      usleep(500_000)
      var bytes: [UInt8] = []
      try connection.forEachChunk {
        bytes += $0
        usleep(200)
      }
      #expect(try process.wait() == .code(0))
      let messages = RecordReceiver.messages(in: bytes)
      #expect(messages.count == 200_000)
      #expect(messages.last.map(text)?.hasPrefix("0000200000") == true)
      try expectNothingLost()
    }

    @Test func whoGoesAndComesBackGetsTheRest() throws {
      let port: UInt16
      var bytes: [UInt8] = []
      let process: RunningProcess
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      do {
        let receiver = try RecordReceiver.port(SOCK_STREAM)
        port = receiver.port
        process = try start(
          runArguments(
            ["--syslog", receiver.target, "--result", resultFile],
            command: ["sh", "-c", "for i in $(seq 20); do echo line $i; sleep 0.1; done"]),
          stdout: null, stderr: .standardError)
        let connection = try receiver.accept()
        defer { try? connection.close() }
        try connection.forEachChunk(while: RecordReceiver.messages(in: bytes).count < 5) {
          bytes += $0
        }
      }
      // Nobody listens for a while.
      usleep(500_000)
      let again = try RecordReceiver.port(SOCK_STREAM, port)
      let messages = RecordReceiver.messages(in: bytes) + (try again.messages())
      #expect(try process.wait() == .code(0))
      #expect(messages.map(text) == (1...20).map { "line \($0)" })
      let sink = try #require(try sinks().first)
      #expect(sink["dropped_lines"] as? Int == 0)
      #expect((sink["failure"] as? String)?.contains("ECONNREFUSED") == true)
    }

    @Test func journaldGetsEntriesAndFilesForThoseThatAreTooLarge() throws {
      try Workspace.current.make("files/journal")
      let receiver = try RecordReceiver.unix(SOCK_DGRAM, "journal/socket")
      let directory = Workspace.current.path.appending("files/journal").string
      // In a mount namespace of the test's own: the machine may have a journal.
      let wrapper = [
        "unshare", "-m", "sh", "-c",
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal "
          + "&& mount --bind \(directory) /run/systemd/journal && exec \"$@\"", "sh",
      ]
      let options = ["--journald", "--id", "itest-7", "--result", resultFile]
      let result = try run(options, wrapper: wrapper, "sh", "-c", "printf 'a\\033b\\n' >&2")
      #expect(result.status == 0, "\(result.errors)")
      let fields =
        "PRIORITY=3\nSYSLOG_IDENTIFIER=oneoff\nONEOFF_PROCESS=run.1\n"
        + "ONEOFF_ID=itest-7\nONEOFF_STREAM=stderr\nMESSAGE\n"
      #expect(
        receiver.datagrams() == [
          Array(fields.utf8) + [3, 0, 0, 0, 0, 0, 0, 0]
            + Array("a\u{1b}b\n".utf8)
        ])
      try expectNothingLost()
      _ = try run(options, wrapper: wrapper, "probe", "lines", "1", "300000")
      let file = FileDescriptor(rawValue: Int32(ol_receive_descriptor(receiver.number)))
      defer { try? file.close() }
      let entry = try file.contents()
      #expect(entry.count > 300_000)
      #expect(String(decoding: entry.prefix(11), as: UTF8.self) == "PRIORITY=6\n")
      let seals: Int32 = 1034  // F_GET_SEALS
      #expect(fcntl(file.rawValue, seals) == 15)
      try expectNothingLost()
    }

    @Test func mergedStreamsKeepTheirOrder() throws {
      let result = try run(["--merge"], "probe", "lines-both", "100000")
      #expect(result.stderr.count == 0)
      // Two hundred thousand lines are not to be printed.
      let isInOrder =
        result.lines == (1...100_000).flatMap { ["stdout=\($0)", "stderr=\($0)"] }
      #expect(isInOrder)
      let events = try Events(
        try run(
          ["--merge", "--events", "-"], "sh", "-c", "echo a; echo b >&2; echo c >/dev/stderr"
        )
        .output)
      #expect(events.lines.map { $0["text"] as? String } == ["a", "b", "c"])
      #expect(events.lines.allSatisfy { $0["stream"] as? String == "stdout" })
      let log = try #require(events.result?["log"] as? [String: Any])
      #expect(log["stdout_bytes"] as? Int == 6)
      #expect(log["stderr_bytes"] as? Int == 0)
    }
  }
}
