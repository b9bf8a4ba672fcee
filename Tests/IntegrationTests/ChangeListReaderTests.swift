import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// `--changes` into a named pipe: how long the end of a run waits for its reader.
  @Suite struct ChangeListReaderTests {
    private struct Report {
      var created: Int?
      var errors: String
      var duration: Duration
    }

    /// A run that lists some 200 kB of changes, more than the pipe holds, while `read` does what it
    /// likes with the other end.
    private func report(_ read: (FileDescriptor) throws -> Void) throws -> Report {
      let files = Workspace.current.path.appending("files")
      let (pipe, result) = (files.appending("pipe"), files.appending("result").string)
      try RunningProcess.output(["mkfifo", pipe.string])
      let reader = try FileDescriptor.open(pipe, .readOnly, options: [.nonBlocking, .closeOnExec])
      defer { try? reader.close() }
      let output = try FileDescriptor.unnamedFile()
      defer { try? output.close() }
      let process = try start(
        runArguments(
          ["--changes", pipe.string, "--result", result],
          command: ["sh", "-c", "cd /home; seq 3000 | xargs touch"]),
        stdout: output, stderr: output)
      let begin = ContinuousClock.now
      try read(reader)
      #expect(try process.wait(.seconds(20)) == .code(0))
      let changes = try jsonObject(file: result)["changes"] as? [String: Any]
      return Report(
        created: changes?["created"] as? Int,
        errors: String(decoding: try output.contents(), as: UTF8.self),
        duration: ContinuousClock.now - begin)
    }

    /// Reads to the end, a little at a time, and rests in between.
    private func readSlowly(_ reader: FileDescriptor) -> [UInt8] {
      var bytes: [UInt8] = []
      while true {
        usleep(60_000)
        var piece = [UInt8](repeating: 0, count: 8192)
        // EAGAIN: nothing yet. The end, before the run has opened the pipe, is none.
        let count = try? unsafe piece.withUnsafeMutableBytes { try unsafe reader.read(into: $0) }
        if count == 0, !bytes.isEmpty { return bytes }
        bytes += piece.prefix(count ?? 0)
      }
    }

    @Test func thatTakesNothingDoesNotHoldTheEndUp() throws {
      let report = try report { _ in }
      #expect(report.created == 3000)
      let warning = try #require(
        report.errors.wholeMatch(
          of: /oneoff: warning: (\d+) changes are not in the list \(--changes\): .*\n/),
        "\(report.errors)")
      #expect(try (500..<3000).contains(#require(Int(warning.1))))
    }

    @Test func thatIsOnlySlowGetsTheWholeList() throws {
      var bytes: [UInt8] = []
      let report = try report { bytes = readSlowly($0) }
      #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 3000)
      #expect(report.created == 3000)
      #expect(report.errors.isEmpty)
      // Longer than one that takes nothing is waited for.
      #expect(report.duration > .milliseconds(1500))
    }
  }
}
