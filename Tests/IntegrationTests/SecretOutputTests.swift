import ContainerSpec
import Foundation
import Glibc
import OneOff
import SystemPackage
import Testing

extension IntegrationTests {
  /// What becomes of secrets that a command writes, whoever reads it.
  @Suite struct SecretOutputTests {
    private static let secret = "5ecret/value+with \"quotes\""
    private static let placeholder = "[masked:S]"

    /// Prints the secret in several forms, each on a line of standard output and of standard error.
    private static let script = #"""
      show() { printf '%s\n' "$1"; printf '%s\n' "$1" >&2; }
      show "$S"
      show "in $S between"
      show 5ecret%2Fvalue%2Bwith%20%22quotes%22
      show '5ecret/value+with \"quotes\"'
      show "$(printf %s "$S" | base64)"
      show "$(printf %s "x$S" | base64)"
      show "$(printf %s "xx$S" | base64)"
      """#

    /// What of each line stays, in as many bytes as the secret had none of.
    private static var shown: Regex<Substring> {
      #/
        \[masked:S\]\n
        in\ \[masked:S\]\ between\n
        \[masked:S\]\n
        \[masked:S\]\n
        \[masked:S\].{0,3}\n
        .{2}\[masked:S\].{0,3}\n
        .{3}\[masked:S\].{0,3}\n
      /#
    }

    private static let options = ["--env", "S=\(secret)", "--secret", "S"]
    private static let parts = ["5ecret/", "5ecret%2F", "NWVjcmV0L3", "V0L3ZhbHV", "VjcmV0L3Z"]

    @Test func everyFormIsMaskedInPipesAndFiles() throws {
      let result = try shell(Self.options, Self.script)
      #expect(result.output.wholeMatch(of: Self.shown) != nil, "\(result.output)")
      #expect(result.errors.wholeMatch(of: Self.shown) != nil, "\(result.errors)")
    }

    @Test func withoutMaskingEveryFormIsShown() throws {
      let result = try shell(Self.options + ["--mask", "none"], Self.script)
      for part in Self.parts {
        #expect(result.output.contains(part))
        #expect(result.errors.contains(part))
      }
      #expect(!result.output.contains(Self.placeholder))
    }

    @Test func everyFormIsMaskedInEvents() throws {
      let result = try shell(Self.options + ["--events", "-"], Self.script)
      for part in Self.parts { #expect(!result.output.contains(part)) }
      let events = try Events(result.output)
      for stream in ["stdout", "stderr"] {
        let text = events.lines.filter { $0["stream"] as? String == stream }
          .compactMap { $0["text"] as? String }.map { $0 + "\n" }.joined()
        #expect(text.wholeMatch(of: Self.shown) != nil, "\(text)")
      }
    }

    @Test func everyFormIsMaskedOnATerminal() throws {
      let text = try Terminal.output(
        of: runArguments(Self.options, command: ["sh", "-c", Self.script]))
      for part in Self.parts { #expect(!text.contains(part), "\(text)") }
      let parts = text.split(separator: Self.placeholder, omittingEmptySubsequences: false)
      #expect(parts.count == 15)
    }

    @Test func secretThatIsWrittenByteByByteIsMasked() throws {
      let events = Workspace.current.path.appending("files/events").string
      // Each byte is a write of its own, after a pause.
      let script = """
        s=$S
        while [ -n "$s" ]; do rest=${s#?}; printf %s "${s%"$rest"}"; s=$rest; usleep 3000; done
        echo; printf %s end
        """
      let result = try shell(Self.options + ["--events", events], script)
      #expect(result.output == "\(Self.placeholder)\nend")
      let lines = try Events(file: events).lines.compactMap { $0["text"] as? String }
      #expect(lines == [Self.placeholder, "end"])
      #expect(try shell(["--env", "S=\(Self.secret)"], script).output == "\(Self.secret)\nend")
    }

    @Test func linesOfASecretAreMasked() throws {
      let file = try Workspace.current.write(
        "secrets", "KEY=\"-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\"\n",
        mode: 0o600)
      let result = try shell(
        ["--secret-file", file],
        #"echo "$KEY"; echo "$KEY" | sed 's/$/\r/'; echo "$KEY" | sed -n 's/^M/a M/p'"#)
      #expect(result.output == "[masked:KEY]\n[masked:KEY]\r\na [masked:KEY]\n")
    }

    @Test func whatHasNoSecretArrivesAsItIs() throws {
      let bytes = (0..<20).flatMap { _ in 0...255 }.map { UInt8($0) }
      let digits = bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
      #expect(try run(Self.options, "probe", "bytes", digits).stdout == bytes)
      // Wherever a read ends, it ends like the beginning of this one.
      let options = ["--env", "S=xxxxxxxx-5ecret", "--secret", "S"]
      let lines = try run(options, "probe", "lines", "100000").stdout
      #expect(lines == (try run([], "probe", "lines", "100000").stdout))
    }

    @Test func errorsShowNoSecret() throws {
      let result = Workspace.current.path.appending("files/result").string
      let program = "/no/such/5ecret-program"
      let options = [
        "--env", "S=\(program)", "--secret", "S", "--events", "-", "--result", result,
      ]
      let run = try run(options, program)
      #expect(run.status == 127)
      let written = try String(contentsOfFile: result, encoding: .utf8)
      for text in [run.output, run.errors, written] {
        #expect(!text.contains("5ecret"), "\(text)")
        #expect(text.contains(Self.placeholder))
      }
    }

    @Test func changesShowNoSecret() throws {
      let changes = Workspace.current.path.appending("files/changes").string
      let options = [
        "--env", "S=5ecret-name-of-a-file", "--changes", changes, "--events", "-",
      ]
      let script = #"mkdir -p "/srv/$S"; : >"/srv/$S/x"; mv /etc "/$S""#
      let masked = try shell(options + ["--secret", "S"], script)
      let list = try String(contentsOfFile: changes, encoding: .utf8)
      for text in [masked.output, list] {
        #expect(!text.contains("5ecret"), "\(text)")
        #expect(text.contains("/\(Self.placeholder)"))
      }
      let shown = try shell(options, script)
      #expect(shown.output.contains("5ecret"))
    }

    @Test func outputThatIsCutShowsNoBeginningOfASecret() throws {
      let options = ["--env", "S=5ecret-value-of-20-b", "--log-max", "20", "--events", "-"]
      let script = #"echo 0123456789; echo "$S""#
      let events = try Events(try shell(options + ["--secret", "S"], script).output)
      #expect(events.lines.compactMap { $0["text"] as? String } == ["0123456789"])
      let log = try #require(events.result?["log"] as? [String: Any])
      #expect(log["stdout_bytes"] as? Int == 32)
      #expect(log["dropped_bytes"] as? Int == 21)
      let shown = try Events(try shell(options, script).output)
      #expect(shown.lines.compactMap { $0["text"] as? String } == ["0123456789", "5ecret-va"])
    }

    @Test func hookMasksWhatIsNamedLikeASecret() throws {
      let app = try Workspace.current.make("files/app")
      try Workspace.current.write(
        "app/Procfile", "postdeploy: echo $API_TOKEN $DATABASE_URL; echo $RAILS_ENV $OTHER >&2\n")
      let file = try Workspace.current.write(
        "env",
        """
        API_TOKEN=t0ken-of-the-app
        DATABASE_URL=postgres://shop:pa55word-1@db/shop
        RAILS_ENV=production
        OTHER=nothing-special
        """, mode: 0o600)
      let arguments = ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--env-file", file]
      let masked = try perform(arguments)
      #expect(
        masked.hookLines
          == ["[masked:API_TOKEN] postgres://shop:[masked:DATABASE_URL]@db/shop"])
      #expect(masked.errors == "       production nothing-special\n")
      let named = try perform(arguments + ["--secret", "OTHER"])
      #expect(named.errors == "       production [masked:OTHER]\n")
      for options in [["--mask", "none"], ["--mask", "named"]] {
        let shown = try perform(arguments + options)
        #expect(
          shown.hookLines == ["t0ken-of-the-app postgres://shop:pa55word-1@db/shop"])
      }
      // What is run by hand shows what its caller has not named.
      let run = try shell(["--env-file", file], "echo $API_TOKEN")
      #expect(run.output == "t0ken-of-the-app\n")
    }

    @Test func secretThatIsTooShortIsWarnedOf() throws {
      let result = try shell(
        ["--env", "PIN=1234", "--secret", "PIN", "--events", "-"], "echo $PIN")
      let events = try Events(result.output)
      let warnings = events.all.filter { $0["event"] as? String == "warning" }
      #expect(warnings.map { $0["code"] as? String } == ["secret-too-short"])
      #expect(events.lines.compactMap { $0["text"] as? String } == ["1234"])
    }

    @Test func secretThatIsNotThereIsAnError() throws {
      let slip = try run(["--env", "TOKEN=5ecret-value", "--secret", "TOKNE"], "true")
      #expect(slip.status == 125)
      #expect(slip.errors.contains("'TOKNE'"))
      #expect(slip.errors.contains("did you mean 'TOKEN'?"))
      let value = try run(["--secret", "TOKEN=5ecret-value"], "true")
      #expect(value.status == 125)
      #expect(value.errors.contains("'TOKEN'"))
      #expect(!value.errors.contains("5ecret"))
    }

    @Test func libraryGetsMaskedEvents() throws {
      // The supervisor gets this process's environment.
      unsafe setenv("ONEOFF_RUNTIME_DIR", Workspace.current.path.appending("runtime").string, 1)
      var spec = RunSpec(layers: [FilePath(Built.tiny)], command: ["sh", "-c", "printf %s \"$S\""])
      spec.environment = [
        try EnvironmentVariable(name: "PATH", value: RunSpec.defaultPath),
        try EnvironmentVariable(name: "S", value: ByteString(Self.secret)),
      ]
      spec.secrets = ["S"]
      var lines: [String] = []
      try OneOffContainer(spec, program: FilePath(Built.program)).run { event in
        if case .log(let line) = event { lines.append(String(decoding: line.bytes, as: UTF8.self)) }
      }
      #expect(lines == [Self.placeholder])
    }
  }
}
