import ContainerSpec
import Foundation
import TestRequirements
import Testing

@testable import oneoff

extension CommandLineTests {
  /// Help, man pages and completions all come from the table, and so name all that is in it.
  @Suite struct GeneratedTextTests {
    @Test(arguments: Verb.visible.map(\.name))
    func helpExplainsEveryOption(name: String) throws {
      let verb = try #require(Verb.named(name))
      let help = HelpPage(of: verb).text
      for option in verb.options {
        #expect(help.contains(option.usage))
      }
      #expect(help.contains("Usage: oneoff \(name)"))
      #expect(help.contains("Exit status:"))
      #expect(HelpPage.overview.contains("  \(name) "))
    }

    @Test func helpFits80Columns() {
      for page in Verb.visible.map({ HelpPage(of: $0).text }) + [HelpPage.overview] {
        let examples = Verb.visible.flatMap(\.examples).map { "  \($0.command)" }
        for line in page.split(separator: "\n") where !examples.contains(String(line)) {
          #expect(line.count <= 80, "\(line)")
        }
      }
    }

    @Test func optionsHaveNamesOfTheirOwn() {
      for verb in Verb.all {
        let names = verb.options.map(\.name)
        #expect(Set(names).count == names.count)
        let letters = verb.options.compactMap(\.letter)
        #expect(Set(letters).count == letters.count)
        #expect(letters.filter(\.isASCII) == letters)
      }
    }

    @Test func everyWordThatCompletesAValueIsTaken() throws {
      var count = 0
      for option in Verb.all.flatMap(\.options) {
        guard case .words(let words)? = option.value?.completion() else { continue }
        for word in words {
          var options = Options()
          let value = try ByteString(word)
          #expect(throws: Never.self, "--\(option.name) \(word)") {
            try option.apply(&options, value)
          }
          count += 1
        }
      }
      #expect(count > 20)
    }

    @Test func hiddenVerbsAreNotShown() {
      let scripts = CompletionShell.allCases.map(\.script)
      for text in scripts + [HelpPage.overview, ManPage.overview] {
        #expect(!text.contains("supervise"))
      }
    }

    @Test(arguments: CompletionShell.allCases)
    func completionsNameEveryOption(shell: CompletionShell) {
      for verb in Verb.visible {
        #expect(shell.script.contains(verb.name))
        for option in verb.options {
          #expect(shell.script.contains(option.name))
        }
      }
    }

    @Test(
      arguments: [
        (CompletionShell.bash, ["/usr/bin/bash", "--norc", "-n"]),
        (.zsh, ["/usr/bin/zsh", "-f", "-n"]), (.fish, ["/usr/bin/fish", "-N", "-n"]),
      ])
    func shellsAcceptTheScripts(shell: CompletionShell, command: [String]) throws {
      try Requirement.tool(command[0]).demand()
      #expect(try run(command, on: shell.script) == "")
    }

    @Test(.requires(.tool("/usr/bin/mandoc")))
    func manPagesAreWellFormed() throws {
      let command = ["/usr/bin/mandoc", "-T", "lint", "-W", "warning"]
      for page in Verb.visible.map({ ManPage(of: $0).text }) + [ManPage.overview] {
        let complaints = try run(command, on: page).split(separator: "\n")
        // Pages have no date, so that the same source makes the same page.
        #expect(complaints.filter { !$0.contains("date") } == [])
      }
    }

    @Test func bashCompletesWordsAndFiles() throws {
      let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: directory) }
      try Data().write(to: directory.appending(path: "default.json"))
      for (words, expected) in [
        ("oneoff run --seccomp def", "default default.json"),
        ("oneoff run --seccomp un", "unconfined"),
        ("oneoff man ho", "hook"), ("oneoff completions f", "fish"),
      ] {
        // Outside of an interactive shell, compopt has no completion to change.
        let script =
          CompletionShell.bash.script + """
            compopt() { :; }
            cd '\(directory.path())'
            COMP_WORDS=(\(words)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _oneoff; printf '%s\\n' "${COMPREPLY[@]}" | sort | paste -sd ' '

            """
        #expect(try run(["/usr/bin/bash", "--norc"], on: script) == expected + "\n")
      }
    }

    @Test func theManualNamesTheVariables() {
      for name in [
        "ONEOFF_RUNTIME_DIR", "ONEOFF_STATE_DIR", "XDG_RUNTIME_DIR", "ONEOFF_ID_BASE",
        "ONEOFF_SLOTS", "ONEOFF_PROGRAM",
      ] {
        #expect(ManPage.overview.contains("\\fB\(name)\\fR"), "\(name)")
      }
    }

    /// What a program says about a text.
    private func run(_ command: [String], on text: String) throws -> String {
      let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      try Data(text.utf8).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      let process = Process()
      process.executableURL = URL(filePath: command[0])
      process.arguments = command.dropFirst() + [file.path()]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      return String(decoding: output, as: UTF8.self)
    }
  }
}
