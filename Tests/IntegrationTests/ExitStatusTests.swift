import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct ExitStatusTests {
    @Test func statusIsKeptWhenTheCallerIgnoresItsChildren() throws {
      let result = try run(
        wrapper: ["env", "--ignore-signal=CHLD"], "sh", "-c", "echo hi; exit 3")
      #expect(result.status == 3)
      #expect(result.output == "hi\n")
      #expect(result.errors == "")
    }

    @Test func outputThatIsLostIsSaid() throws {
      let full = try FileDescriptor.open(FilePath("/dev/full"), .writeOnly, options: .closeOnExec)
      defer { try? full.close() }
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["sh", "-c", "echo x"]), stdout: full, stderr: writer)
      try writer.close()
      #expect(try process.wait() == .code(0))
      #expect(try reader.readLine().contains("output was lost: write(2) of the output: ENOSPC"))
    }

    @Test(arguments: [0, 1, 3, 42, 124, 125, 126, 127, 137, 143, 255])
    func statusOfTheCommandIsPassedOn(status: Int32) throws {
      let result = try run([], "probe", "exit", "\(status)")
      #expect(result.end == .code(status))
      #expect(result.errors == "")
    }

    @Test(arguments: [
      (1, "SIGHUP"), (9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM"),
    ])
    func signalIsReportedAndNamed(number: Int32, name: String) throws {
      let result = try run([], "probe", "kill-self", "\(number)")
      #expect(result.end == .code(128 + number))
      #expect(result.errors.contains("killed by signal \(number) (\(name))"))
    }

    /// An image layer with files that cannot be executed, each in its own way.
    private func brokenPrograms() throws -> String {
      let workspace = Workspace.current
      try workspace.write("opt/plain", "#!/bin/sh\n")
      try workspace.write("opt/script", "#!/opt/missing-shell -e\n", mode: 0o755)
      try workspace.write("opt/dos", "#!/bin/sh\r\n", mode: 0o755)
      try workspace.write("opt/data", "no program at all\n", mode: 0o755)
      try workspace.make("files/opt/directory")
      // Dynamic: the tiny image has no dynamic linker.
      try FileManager.default.copyItem(
        atPath: "/usr/bin/env", toPath: workspace.path.appending("files/opt/dynamic").string)
      return workspace.path.appending("files").string
    }

    @Test(arguments: [
      ("no-such-program", 127, "command not found: no-such-program", "typing error"),
      ("/bin/no-such-program", 127, "command not found: /bin/no-such-program", "hint: "),
      ("/opt/plain", 126, "/opt/plain: EACCES", "chmod +x"),
      ("/opt/directory", 126, "/opt/directory: EACCES", "hint: "),
      ("/opt/data", 126, "/opt/data: ENOEXEC", "#!"),
      ("/opt/script", 127, "the interpreter /opt/missing-shell", "install it"),
      ("/opt/dos", 127, "the interpreter /bin/sh", "DOS line ending"),
      ("/opt/dynamic", 127, "the interpreter /lib64/ld-linux-x86-64.so.2", "install it"),
    ])
    func commandThatCannotBeExecuted(
      command: String, status: Int32, message: String, hint: String
    ) throws {
      let result = try run(["--layer", try brokenPrograms()], command)
      #expect(result.end == .code(status))
      #expect(result.errors.contains(message))
      #expect(result.errors.contains("hint: "))
      #expect(result.errors.contains(hint))
    }

    @Test func workingDirectoryThatIsMissing() throws {
      let result = try run(["--workdir", "/nowhere"], "true")
      #expect(result.end == .code(125))
      #expect(result.errors.contains("/nowhere: ENOENT"))
      #expect(result.errors.contains("--workdir"))
    }
  }

  /// What is refused before a container is made.
  @Suite struct BadInputTests {
    private func expectRefusal(
      _ result: Completion, _ message: String, _ hint: String, status: Int32 = 125,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(result.end == .code(status), sourceLocation: sourceLocation)
      #expect(result.errors.contains(message), sourceLocation: sourceLocation)
      #expect(result.errors.contains("hint: "), sourceLocation: sourceLocation)
      #expect(result.errors.contains(hint), sourceLocation: sourceLocation)
    }

    @Test func rootFileSystemThatCannotBeUsed() throws {
      let workspace = Workspace.current
      let file = try workspace.write("file", "x")
      let empty = try workspace.make("files/empty")
      let loop = workspace.path.appending("files/loop").string
      try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
      for (path, message) in [
        ("/nowhere", "/nowhere does not exist"), (file, "is not a directory"),
        (empty, "is empty"), (loop, "is a loop of symbolic links"),
      ] {
        expectRefusal(try run([], rootfs: path, "true"), message, "name a directory")
      }
    }

    @Test(
      arguments: [
        (["--volume", "/nowhere:/data"], "/nowhere", "exists on the host"),
        (["--volume", "/tmp:../.."], "--volume: the destination '../..'", "/"),
        (["--user", "nobody-here"], "nobody-here", "passwd"),
        (["--user", "-1"], "'-1'", "4294967294"),
        (["--user", "4294967296"], "'4294967296'", "4294967294"),
        (["--user", "1abc"], "'1abc'", "4294967294"),
        (["--user", "70000"], "70000", "--userns host"),
        (["--scratch", "0"], "'0'", "256M"), (["--scratch", "-1"], "'-1'", "256M"),
        (["--scratch", "1X"], "'1X'", "256M"), (["--network", "bridge"], "'bridge'", "host"),
        (["--network", "path:/etc/passwd"], "/etc/passwd is not a network namespace", "netns"),
        (["--network", "path:/nowhere"], "/nowhere", "hint: "),
        (["--env", "=x"], "--env", "hint: "), (["--rotfs", "/"], "--rotfs", "--rootfs"),
        (["--events", "77"], "descriptor 77 is not open", "--events 77"),
        (["--workdir", "app"], "'app' is not absolute", "/app"),
      ] as [([String], String, String)])
    func optionThatCannotBeUsed(options: [String], message: String, hint: String) throws {
      expectRefusal(try run(options, "true"), message, hint)
    }

    @Test func envFileWithABadLineIsNamedWithTheLine() throws {
      let file = try Workspace.current.write("app.env", "A=1\n\nnot a line\n")
      expectRefusal(try run(["--env-file", file], "true"), "\(file):3:", "hint: ")
    }

    @Test func tooManyLayers() throws {
      let layer = try Workspace.current.make("files/layer")
      let options = (0..<600).flatMap { _ in ["--layer", layer] }
      expectRefusal(try run(options, "true"), "layers are too many", "merge some")
    }
  }
}
