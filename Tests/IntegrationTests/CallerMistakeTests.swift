import Foundation
import SystemPackage
import Testing

extension IntegrationTests {
  /// What a caller is told who asks for something that cannot be had.
  @Suite struct CallerMistakeTests {
    @Test(
      arguments: [
        (["--events", "/nowhere/x"], "open(2) of the events file /nowhere/x: ENOENT", "exists"),
        (["--network", "path:"], "the network 'path:' has no absolute path", "/run/netns/NAME"),
        (["--tmpfs", "/proc"], "a temporary file system cannot be '/proc'", "another directory"),
        (["--volume", "/etc:/sys"], "a volume cannot be '/sys'", "another directory"),
        (["--cap-add", "none"], "'none' is not a capability", "leave it out"),
        (["--volume", "/dev/null:/x"], "the source /dev/null of a volume is a device", "/dev"),
        (["--changes", "-"], "--changes needs the path of a file", "/dev/stdout"),
        (
          ["--result", "/tmp/./x", "--export", "/a=/tmp/x"],
          "--result and --export both name '/tmp/x'", "a file of its own"
        ),
        (
          ["--events", "/tmp/x", "--changes", "/tmp/x"],
          "--changes and --events both name '/tmp/x'", "a file of its own"
        ),
      ])
    func optionIsRefusedWithItsRemedy(options: [String], message: String, hint: String) throws {
      let result = try run(options, "true")
      #expect(result.end == .code(125))
      let lines = result.errors.split(separator: "\n")
      #expect(lines.count == 2, "\(result.errors)")
      #expect(lines.first?.contains(message) == true, "\(result.errors)")
      #expect(lines.last?.hasPrefix("hint: ") == true)
      #expect(lines.last?.contains(hint) == true, "\(result.errors)")
    }

    @Test func textForAFullDiskIsAnError() throws {
      let full = try FileDescriptor.open(
        FilePath("/dev/full"), .writeOnly, options: .closeOnExec)
      defer { try? full.close() }
      let errors = try FileDescriptor.unnamedFile()
      defer { try? errors.close() }
      let end = try start(["--help"], stdout: full, stderr: errors).wait()
      #expect(end == .code(125))
      let text = String(decoding: try errors.contents(), as: UTF8.self)
      #expect(
        text.hasPrefix("oneoff: write(2) to standard output: ENOSPC (No space left on device)\n"))
      #expect(text.contains("\nhint: "))
    }

    @Test func directoryIsNoCommand() throws {
      let result = try run([], "/etc")
      #expect(result.end == .code(126))
      #expect(result.errors.contains("execve(2) of /etc: EACCES"))
      #expect(result.errors.contains("hint: it is a directory"))
      // A directory of that name in PATH is not a reason to stop looking.
      let found = try run(["--env", "PATH=/:/bin", "--tmpfs", "/true"], "true")
      #expect(found.end == .code(0), "\(found.errors)")
      // It does not hide the file that was meant.
      let hidden = try run(
        ["--env", "PATH=/etc:/", "--tmpfs", "/passwd"], "passwd")
      #expect(hidden.end == .code(126))
      #expect(hidden.errors.contains("execve(2) of /etc/passwd: EACCES"), "\(hidden.errors)")
    }
  }
}
