import Foundation
import SystemPackage
import Testing

extension IntegrationTests {
  /// `oneoff lint` as its caller sees it.
  @Suite struct LintTests {
    /// Writes a Procfile into a directory of its own, and lints that.
    private func lint(_ text: String, _ options: String...) throws -> Completion {
      let file = try Workspace.current.write("app/Procfile", text)
      return try perform(["lint"] + options + [FilePath(file).removingLastComponent().string])
    }

    @Test(
      arguments: [
        ("web: x\npostdeploy: y\n", 0), ("web:x\n", 1), ("# nothing\n", 1), ("web\n", 2),
        ("web: x\nweb: y\n", 2), ("", 2), (" \n", 2), ("web: \u{1}\n", 2), ("web:x\nweb\n", 2),
      ] as [(String, Int32)])
    func statusTellsErrorsFromWarnings(text: String, status: Int32) throws {
      for options in [[], ["--json"]] {
        let file = try Workspace.current.write("Procfile-\(status)", text)
        let result = try perform(["lint"] + options + [file])
        #expect(result.end == .code(status), "\(result.output)\(result.errors)")
        #expect(result.errors == "")
      }
    }

    @Test func textIsForPeopleAndEditors() throws {
      let result = try lint("web:run\npostdeploy: y\n")
      let file = Workspace.current.path.appending("files/app/Procfile").string
      #expect(
        result.output == """
          line  name        command
          1     web         run
          2     postdeploy  y
          oneoff hook --phase postdeploy runs line 2

          \(file):1:5: warning: no space follows the colon
              web:run
                  ^
              overmind ignores the line
          hint: add one; overmind ignores the line without it

          \(file): 2 entries, 0 errors, 1 warning

          """)
    }

    @Test func jsonIsOneObject() throws {
      let result = try lint("web : run\npostdeploy: y # z\n", "--json")
      #expect(result.end == .code(2))
      #expect(result.lines.count == 1)
      let object = try jsonObject(result.stdout)
      #expect(object["v"] as? Int == 1)
      #expect((object["path"] as? String)?.hasSuffix("/app/Procfile") == true)
      #expect(object["errors"] as? Int == 1)
      #expect(object["warnings"] as? Int == 1)
      #expect(object["omitted"] as? Int == 0)
      let entries = try #require(object["entries"] as? [[String: Any]])
      #expect(entries.count == 1)
      #expect(entries[0]["name"] as? String == "postdeploy")
      #expect(entries[0]["line"] as? Int == 2)
      #expect(entries[0]["column"] as? Int == 1)
      #expect(entries[0]["command"] as? String == "y # z")
      #expect(entries[0]["phase"] as? String == "postdeploy")
      let findings = try #require(object["findings"] as? [[String: Any]])
      #expect(findings.map { $0["severity"] as? String } == ["error", "warning"])
      #expect(
        findings.map { $0["code"] as? String } == ["blank-before-colon", "comment-in-command"])
      #expect(findings[0]["line"] as? Int == 1)
      #expect(findings[0]["column"] as? Int == 4)
      #expect(findings[0]["remedy"] as? String == "write 'web: command'")
      let platforms = try #require(findings[0]["platforms"] as? [String: String])
      #expect(platforms.count == 8)
      #expect(platforms["foreman"] == "ignores the line")
      #expect(
        findings[1]["platforms"] as? [String: String] == ["procfile-util": "reads the command 'y'"])
    }

    @Test func standardInputIsRead() throws {
      let file = try Workspace.current.write("piped", "web\n")
      let stdin = try FileDescriptor.open(FilePath(file), .readOnly, options: .closeOnExec)
      defer { try? stdin.close() }
      let result = try RunningProcess.completion([Built.program, "lint", "-"], stdin: stdin)
      #expect(result.end == .code(2))
      #expect(result.lines.first == "-:1:4: error: expected ':' right after 'web'")
    }

    @Test func theWorkingDirectorysIsReadWithoutAnOperand() throws {
      let file = try Workspace.current.write("app/Procfile", "web: x\n")
      let directory = FilePath(file).removingLastComponent().string
      let result = try RunningProcess.completion(["env", "-C", directory, Built.program, "lint"])
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(result.lines.last == "Procfile: 1 entry, 0 errors, 0 warnings")
    }

    @Test func whatCannotBeReadIsAnError() throws {
      let empty = try Workspace.current.make("files/empty")
      let link = try Workspace.current.make("files/link")
      try FileManager.default.createSymbolicLink(
        atPath: link + "/Procfile", withDestinationPath: "/etc/passwd")
      for (arguments, message) in [
        ([empty], "/Procfile' does not exist\nhint: "),
        ([empty + "/x"], "/x' does not exist\nhint: "),
        ([link], "leads out of the release"), (["a", "b"], "takes one file, but got 2\nhint: "),
        ([""], "the path is empty"), (["--jsn"], "did you mean '--json'?"),
      ] {
        let result = try perform(["lint"] + arguments)
        #expect(result.end == .code(125), "\(arguments)")
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(result.output == "")
      }
    }

    @Test func whatIsTooLargeIsAFinding() throws {
      let text = String(repeating: "# comment\n", count: 200_000)
      let result = try lint(text)
      #expect(result.end == .code(2))
      #expect(result.output.contains("/Procfile:1:1: error: the file is larger than 1 MiB\n"))
    }

    @Test func nothingOfTheFileReachesTheTerminal() throws {
      let hostile = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{85}"
      for text in ["web: \(hostile)\n", "web: a\u{9b}31m\u{202e}\u{85}\n", "\(hostile): x\n"] {
        for options in [[], ["--json"]] {
          let directory = try Workspace.current.make("files/\(hostile)")
          let file = directory + "/Procfile"
          try Data(text.utf8).write(to: URL(fileURLWithPath: file))
          for operands in [[directory], [directory + "/\(hostile)"]] {
            let result = try perform(["lint"] + options + operands)
            for shown in [result.output, result.errors] {
              #expect(
                shown.unicodeScalars.allSatisfy {
                  $0 == "\n"
                    || $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value)
                      && !(0x2028...0x202e).contains($0.value)
                }, "\(shown.debugDescription)")
            }
            #expect(result.output != "" || result.errors != "")
          }
        }
      }
    }
  }
}
