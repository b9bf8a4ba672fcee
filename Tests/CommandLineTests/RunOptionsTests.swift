import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage
import Testing

@testable import oneoff

extension CommandLineTests {
  @Suite struct RunOptionsTests {
    func parse(_ arguments: [String], as verb: Verb = RunVerb.verb) throws -> Invocation {
      let vector = ArgumentVector(copying: ([verb.name] + arguments).map { Array($0.utf8) })
      let (options, operands) = try OptionParser(options: verb.options, verb: verb)
        .parse(vector, after: 0)
      return Invocation(options: options, operands: operands)
    }

    func spec(_ arguments: [String]) throws -> RunSpec {
      let invocation = try parse(arguments)
      return try invocation.options.run.spec(command: invocation.operands)
    }

    @Test func hasDefaults() throws {
      var expected = RunSpec(layers: ["/image"], command: ["id", "-u"])
      let found = try spec(["--rootfs", "/image", "id", "-u"])
      expected.environment = found.environment
      #expect(found == expected)
      #expect(found.environment.first?.name == "PATH")
      #expect(found.environment.contains { $0.name == "HOME" } == false)
    }

    @Test func theSeccompPolicyIsOurOwnOrNoneOrAFile() throws {
      func policy(_ value: String) throws -> Seccomp {
        try spec(["--rootfs", "/a", "--seccomp", value, "id"]).seccomp
      }
      #expect(try policy("default") == .builtIn)
      #expect(try policy("unconfined") == .unconfined)
      #expect(try policy("./unconfined") == .profile("./unconfined"))
      #expect(throws: SpecError.self) { try policy("") }
      #expect(throws: SpecError.self) {
        try spec(["--rootfs", "/a", "--seccomp", "unconfined", "--seccomp-log", "id"])
      }
    }

    @Test func secretsAreNamed() throws {
      let arguments = ["--rootfs", "/a", "-e", "A=1", "-e", "B=2"]
      let plain = try spec(arguments + ["id"])
      #expect(plain.secrets.isEmpty)
      #expect(plain.masking == .named)
      let found = try spec(arguments + ["--secret", "B", "--secret", "A", "--mask", "auto", "id"])
      #expect(found.secrets == ["B", "A"])
      #expect(found.masking == .auto)
      for (option, value) in [("mask", "some"), ("secret", "C"), ("secret", "B=2")] {
        #expect(throws: SpecError.self) { try spec(arguments + ["--\(option)", value, "id"]) }
      }
    }

    @Test func takesEveryOption() throws {
      let found = try spec([
        "--layer", "/b", "--rootfs", "/a", "--layer=c", "-v", "/s:/d:ro", "--tmpfs", "/t:1M",
        "--scratch", "1G", "--read-only", "-w", "/w", "-u", "www-data:7", "--hostname", "h",
        "--network", "host", "--userns", "host", "--seccomp", "p.json", "--seccomp-log", "--id",
        "x", "--grace", "5s", "--timeout", "1h", "--silence-timeout", "5m", "--log-max", "1M",
        "--ulimit", "nofile=10", "--ulimit", "cpu=1:2", "--ulimit", "nofile=5:6", "--nice", "-5",
        "--oom-score-adj", "1000", "--stats", "--merge",
        "--export", "/x=y", "--export", "/a=b", "--export-replace",
        "-e", "A=1", "-eA=2", "--", "--", "-e", "",
      ])
      #expect(found.layers == ["/a", "/b", "c"])
      #expect(found.volumes == [Volume(source: "/s", destination: "/d", isReadOnly: true)])
      #expect(found.temporaryFileSystems == [.init(destination: "/t", size: .mebibytes(1))])
      #expect(found.scratch == .tmpfs(.mebibytes(1024)))
      #expect(found.isReadOnly)
      #expect(found.workingDirectory == "/w")
      #expect(found.user == UserReference(user: .name("www-data"), group: .id(7)))
      #expect(found.hostname?.text == "h")
      #expect(found.network == .host)
      #expect(found.userNamespace == .host)
      #expect(found.seccomp == .profile("p.json"))
      #expect(found.logsBlockedCalls)
      #expect(found.id?.text == "x")
      #expect(found.grace == .seconds(5))
      #expect(found.timeout == .seconds(3600))
      #expect(found.silenceTimeout == .seconds(300))
      #expect(found.logMaximum == .mebibytes(1))
      #expect(
        found.resourceLimits == [
          ResourceLimit(.processorTime, soft: 1, hard: 2),
          ResourceLimit(.openFiles, soft: 5, hard: 6),
        ])
      #expect(found.niceness == -5)
      #expect(
        found.exports == [
          .init(source: "/x", destination: "y"), .init(source: "/a", destination: "b"),
        ])
      #expect(found.replacesExports)
      #expect(found.oomScoreAdjustment == 1000)
      #expect(found.isMeasured)
      #expect(found.mergesOutput)
      #expect(found.environment.last == (try EnvironmentVariable(parsing: "A=2")))
      #expect(found.command == ["--", "-e", ""])
    }

    @Test func sinksAddUp() throws {
      let sinks = try parse([
        "--syslog", "udp://192.0.2.1:514", "--syslog=tcp://[::1]:601", "--syslog", "unix:/dev/log",
        "--json-file", "a", "--json-file", "b", "--journald", "--log-overflow", "block", "id",
      ]).options.run.sinks
      #expect(
        sinks.syslog.map(\.text) == [
          "udp://192.0.2.1:514", "tcp://[::1]:601", "unix:/dev/log",
        ])
      #expect(sinks.jsonFiles == ["a", "b"])
      #expect(sinks.journald)
      #expect(sinks.overflow == .block)
      #expect(try parse(["id"]).options.run.sinks == SinkConfiguration())
    }

    @Test func capabilitiesAddUp() throws {
      let found = try spec(["--rootfs", "/a", "--cap-add", "chown", "--cap-add=CAP_KILL", "id"])
      #expect(found.capabilities.members == [.chown, .kill])
      #expect(try spec(["--rootfs", "/a", "id"]).capabilities.isEmpty)
    }

    @Test func passesOnTheCallersVariablesAndLeavesOutWhatItLacks() throws {
      let path = try #require(Caller.environmentValue("PATH"))
      let found = try spec(["--rootfs", "/", "-e", "PATH", "-e", "ONEOFF_NO_SUCH", "id"])
      #expect(found.environment.first?.value.bytes == path)
      #expect(found.environment.contains { $0.name == "ONEOFF_NO_SUCH" } == false)
    }

    @Test(arguments: [
      ("-", EventsTarget.descriptor(1)), ("3", .descriptor(3)), ("./3", .file("./3")),
      ("log", .file("log")),
    ])
    func readsWhereEventsGo(text: String, target: EventsTarget) throws {
      #expect(try parse(["--events", text, "id"]).options.run.events == target)
    }

    @Test func hookTakesEveryOptionOfRunAndItsOwn() throws {
      let options = try parse(
        [
          "--app-dir", "/srv/app", "--mount-at", "/code", "--app", "shop", "--phase", "release",
          "--container-version", "v1", "--rootfs", "/image", "--network", "none",
        ], as: HookVerb.verb
      ).options
      let hook = try options.hook.hook()
      #expect(hook.appDirectory == "/srv/app")
      #expect(hook.mountPoint == "/code")
      #expect(hook.app == "shop")
      #expect(hook.phase.name == "release")
      #expect(hook.containerVersion == "v1")
      #expect(options.run.network == .some(.none))
      let names = Set(HookVerb.verb.options.map(\.name))
      // Nobody is there to type, and a hook is not measured.
      let missing = Set(RunVerb.verb.options.map(\.name)).subtracting(names)
      #expect(missing == ["interactive", "tty", "detach-keys", "trace-timing"])
    }

    @Test func inputAndTerminalAreAskedForTogetherOrAlone() throws {
      let arguments = ["--rootfs", "/a"]
      #expect(try spec(arguments + ["id"]).isInteractive == false)
      let both = try spec(arguments + ["-it", "id"])
      #expect(both.standardInput == .caller)
      #expect(both.terminal != nil)
      let input = try spec(arguments + ["-i", "id"])
      #expect(input.standardInput == .caller)
      #expect(input.terminal == nil)
      #expect(try spec(arguments + ["--tty", "id"]).standardInput == .null)
    }

    @Test func noneTakesADefaultAway() throws {
      var spec = RunSpec(layers: ["/"], command: ["id"])
      spec.timeout = .seconds(1)
      spec.silenceTimeout = .seconds(1)
      spec.logMaximum = .mebibytes(1)
      try parse([
        "--timeout", "none", "--silence-timeout", "none", "--log-max", "none", "id",
      ]).options.run.apply(to: &spec)
      #expect(spec.timeout == nil)
      #expect(spec.silenceTimeout == nil)
      #expect(spec.logMaximum == nil)
    }

    @Test(arguments: [
      ["--timeout", "0"], ["--timeout", "-1s"], ["--timeout", "366d"], ["--silence-timeout", "0s"],
      ["--log-max", "0"], ["--log-max", "1X"], ["--nice", "20"], ["--nice", "-21"],
      ["--nice", "+1"], ["--nice", "1.5"], ["--oom-score-adj", "1001"],
      ["--oom-score-adj", "-1001"], ["--oom-score-adj", "99999999999"], ["--result", "-"],
      ["--result", ""], ["--ulimit", "nofile"], ["--ulimit", "nofiles=1"],
    ])
    func refusesLimitsThatAreNone(arguments: [String]) {
      let error = #expect(throws: SpecError.self) { try parse(arguments + ["id"]) }
      #expect(error?.remedy != nil)
    }

    @Test func optionsChangeOnlyWhatTheyName() throws {
      var spec = RunSpec(layers: ["/"], command: ["id"])
      spec.network = .host
      spec.workingDirectory = "/app"
      spec.timeout = .seconds(1200)
      spec.logMaximum = .mebibytes(100)
      let before = spec
      RunOptions().apply(to: &spec)
      #expect(spec == before)
    }
  }
}
