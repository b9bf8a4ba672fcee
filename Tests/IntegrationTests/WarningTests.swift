import Foundation
import SystemPackage
import Testing

/// The codes of the warnings that a result has.
func warningCodes(of result: [String: Any]) -> [String] {
  (result["warnings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String }
}

extension IntegrationTests {
  /// What was warned of is in the result of a run, also where nobody was there to hear it.
  @Suite struct WarningTests {
    private let shortSecret = ["--env", "PIN=1234", "--secret", "PIN"]

    /// What the record of a run that is over has.
    private func result(of id: String) throws -> [String: Any] {
      try #require(try Records.inspect(id)["result"] as? [String: Any])
    }

    @Test func detachedRunSaysWhyNothingWasExported() throws {
      _ = try ExportRun.directory()
      try Control.detach("a", ExportRun.options(["/home/x=x"]), "true")
      #expect(try perform(["wait", "a"]).status == 125)
      let result = try result(of: "a")
      #expect(warningCodes(of: result) == ["export-failed"])
      let warning = try #require((result["warnings"] as? [[String: Any]])?.first)
      let text = try #require(warning["text"] as? String)
      #expect(text.hasPrefix("nothing was exported: no export of '/home/x'"), "\(text)")
    }

    @Test func whoAttachesIsToldAtTheEnd() throws {
      let file = Workspace.current.path.appending("files/result").string
      let volume = try Workspace.current.make("files/v")
      try Control.detach(
        "a", shortSecret + ["--result", file, "-v", "\(volume):/v"],
        "while [ ! -e /v/go ]; do echo wait; sleep 0.01; done; exit 7")
      let (output, errors) = (try FileDescriptor.unnamedFile(), try FileDescriptor.unnamedFile())
      defer { try? output.close(); try? errors.close() }
      let reader = try start(["attach", "a"], stdout: output, stderr: errors)
      try waitUntil { try !output.contents().isEmpty }
      #expect(try errors.contents().isEmpty)
      try Workspace.current.write("v/go", "")
      #expect(try reader.wait() == .code(7))
      #expect(
        String(decoding: try errors.contents(), as: UTF8.self)
          == "oneoff: warning: the value of PIN has less than 8 bytes and is not masked\n")
      #expect(warningCodes(of: try jsonObject(file: file)) == ["secret-too-short"])
      #expect(warningCodes(of: try result(of: "a")) == ["secret-too-short"])
      #expect(try perform(["wait", "a"]).errors == "")
    }

    @Test func whoHasStartedTheRunIsToldOnce() throws {
      _ = try ExportRun.directory()
      let options = ["-it", "--detach-keys", "ctrl-]"] + shortSecret
      let dialogue = try Dialogue(
        runArguments(
          options + ExportRun.options(["/home/x=x"]), command: ["sh", "-c", "echo begun"]))
      let before = try dialogue.wait(for: "begun")
      let after = try dialogue.wait(for: "run succeeded, but the export failed")
      #expect(try dialogue.end() == .code(125))
      #expect(before.contains("oneoff: warning: the value of PIN has"))
      #expect(!after.contains("PIN"), "\(after)")
      #expect(after.split(separator: "warning: nothing was exported: ").count == 2, "\(after)")
    }

    @Test func runThatWasNeverSetUpHasThemToo() throws {
      #expect(try run(shortSecret + ["--name", "a"], "no-such-command").status == 127)
      #expect(warningCodes(of: try result(of: "a")) == ["secret-too-short"])
    }

    @Test func whatPrecedesTheRunIsOneOfThem() throws {
      try "a file is in the way".write(
        toFile: Workspace.current.path.appending("runtime/runs").string, atomically: true,
        encoding: .utf8)
      let done = try run(["--name", "a", "--events", "-"], "true")
      #expect(done.status == 0, "\(done.errors)")
      #expect(try Events(done.output).names.first == "warning")
      #expect(warningCodes(of: try result(of: "a")) == ["no-control"])
    }

    @Test func resultFileThatCannotBeWrittenIsInTheRecord() throws {
      let directory = try Workspace.current.make("files/results")
      let volume = try Workspace.current.make("files/v")
      try Control.detach(
        "a", ["--result", directory + "/result", "-v", "\(volume):/v"],
        "while [ ! -e /v/go ]; do sleep 0.01; done")
      try FileManager.default.removeItem(atPath: directory)
      try Workspace.current.write("v/go", "")
      #expect(try perform(["wait", "a"]).status == 0)
      #expect(warningCodes(of: try result(of: "a")) == ["result-lost"])
    }
  }
}
