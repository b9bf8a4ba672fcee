import ContainerSpec
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

@testable import oneoff

extension CommandLineTests {
  @Suite struct DeploymentLogTests {
    /// What a log writes.
    private func written(
      isQuiet: Bool = false, _ dialect: LogDialect = .none, hasColours: Bool = false,
      _ body: (DeploymentLog) -> Void
    ) throws -> String {
      let (reader, writer) = try FileDescriptor.pipe()
      defer { try? reader.close() }
      let log = DeploymentLog(
        to: writer, named: "oneoff test", isQuiet: isQuiet, dialect: dialect,
        hasColours: hasColours)
      body(log)
      #expect(log.writeFailure == nil)
      try writer.close()
      var text: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while case let count = try unsafe buffer.withUnsafeMutableBytes({
        try unsafe reader.read(into: $0)
      }),
        count > 0
      { text += buffer[..<count] }
      return String(decoding: text, as: UTF8.self)
    }

    private func everything(_ log: DeploymentLog) {
      log.step("Fetching")
      log.beginSection("Migrating")
      log.line("one\ntwo")
      log.stillRunning(after: .seconds(200))
      log.endSection()
      log.step("Migrated", after: .milliseconds(4260))
      log.warning("little space")
      log.failure("Restarting failed", after: .milliseconds(34))
    }

    @Test func aDeploymentHasTheLookOfItsHooks() throws {
      let text = try written { everything($0) }
      #expect(
        text == """
          -----> Fetching
          -----> Migrating
                 one
                 two
                 … still running after 3 m 20 s
          -----> Migrated (4.2 s)
           !     warning: little space
           !     Restarting failed (34 ms)

          """)
    }

    @Test func quietIsWithoutSteps() throws {
      #expect(
        try written(isQuiet: true) { everything($0) }
          == " !     warning: little space\n !     Restarting failed (34 ms)\n")
      #expect(try written(isQuiet: true, .gitlab) { $0.beginSection("a") } == "")
    }

    @Test func theMarksHaveColours() throws {
      let text = try written(hasColours: true) { log in
        log.step("Fetching")
        log.line("one")
        log.failure("Oh")
      }
      #expect(
        text == """
          \u{1b}[1;34m----->\u{1b}[0m Fetching
                 one
          \u{1b}[1;31m !    \u{1b}[0m Oh

          """)
    }

    @Test(arguments: LogDialect.allCases) func noTextControlsATerminal(dialect: LogDialect) throws {
      let attack = "a\u{1b}[31m\u{9b}5m\r\u{202e}b\nc"
      let text = try written(dialect) { log in
        log.step(attack)
        log.line(attack)
        log.warning(attack)
        log.failure(attack)
      }
      #expect(
        !text.unicodeScalars.contains { "\u{1b}\u{9b}\r\u{202e}".unicodeScalars.contains($0) })
      // Two of them are annotations on GitHub.
      #expect(text.split(separator: "\n").count == (dialect == .github ? 7 : 5))
    }

    // MARK: GitHub

    @Test func onGitHubASectionIsAGroupInWhichNothingIsObeyed() throws {
      let text = try written(.github) { everything($0) }
      var runner = GitHubRunner()
      runner.read(text)
      #expect(
        runner.obeyed.map(\.name) == [
          "group", "stop-commands", "resume", "endgroup", "warning", "error",
        ])
      #expect(runner.obeyed.first?.data == "Migrating")
      #expect(
        runner.obeyed.last
          == .init("error", properties: "title=oneoff test", data: "Restarting failed (34 ms)"))
      #expect(text.contains("\n !     Restarting failed (34 ms)\n"))
    }

    @Test func theTokenCannotBeGuessed() throws {
      let text = try written(.github) { log in
        for _ in 0..<50 { log.beginSection("a") }
        log.endSection()
      }
      let tokens = text.split(separator: "\n").filter { $0.hasPrefix("::stop-commands::") }
      #expect(Set(tokens).count == 50)
      #expect(tokens.allSatisfy { $0.utf8.count == 17 + 32 })
      #expect(GitHubRunner.names(in: text).filter { $0 == "resume" }.count == 50)
    }

    @Test func aFailureEndsTheSectionThatItIsIn() throws {
      let text = try written(.github) { log in
        log.beginSection("a")
        log.warning("not yet")
        log.failure("Oh")
        log.endSection()
      }
      #expect(
        GitHubRunner.names(in: text) == ["group", "stop-commands", "resume", "endgroup", "error"])
    }

    @Test func quietOnGitHubStillObeysNothingOfTheCommand() throws {
      let text = try written(isQuiet: true, .github) { log in
        log.beginSection("a")
        log.endSection()
      }
      #expect(GitHubRunner.names(in: text) == ["stop-commands", "resume"])
    }

    @Test func whatGitHubReadsAsDataIsEscaped() throws {
      let (reader, writer) = try FileDescriptor.pipe()
      defer { try? reader.close() }
      let log = DeploymentLog(to: writer, named: "a,b:c%", dialect: .github)
      log.failure("50% of 1,2: all")
      try writer.close()
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe reader.read(into: $0) }
      let text = String(decoding: buffer[..<count], as: UTF8.self)
      #expect(
        text.split(separator: "\n").last == "::error title=a%2Cb%3Ac%25::50%25 of 1,2: all")
    }

    @Test(arguments: [
      "::add-mask::x", " \t\u{a0}::add-mask::x", "a ##[add-mask]x", "###[add-mask]x",
      "##[a ##[add-mask]x", ":::add-mask::x", "::::add-mask::x", "##", "[x", "a::b", "",
    ])
    func noTextIsACommandForGitHubsRunner(text: String) throws {
      let text = try written(.github) { log in
        for write in [{ log.step($0, after: nil) }, log.line] { write(text) }
      }
      #expect(GitHubRunner.names(in: text) == [])
      #expect(GitHubRunner.names(in: "oneoff: \(text)".withoutRunnerCommands) == [])
    }

    @Test func whatIsNoCommandStays() {
      for text in ["a::b", "# [x]", "#[x]", ": : x", "a: [b]"] {
        #expect(text.withoutRunnerCommands == text)
      }
      #expect("a\n ::b::c".withoutRunnerCommands == "a\n : :b::c")
    }

    // MARK: GitLab

    @Test func onGitLabASectionHasATimeAndANameOfItsOwn() throws {
      let text = try written(.gitlab) { log in
        log.beginSection("Running: Ä \u{1b}[0K/x")
        log.line("one")
        log.endSection()
        log.beginSection("Running: Ä \u{1b}[0K/x")
        log.failure("Oh")
      }
      let form =
        /\u{1b}\[0Ksection_(start|end):(\d+):([a-z0-9_]+)\r\u{1b}\[0K([^\u{1b}]*)/
      let marks = text.matches(of: form).map(\.output)
      #expect(marks.map(\.1) == ["start", "end", "start", "end"])
      #expect(marks.allSatisfy { (Int64($0.2) ?? 0) > 1_700_000_000 })
      #expect(marks.map(\.3).count == 4 && Set(marks.map(\.3)).count == 2)
      #expect(marks.first?.3 == marks.dropFirst().first?.3)
      #expect(marks.first?.4 == "-----> Running: Ä \u{FFFD}[0K/x\n       one\n")
      #expect(marks.last?.4 == "\n !     Oh\n")
    }

    // MARK: Options

    @Test func whatTheOptionsSay() throws {
      func look(_ arguments: String...) throws -> LogLook {
        try RunOptionsTests().parse(arguments, as: HookVerb.verb).options.look
      }
      #expect(try look().heartbeat == .seconds(60))
      #expect(try look("-q").heartbeat == nil)
      #expect(try look("-q", "--heartbeat", "90s").heartbeat == .seconds(90))
      #expect(try look("--heartbeat", "none").heartbeat == nil)
      #expect(try look("--ci", "auto").dialect == nil)
      for dialect in LogDialect.allCases {
        #expect(try look("--ci", dialect.rawValue).dialect == dialect)
      }
      #expect(throws: SpecError.self) { try look("--ci", "jenkins") }
      #expect(throws: SpecError.self) { try look("--heartbeat", "0") }
    }

    @Test func aLogThatCannotBeWrittenIsNoticed() throws {
      let full = try FileDescriptor.open(FilePath("/dev/full"), .writeOnly)
      defer { try? full.close() }
      let log = DeploymentLog(to: full, named: "a")
      log.step("one")
      log.failure("two")
      #expect(log.writeFailure?.errno == .noSpace)
    }
  }
}
