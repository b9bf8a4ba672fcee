import Foundation
import TestRequirements
import Testing

/// What the log of a hook looks like, by itself and in the CI systems that fold it.
extension IntegrationTests {
  @Suite struct DeploymentLogTests {
    private static let gitHub = ["GITHUB_ACTIONS": "true"]
    private static let gitLab = ["GITLAB_CI": "true"]
    /// Makes standard output a pipe, as CI systems do.
    private static let piped = ["sh", "-c", "\"$@\" | cat", "sh"]

    /// Runs a hook.
    private func hook(
      _ script: String, _ options: [String] = [], wrapper: [String] = [],
      environment: [String: String] = [:]
    ) throws -> Completion {
      try perform(arguments(script, options), wrapper: wrapper, environment: environment)
    }

    private func arguments(_ script: String, _ options: [String]) throws -> [String] {
      let procfile = try Workspace.current.write("app/Procfile", "postdeploy: \(script)\n")
      let app = String(procfile.dropLast("/Procfile".count))
      return ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--network", "none"] + options
    }

    @Test func theEndSaysHowLongItTook() throws {
      let done = try hook("sleep 0.3")
      #expect(done.lines.count == 2)
      #expect(
        done.lines.last?.wholeMatch(of: /-----> The postdeploy hook succeeded \([\d.]+ s\)/) != nil)
      let failed = try hook("exit 3")
      #expect(failed.status == 3)
      #expect(
        failed.lines.last?.wholeMatch(
          of: /\ !     The postdeploy hook failed with status 3 \([\d.]+ m?s\)/) != nil)
      let absent = try hook("true", ["--user", "nobody-has-this-name"])
      #expect(absent.lines.last == " !     The postdeploy hook could not be started")
    }

    @Test func quietIsTheOutputAndFailures() throws {
      let done = try hook("echo out; echo err >&2", ["-q"])
      #expect(done.output == "       out\n")
      #expect(done.errors == "       err\n")
      let failed = try hook("exit 3", ["--quiet"])
      #expect(failed.output.hasPrefix(" !     The postdeploy hook failed with status 3 ("))
      #expect(failed.lines.count == 1)
      #expect(try hook("true", ["-q", "--phase", "web"]).output == "")
      let warned = try hook("mkdir -p public/assets; echo x >public/assets/a", ["-q"])
      #expect(warned.errors.hasPrefix(" !     warning: 1 file below /app/public/assets went with"))
    }

    @Test func besideEventsTheStepsAreOnStandardError() throws {
      let done = try hook("echo out; exit 3", ["--events", "-"])
      #expect(try Events(done.output).names.first == "started")
      #expect(!done.output.contains("---->"))
      let lines = done.errors.split(separator: "\n")
      #expect(lines.first == "-----> Running postdeploy hook of the Procfile: echo out; exit 3")
      #expect(lines.last?.hasPrefix(" !     The postdeploy hook failed with status 3 (") == true)
    }

    @Test func coloursAreForTerminalsThatHaveThem() throws {
      func shown(_ environment: [String: String]) throws -> String {
        try Terminal.output(of: arguments("exit 3", []), environment: environment)
      }
      let coloured = try shown(["TERM": "xterm"])
      #expect(coloured.contains("\u{1b}[1;34m----->\u{1b}[0m Running"))
      #expect(coloured.contains("\u{1b}[1;31m !    \u{1b}[0m The postdeploy hook failed"))
      #expect(try shown(["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1b}[1;34m"))
      for environment in [["TERM": "xterm", "NO_COLOR": "0"], ["TERM": "dumb"], [:]] {
        #expect(try !shown(environment).contains("\u{1b}"), "\(environment)")
      }
      let piped = try hook("true", wrapper: Self.piped, environment: ["TERM": "xterm"])
      #expect(piped.lines.count == 2 && !piped.output.contains("\u{1b}"))
    }

    // MARK: CI systems

    @Test func gitHubFoldsTheOutputAndShowsTheFailure() throws {
      let done = try hook("echo out; exit 3", wrapper: Self.piped, environment: Self.gitHub)
      var runner = GitHubRunner()
      runner.read(done.output)
      #expect(
        runner.obeyed.map(\.name) == ["group", "stop-commands", "resume", "endgroup", "error"])
      #expect(
        runner.obeyed.first?.data == "Running postdeploy hook of the Procfile: echo out; exit 3")
      #expect(runner.obeyed.last?.properties == "title=oneoff hook")
      #expect(done.lines.contains("       out"))
    }

    /// Whatever the runner reads first of standard output and standard error.
    @Test func theHookCannotCommandGitHubsRunner() throws {
      let attacks = [
        "::add-mask::x", "\\t ::set-env name=PATH::/tmp", "##[add-path]/tmp", "a ##[add-mask]x",
        "half\\r::add-mask::x", "::stop-commands::x\\n::x::\\n::add-mask::x", "\\n::warning::x",
        "::endgroup::", "##[command]x", "\\302\\240::error::x",
      ]
      let script = attacks.map { "printf '\($0)\\n'; printf '\($0)\\n' >&2" }
        .joined(separator: "; ")
      let expected = ["group", "stop-commands", "resume", "endgroup"]
      for options in [[], ["--quiet"], ["--ci", "github"]] {
        let done = try hook(
          script, options, wrapper: options.contains("--ci") ? [] : Self.piped,
          environment: options.contains("--ci") ? [:] : Self.gitHub)
        #expect(done.output.split(separator: "::add-mask::x").count > 6)
        var runner = GitHubRunner()
        for text in [done.errors, done.output] { runner.read(text) }
        let isQuiet = options.contains("--quiet")
        #expect(runner.obeyed.map(\.name) == expected.filter { !isQuiet || !$0.hasSuffix("group") })
        #expect(!runner.isStopped)
      }
      // The attacks are ones where nothing is done about them.
      #expect(GitHubRunner.names(in: try hook(script).output).count > 8)
    }

    @Test func theNameOfACommandCannotCommandGitHubsRunnerEither() throws {
      let done = try hook("true '##[add-mask]x' '%0A::add-mask::x'; exit 3", ["--ci", "github"])
      #expect(done.lines.first?.contains("true '## [add-mask]x' '%250A::add-mask::x'") == true)
      #expect(
        GitHubRunner.names(in: done.errors + done.output)
          == ["group", "stop-commands", "resume", "endgroup", "error"])
      for refused in [
        try hook("true", ["--user", "##[add-mask]x"]),
        try hook("true\npostdeploy: ##[add-mask]x\n ::add-mask::x"),
      ] {
        #expect(refused.status == 125)
        #expect(GitHubRunner.names(in: refused.errors + refused.output) == [])
      }
    }

    @Test func gitLabFoldsTheOutput() throws {
      let done = try hook("echo out; exit 3", wrapper: Self.piped, environment: Self.gitLab)
      let step = "-----> Running postdeploy hook of the Procfile: echo out; exit 3"
      let form = #"""
        \e\[0Ksection_start:\d+:([a-z0-9_]+)\r\e\[0K\#(step)
               out
        \e\[0Ksection_end:\d+:\1\r\e\[0K
         !     The postdeploy hook failed with status 3 \([\d.]+ m?s\)

        """#
      #expect(try done.output.wholeMatch(of: Regex(form)) != nil, "\(done.output.debugDescription)")
    }

    @Test func marksAreForTheCISystemAlone() throws {
      let both = Self.gitHub.merging(Self.gitLab) { $1 }
      let plain = try hook("echo out").lines.prefix(2)
      // Into a file.
      #expect(try hook("echo out", environment: both).lines.prefix(2) == plain)
      for (options, environment) in [
        (["--ci", "none"], both), ([], ["GITHUB_ACTIONS": "1", "GITLAB_CI": ""]),
      ] {
        let done = try hook("echo out", options, wrapper: Self.piped, environment: environment)
        #expect(done.lines.prefix(2) == plain)
      }
      let refused = try hook("echo out", ["--ci", "jenkins"])
      #expect(refused.status == 125)
      #expect(refused.errors.contains("'jenkins' is not a CI system that oneoff knows"))
    }
  }
}
