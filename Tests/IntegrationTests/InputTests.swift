import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// `-i`: what comes in through a pipe.
  @Suite struct InputTests {
    private func run(_ command: String..., from input: FileDescriptor) throws -> Completion {
      try RunningProcess.completion(
        [Built.program] + runArguments(["-i"], command: command), stdin: input)
    }

    private func file(_ bytes: [UInt8]) throws -> FileDescriptor {
      let file = try FileDescriptor.unnamedFile()
      try file.writeAll(bytes)
      try file.seek(offset: 0, from: .start)
      return file
    }

    @Test func withoutTheOptionThereIsNone() throws {
      let input = try file(Array("typed\n".utf8))
      defer { try? input.close() }
      let completion = try RunningProcess.completion(
        [Built.program] + runArguments([], command: ["sh", "-c", "cat; readlink /proc/self/fd/0"]),
        stdin: input)
      #expect(completion.output == "/dev/null\n")
    }

    @Test func aFileIsPassedToItsEnd() throws {
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
      let input = try file(bytes)
      defer { try? input.close() }
      let completion = try run("cat", from: input)
      #expect(completion.stdout == bytes)
      #expect(completion.status == 0)
    }

    @Test func aPipeIsPassedAsItComesAndKeepsItsFlags() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let (shown, output) = try FileDescriptor.closedOnExecPipe()
      defer { for end in [reader, shown] { try? end.close() } }
      let process = try start(
        runArguments(["-i"], command: ["cat"]), stdin: reader, stdout: output,
        stderr: .standardError)
      try output.close()
      for line in ["one", "two"] {
        try writer.writeAll(Array("\(line)\n".utf8))
        #expect(try shown.readLine() == line)
      }
      #expect(fcntl(reader.rawValue, F_GETFL) & O_NONBLOCK == 0)
      try writer.close()
      #expect(try process.wait() == .code(0))
    }

    @Test func aSocketIsPassed() throws {
      var ends: [Int32] = [-1, -1]
      #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
      let (one, other) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      defer { try? one.close() }
      try other.writeAll(Array("through a socket\n".utf8))
      try other.close()
      #expect(try run("cat", from: one).output == "through a socket\n")
    }

    @Test func aNullDeviceAndAClosedInputAreAtTheirEnd() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
      defer { try? null.close() }
      #expect(try run("sh", "-c", "cat; echo end", from: null).output == "end\n")
      let line = ([Built.program] + runArguments(["-i"], command: ["sh", "-c", "'cat; echo end'"]))
        .joined(separator: " ")
      #expect(try RunningProcess.output(["sh", "-c", line + " <&-"]) == "end\n")
    }

    /// A writer without end, and a reader that has seen enough.
    @Test func theRunEndsBeforeItsInput() throws {
      let command = "'head -1; exec 0<&-; sleep 0.3; echo still here'"
      let line = ([Built.program] + runArguments(["-i"], command: ["sh", "-c", command]))
        .joined(separator: " ")
      let completion = try RunningProcess.completion(["sh", "-c", "yes | \(line)"])
      #expect(completion.output == "y\nstill here\n")
      #expect(completion.status == 0)
    }

    /// Who reads nothing lets nobody write more than pipes and one buffer hold.
    @Test func aReaderThatWaitsHoldsTheWriterUp() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? writer.close() }
      let process = try start(
        runArguments(["-i"], command: ["sleep", "2"]), stdin: reader,
        stdout: .standardError, stderr: .standardError)
      try reader.close()
      _ = fcntl(writer.rawValue, F_SETFL, O_NONBLOCK)
      let block = [UInt8](repeating: 0x61, count: 1 << 16)
      var written = 0
      let deadline = ContinuousClock.now + .seconds(1)
      while ContinuousClock.now < deadline {
        do {
          written += try unsafe block.withUnsafeBytes { try unsafe writer.write($0) }
        } catch Errno.resourceTemporarilyUnavailable {
          usleep(1000)
        }
      }
      #expect(written > 0)
      #expect(written < 2 << 20)
      #expect(try process.wait() == .code(0))
    }
  }
}
