import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct ResultFileTests {
    private var file: String { Workspace.current.path.appending("files/result.json").string }

    private func result() throws -> [String: Any] { try jsonObject(file: file) }

    @Test func isWhatTheLastEventHas() throws {
      let events = Workspace.current.path.appending("files/events").string
      let run = try run(["--result", file, "--events", events], "probe", "exit", "3")
      #expect(run.end == .code(3))
      let found = try result()
      let told = try #require(try Events(file: events).result)
      #expect(found as NSDictionary == told as NSDictionary)
      let status = try RunningProcess.output(["stat", "-c", "%a %F", file])
      #expect(status == "600 regular file\n")
      // No draft is left.
      #expect(Workspace.current.names(in: "files").sorted() == ["events", "result.json"])
    }

    @Test func isThereAlsoWhenTheSetUpHasFailed() throws {
      let missing = try run(["--result", file], "no-such-command")
      #expect(missing.end == .code(127))
      #expect(try result()["reason"] as? String == "setup-failed")
      #expect(try result()["status"] as? Int == 127)
      #expect((try result()["error"] as? String)?.contains("no-such-command") == true)
      let volume = try run(["--result", file, "-v", "/no/such:/mnt"], "true")
      #expect(volume.end == .code(125))
      #expect((try result()["error"] as? String)?.contains("/no/such") == true)
    }

    @Test func ofAnEarlierRunIsGoneBeforeThisOneBegins() throws {
      try Workspace.current.write("result.json", "old")
      let result = try perform(["run", "--result", file, "--rootfs", Built.tiny])
      #expect(result.end == .code(125))
      #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test(arguments: ["directory", "link", "fifo"])
    func replacesNothingButAFile(kind: String) throws {
      let path = Workspace.current.path.appending("files/result.json").string
      let make = ["directory": "mkdir", "link": "ln -s /dev/null", "fifo": "mkfifo"]
      try RunningProcess.output(["sh", "-c", "\(make[kind] ?? "false") '\(path)'"])
      let result = try run(["--result", path], "true")
      #expect(result.end == .code(125))
      #expect(result.errors.contains("unlink(2) of the result file \(path): EEXIST"))
      #expect(result.errors.contains("hint: "))
    }

    @Test func needsADirectory() throws {
      let result = try run(["--result", "/no/such/result.json"], "true")
      #expect(result.end == .code(125))
      #expect(result.errors.contains("of the result file /no/such/result.json: ENOENT"))
    }

    @Test func thatCannotBeWrittenInTheEndIsSaid() throws {
      let directory = try Workspace.current.make("files/results")
      let process = try RunningProcess.completion([
        "sh", "-c",
        "\"$@\" -- sh -c 'echo; sleep 1; exit 4' | { read x; rm -r '\(directory)'; cat; }",
        "sh", Built.program, "run", "--rootfs", Built.tiny, "--result", directory + "/result.json",
      ])
      #expect(process.errors.contains("the result was lost: "), "\(process.errors)")
    }
  }
}
