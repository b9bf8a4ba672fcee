import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What oneoff itself says begins a line, whatever the command has written before.
  @Suite struct MessageLineTests {
    /// What comes through one pipe to which both streams go.
    private func together(_ options: [String], _ script: String) throws -> [String] {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments(options, command: ["sh", "-c", script]), stdout: writer, stderr: writer)
      try writer.close()
      var bytes: [UInt8] = []
      try reader.forEachChunk { bytes += $0 }
      _ = try process.wait()
      return String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n")
    }

    @Test func warningBeginsALineOfAFileThatBothStreamsGoTo() throws {
      let lines = try together(["--log-max", "1"], "echo hello")
      #expect(lines.count == 3)
      #expect(lines.first == "h")
      #expect(
        lines.dropFirst().first?.hasPrefix("oneoff: warning: the output has reached 1") == true)
    }

    @Test func sentenceOnTheEndBeginsALine() throws {
      let lines = try together(["--timeout", "300ms"], "printf hello; sleep 30")
      #expect(lines.count == 3)
      #expect(lines.first == "hello")
      #expect(lines.dropFirst().first?.hasPrefix("oneoff: run was killed after") == true)
    }

    @Test func commandsOwnLastLineStaysAsItIs() throws {
      #expect(try together([], "printf hello") == ["hello"])
      // The other stream has ended the line.
      let lines = try together(
        ["--timeout", "500ms"], "printf a; sleep 0.1; echo b >&2; sleep 30")
      #expect(lines.first == "ab")
      #expect(lines.dropFirst().first?.hasPrefix("oneoff: run was killed after") == true)
    }

    @Test func eachStreamsOwnFileGetsNothingButItsOwn() throws {
      let completion = try run(["--log-max", "1"], "echo", "hello")
      #expect(completion.output == "h")
      #expect(completion.errors.hasPrefix("oneoff: warning: "))
    }

    @Test func personIsToldOfTheGraceTimeInALineOfItsOwn() throws {
      let output = try Terminal.output(
        of: runArguments(
          ["--timeout", "300ms", "--grace", "300ms"],
          command: ["sh", "-c", "trap '' TERM; printf hello; sleep 30"]))
      let lines = output.components(separatedBy: "\r\n")
      #expect(lines.count == 4, "\(lines)")
      #expect(lines.first == "hello")
      #expect(lines.dropFirst().first?.hasPrefix("oneoff: waiting for the command to end") == true)
      #expect(lines.dropFirst(2).first?.hasPrefix("oneoff: run was killed after") == true)
    }

    /// A message has ended the line of the command, unfinished or in the middle of a character.
    @Test(arguments: [("hello", "1", "h"), (#"h\342\202"#, "2", "h<E2>")])
    func lineOfStatsIsThereAfterAMessageInTheCommandsLine(
      text: String, allowed: String, shown: String
    ) throws {
      let output = try Terminal.output(
        of: runArguments(
          ["--stats", "--log-max", allowed],
          command: ["sh", "-c", "printf '\(text)'; sleep 2.5"]),
        environment: ["TERM": "xterm"])
      #expect(output.hasPrefix(shown + "\r\n"), "\(output)")
      let parts = output.components(separatedBy: "what follows is thrown away\r\n")
      #expect(parts.count == 2, "\(output)")
      let line = "\r\u{1b}[Koneoff: 0:0"
      #expect(parts.last?.contains(line) == true, "\(output)")
    }
  }
}
