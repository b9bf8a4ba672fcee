import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

/// What a terminal shows in the end of what was written to it: text, line feeds, carriage returns,
/// and `ESC [ K`, which empties the line from the cursor on.
private func screen(_ output: String) -> [String] {
  var lines: [[UInt8]] = [[]]
  var column = 0
  var rest = Array(output.utf8)[...]
  let erasure = Array("\u{1b}[K".utf8)
  while let byte = rest.first {
    rest = rest.dropFirst()
    switch byte {
    case UInt8(ascii: "\r"): column = 0
    case UInt8(ascii: "\n"): lines.append([])
    case 0x1b where rest.starts(with: erasure.dropFirst()):
      rest = rest.dropFirst(erasure.count - 1)
      lines[lines.count - 1].removeSubrange(min(column, lines[lines.count - 1].count)...)
    default:
      if column < lines[lines.count - 1].count {
        lines[lines.count - 1][column] = byte
      } else {
        lines[lines.count - 1].append(byte)
      }
      column += 1
    }
  }
  return lines.map { String(decoding: $0, as: UTF8.self) }
}

extension IntegrationTests {
  /// `--stats`: a line below the output that is drawn anew, and one at the end.
  @Suite struct StatsTests {
    private static let terminal = ["TERM": "xterm"]
    private static let erasure = "\r\u{1b}[K"

    /// What a terminal gets of a script.
    private func show(
      _ script: String, options: [String] = [], columns: UInt16 = 80,
      environment: [String: String] = terminal
    ) throws -> String {
      try Terminal.output(
        of: runArguments(["--stats"] + options, command: ["sh", "-c", script]),
        environment: environment, columns: columns)
    }

    /// Every state of the line that was drawn.
    private func drawn(_ output: String) -> [String] {
      output.components(separatedBy: Self.erasure).filter { $0.hasPrefix("oneoff: ") }
        .map { String($0.prefix { $0 != "\r" && $0 != "\r\n" && $0 != "\u{1b}" }) }
        .filter { !$0.contains(" user and ") }
    }

    @Test(.requires(.controllers)) func lineHasMemoryAndProcesses() throws {
      let output = try show(
        "probe memory 50000000 3 >/dev/null & sleep 3 & sleep 3 & wait",
        options: ["--memory", "128M"])
      let lines = drawn(output)
      #expect(lines.count >= 2, "\(output)")
      let found = lines.compactMap {
        $0.wholeMatch(
          of: /oneoff: \d:\d\d, cpu \d+ %, memory (\d+) MB of 128 MB, (\d) processes/)
      }
      #expect(found.count == lines.count, "\(lines)")
      #expect(
        found.contains { (46...60).contains(Int($0.1) ?? 0) && $0.2 == "4" }, "\(lines)")
    }

    @Test(.requires(.controllers)) func processorsAreThoseThatAreUsed() throws {
      let output = try show("probe sleep 0.1; timeout 3 sh -c 'while :; do :; done'")
      let shares = output.matches(of: /cpu (\d+) %/).compactMap { Int($0.1) }
      // The machine may have others to serve, too, but one processor is all that a loop can use.
      #expect(shares.contains { (30...110).contains($0) }, "\(output)")
    }

    @Test func outputStaysAsItIsAndInOrder() throws {
      let script = """
        n=0
        while [ $n -lt 25 ]; do n=$((n+1)); echo "out $n"; echo "err $n" >&2; sleep 0.1; done
        """
      let output = try show(script)
      #expect(!drawn(output).isEmpty)
      let lines = screen(output)
      #expect(lines.filter { $0.hasPrefix("out ") } == (1...25).map { "out \($0)" })
      #expect(lines.filter { $0.hasPrefix("err ") } == (1...25).map { "err \($0)" })
      let others = lines.filter { !$0.hasPrefix("out ") && !$0.hasPrefix("err ") }
      #expect(others.count == 2, "\(others)")
      #expect(others.first?.hasPrefix("oneoff: ") == true)
      #expect(others.first?.contains(", cpu ") == true)
      #expect(others.last == "")
    }

    @Test func lineOfTheCommandThatHasNoEndYetIsLeftAlone() throws {
      let output = try show("sleep 1.2; printf 'go on? '; sleep 2.2; echo yes; sleep 1.2")
      let parts = output.components(separatedBy: "go on? ")
      #expect(parts.count == 2)
      #expect(parts.first.map(drawn)?.isEmpty == false, "\(output)")
      #expect(parts.last?.hasPrefix("yes\r\n") == true, "\(output)")
      #expect(parts.last.map(drawn)?.isEmpty == false, "\(output)")
      #expect(screen(output).first == "go on? yes")
    }

    @Test func messagesOfOneoffStandInLinesOfTheirOwn() throws {
      let output = try show(
        "trap '' TERM; sleep 5", options: ["--timeout", "1500ms", "--grace", "1200ms"])
      #expect(drawn(output).count >= 2)
      let lines = screen(output)
      #expect(
        lines.first == "oneoff: waiting for the command to end, at most 1s200ms (--grace)",
        "\(lines)")
      #expect(lines.dropFirst().first?.contains(" user and ") == true, "\(lines)")
      #expect(lines.dropFirst(2).first?.hasPrefix("oneoff: run was killed after") == true)
      #expect(lines.count == 4)
    }

    @Test(arguments: [20, 40, 60, 200]) func lineFits(columns: UInt16) throws {
      let output = try show("sleep 1.5", options: ["--memory", "64M"], columns: columns)
      let line = try #require(
        output.components(separatedBy: Self.erasure).first { $0.hasPrefix("0:01") }
          ?? drawn(output).first, "\(output)")
      #expect(line.utf8.count < Int(columns))
      #expect(line.contains("0:01"))
    }

    @Test(arguments: [[:], ["TERM": ""], ["TERM": "dumb"]])
    func terminalThatCannotGoBackGetsTheEndAlone(environment: [String: String]) throws {
      let output = try show("echo hello; sleep 1.3", environment: environment)
      #expect(!output.contains("\u{1b}"))
      let lines = screen(output)
      #expect(lines.count == 3)
      #expect(lines.first == "hello")
      #expect(lines.dropFirst().first?.hasPrefix("oneoff: 1.") == true)
    }

    @Test func pipeGetsTheEndAlone() throws {
      let script = "echo out; echo err >&2; sleep 1.2; printf end >&2"
      let result = try perform(
        runArguments(["--stats"], command: ["sh", "-c", script]), environment: Self.terminal)
      #expect(result.output == "out\n")
      #expect(
        result.errors.wholeMatch(of: /err\nend\noneoff: 1\.\d s, cpu .*\n/) != nil,
        "\(result.errors)")
      #expect(result.errors.utf8.allSatisfy { $0 == 0x0a || (0x20..<0x7f).contains($0) })
    }

    @Test func besideEventsThereIsTheEnd() throws {
      let result = try perform(
        runArguments(["--stats", "--events", "-"], command: ["true"]), environment: Self.terminal)
      #expect(try Events(result.output).names == ["started", "finished"])
      #expect(result.errors.wholeMatch(of: /oneoff: [\d.]+ m?s, cpu .*\n/) != nil)
    }

    @Test func hookHasItAmongItsSteps() throws {
      let app = try Workspace.current.make("app")
      try Data("postdeploy: echo hello; sleep 1.5; printf end\n".utf8)
        .write(to: URL(fileURLWithPath: app + "/Procfile"))
      let output = try Terminal.output(
        of: ["hook", "--stats", "--rootfs", Built.tiny, "--app-dir", app, "--network", "none"],
        environment: Self.terminal)
      #expect(output.contains(Self.erasure + "-----> 0:01"), "\(output)")
      let lines = screen(output)
      #expect(lines.count == 6)
      #expect(Array(lines.dropFirst().prefix(2)) == ["       hello", "       end"])
      #expect(lines.contains { $0.contains(" The postdeploy hook succeeded (") })
      #expect(lines.dropFirst(3).first?.hasPrefix("-----> ") == true)
      #expect(lines.dropFirst(3).first?.contains(" user and ") == true)
    }

    @Test func runThatCannotBeExecutedHasUsedNothing() throws {
      let result = try run(["--stats"], "/no/such")
      #expect(result.status == 127)
      #expect(result.errors.contains("command not found: /no/such"))
      #expect(!result.errors.contains(/oneoff: [\d.]+ m?s/))
    }

    /// On v1 nobody but root has cgroups; on v2 only in one that was delegated.
    @Test(.requires(.tool("/usr/bin/setpriv"), .userNamespaces))
    func withoutCgroupsThatIsSaidOnceAndTheTimeIsKnown() throws {
      let result = try OrdinaryUser.single.shell(["--stats"], "sleep 1.2")
      #expect(result.status == 0)
      let lines = result.errors.split(separator: "\n").map(String.init)
      #expect(lines.count == 3, "\(result.errors)")
      #expect(
        lines.first?.hasPrefix(
          "oneoff: warning: not everything that --stats shows is known here: without root,")
          == true)
      #expect(lines.dropFirst().first?.hasPrefix("hint: ") == true)
      #expect(lines.last?.wholeMatch(of: /oneoff: 1\.\d s, cpu .* user and .* system/) != nil)
    }
  }
}
