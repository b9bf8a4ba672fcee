import ContainerSpec
import LinuxSystem
import Foundation
import SystemPackage
import Testing

@testable import oneoff

extension CommandLineTests {
  @Suite struct ToolTests {
    func perform(_ arguments: [String]) throws -> Int32 {
      try CommandLineTool.perform(
        ArgumentVector(copying: (["oneoff"] + arguments).map { Array($0.utf8) }))
    }

    @Test(arguments: [
      ([], "there is no verb", "oneoff --help"),
      (["rn"], "'rn' is not a verb", "did you mean 'run'?"),
      (["supervis"], "'supervis' is not a verb", "oneoff --help lists the verbs"),
      (["--hlep"], "oneoff has no option '--hlep'", "did you mean '--help'?"),
      (["run", "--rotfs", "/"], "oneoff run has no option '--rotfs'", "did you mean '--rootfs'?"),
      (["hook", "--rootfs", "/", "--aap-dir=x"], "no option '--aap-dir'", "'--app-dir'?"),
      (["run", "-x"], "oneoff run has no option '-x'", "oneoff run --help"),
      (["run", "--rootfs"], "--rootfs needs a value", "--rootfs DIR"),
      (["run", "--read-only=1"], "--read-only takes no value", "--read-only"),
      (["run", "--e", "x"], "more than one option", "--env, --env-file, --export"),
      (["run"], "there is no root file system", "--rootfs"),
      (["run", "--rootfs", "/"], "there is no command", "name one"),
      (["run", "--rootfs", "/", ""], "the command's name is empty", "name a program"),
      (["run", "--rootfs", "", "id"], "--rootfs: the path is empty", "name a"),
      (
        ["run", "--syslog", "udp://log.example:514", "id"], "'log.example' is not the number",
        "getent hosts"
      ),
      (["run", "--syslog", "udp://192.0.2.1", "id"], "has no port", "udp://192.0.2.1:514"),
      (["run", "--syslog", "/dev/log", "id"], "'/dev/log' is not where syslog", "unix:/dev/log"),
      (["run", "--syslog", "unix:", "id"], "has no path", "/dev/log"),
      (["run", "--log-overflow", "wait", "id"], "'wait' is not what can", "block or drop"),
      (["run", "--rootfs", "/", "--scratch", "0", "id"], "--scratch: a size of '0'", "256M"),
      (["run", "--rootfs", "/", "--scratch", "-1", "id"], "--scratch: '-1' is not", "256M"),
      (["run", "--rootfs", "/", "--scratch=1X", "id"], "--scratch: '1X' is not", "256M"),
      (["run", "--rootfs", "/", "--scratch=1K", "id"], "scratch of 1K is too small", "64K"),
      (["run", "--rootfs", "/", "-u", "-1", "id"], "--user: '-1' is neither", "4294967294"),
      (["run", "--rootfs", "/", "-u", "4294967296", "id"], "--user: '4294967296'", "4294967294"),
      (["run", "--rootfs", "/", "-u", "1abc", "id"], "--user: '1abc'", "4294967294"),
      (["run", "--rootfs", "/", "-v", "a:../..", "id"], "--volume: the destination '../..'", "/"),
      (["run", "--rootfs", "/", "-v", "a:/b/..", "id"], "has '..' in it", "/data"),
      (["run", "--rootfs", "/", "--network", "bridge", "id"], "--network: 'bridge'", "use host"),
      (["run", "--rootfs", "/", "--network", "hsot", "id"], "--network: 'hsot'", "'host'?"),
      (["run", "--rootfs", "/", "--userns", "hots", "id"], "--userns: 'hots'", "'host'?"),
      (["run", "--rootfs", "/", "--cap-add", "x", "id"], "--cap-add: 'x' is not a cap", "(7)"),
      (["run", "--rootfs", "/", "--cap-add", "mknod", "id"], "CAP_MKNOD cannot work", "/dev"),
      (["doctor", "x"], "oneoff doctor takes no operand, but got 'x'", "oneoff doctor --help"),
      (["run", "--rootfs", "/", "-e", "=x", "id"], "--env: '' cannot be the name", "name"),
      (["run", "--rootfs", "/", "-e", "", "id"], "--env: '' cannot be the name", "name"),
      (["run", "--rootfs", "/", "-w", "app", "id"], "--workdir: 'app' is not absolute", "/app"),
      (["run", "--rootfs", "/", "--id", "../x", "id"], "--id: '../x'", "use 1 to 64"),
      (["run", "--rootfs", "/", "--hostname", "a_b", "id"], "--hostname: 'a_b'", "use 1 to 64"),
      (["run", "--rootfs", "/", "--grace", "1x", "id"], "--grace: '1x' is not a time", "90s"),
      (["run", "--rootfs", "/", "--events", "0", "id"], "--events: '0' is not a desc", "above 0"),
      (["run", "--rootfs", "/", "--env-file", "/nope", "id"], "'/nope' does not exist", "path"),
      (["run", "--rootfs", "/", "--env-file", "/", "id"], "env file '/' cannot be read", "file"),
      (["run", "--rootfs", "/", "--tmpfs", "/a", "--tmpfs", "/a", "id"], "two mounts", "own"),
      (["hook", "--rootfs", "/"], "there is no app directory", "--app-dir"),
      (["hook", "--app-dir", "/"], "there is no root file system", "--rootfs"),
      (["hook", "--rootfs", "/", "--app-dir", "/nope"], "'/nope' is not a directory", "path"),
      (["hook", "--rootfs", "/", "--app-dir", "/", "x"], "takes no operand", "--help"),
      (["hook", "--rootfs", "/", "--phase", "a b"], "--phase: 'a b' cannot be", "postdeploy"),
      (["hook", "--rootfs", "/", "--mount-at", "/"], "--mount-at: the destination", "/data"),
      (["gc", "x"], "oneoff gc takes no operand, but got 'x'", "oneoff gc --help"),
      (["completions"], "needs one shell", "bash"),
      (["completions", "zhs"], "no completions for 'zhs'", "did you mean 'zsh'?"),
      (["man", "hok"], "no manual page for 'hok'", "did you mean 'hook'?"),
      (["man", "supervise"], "no manual page", "oneoff --help"),
      (["man", "run", "hook"], "one page at a time", "name one verb"),
      (["help", "hok"], "no help for 'hok'", "did you mean 'hook'?"),
    ])
    func explainsBadUse(arguments: [String], message: String, remedy: String) {
      let error = #expect(throws: SpecError.self) { try perform(arguments) }
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      #expect(error?.remedy?.contains(remedy) == true, "\(error?.remedy ?? "")")
    }

    @Test func namesTheLineOfABadEnvFile() throws {
      try withFile("A=1\nnot a line\n") { path in
        let arguments = ["run", "--rootfs", "/", "--env-file", path.string, "id"]
        let error = #expect(throws: SpecError.self) { try perform(arguments) }
        #expect(error?.message.hasPrefix("\(path):2:5: expected '='") == true)
      }
    }

    @Test func refusesAProcfileOf10MB() throws {
      try withFile(String(repeating: "a", count: 10_000_000)) { path in
        let error = #expect(throws: SpecError.self) {
          try readInput(path, limit: 1 << 20, kind: "Procfile")
        }
        #expect(error?.message == "the Procfile '\(path)' is larger than 1M")
      }
    }

    private func withFile(_ text: String, _ body: (FilePath) throws -> Void) throws {
      let path = FilePath("/tmp/oneoff-test-\(UInt64.random(in: 0 ... .max))")
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
      defer { try? FileManager.default.removeItem(atPath: path.string) }
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
      try body(path)
    }
  }
}
