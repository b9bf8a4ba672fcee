import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What `--seccomp` and the profiles that it names do. What the default refuses is in
  /// FirstProcessTests.
  @Suite struct SeccompTests {
    /// Writes a profile and returns the options that name it.
    private func profile(_ rules: String, defaultAction: String = "SCMP_ACT_ALLOW") throws
      -> [String]
    {
      [
        "--seccomp",
        try Workspace.current.write(
          "profile.json", #"{"defaultAction": "\#(defaultAction)", "syscalls": [\#(rules)]}"#),
      ]
    }

    private static let mkdir = #""names": ["mkdir", "mkdirat"]"#

    // MARK: Profiles

    @Test func aProfileDecidesInPlaceOfTheDefault() throws {
      let options = try profile(#"{\#(Self.mkdir), "action": "SCMP_ACT_ERRNO", "errnoRet": 30}"#)
      let denied = try run(options, "probe", "mkdir", "/tmp/new")
      #expect(denied["errno"] == "EROFS")
      // What only the default refuses is allowed, and the other way round.
      #expect(try run(options, "probe", "try", "unshare-user")["result"] == "succeeded")
      #expect(try run([], "probe", "try", "unshare-user")["errno"] == "EPERM")
      #expect(try run([], "probe", "mkdir", "/tmp/new")["errno"] == "0")
      let confined = try run(options, "probe", "ids")
      #expect(confined["Seccomp"] == "2")
      #expect(confined["Seccomp_filters"] == "1")
    }

    @Test func theOptionNamesTheDefaultToo() throws {
      #expect(try run(["--seccomp", "default"], "probe", "try", "clone3")["errno"] == "ENOSYS")
    }

    @Test func aListOfWhatIsAllowedLetsEverythingElseFail() throws {
      let options = try profile(
        #"{"names": ["execve", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}"#,
        defaultAction: "SCMP_ACT_ERRNO")
      let result = try run(options, "/bin/true-static")
      #expect(result.status == 0, "\(result.errors)")
    }

    @Test func argumentsDecide() throws {
      let rule = #"""
        {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95,
         "args": [{"index": 0, "value": 77, "op": "SCMP_CMP_EQ"},
                  {"index": 1, "value": 6, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}
        """#
      let options = try profile(rule)
      let kill = "62"
      func errno(_ pid: String, _ signal: String) throws -> String? {
        try run(options, "probe", "syscall", kill, pid, signal)["errno"]
      }
      #expect(try errno("77", "3") == "EOPNOTSUPP")
      #expect(try errno("77", "4") == "ESRCH")
      #expect(try errno("78", "3") == "ESRCH")
    }

    @Test(
      arguments: [
        ("SCMP_ACT_KILL", 128 + SIGSYS), ("SCMP_ACT_KILL_PROCESS", 128 + SIGSYS),
        ("SCMP_ACT_TRAP", 128 + SIGSYS), ("SCMP_ACT_LOG", 0), ("SCMP_ACT_ALLOW", 0),
      ] as [(String, Int32)])
    func otherActionsThanErrors(action: String, status: Int32) throws {
      let options = try profile(#"{\#(Self.mkdir), "action": "\#(action)"}"#)
      for option in [[], ["--seccomp-log"]] {
        let result = try run(options + option, "probe", "mkdir", "/tmp/new")
        #expect(result.status == status, "\(result.errors)")
        if status != 0 { #expect(result.errors.contains("(SIGSYS), as the seccomp policy kills")) }
      }
    }

    @Test func aProfileThatForbidsExecveIsExplained() throws {
      let error = try run(
        profile(#"{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}"#), "probe", "ids")
      #expect(error.status == 126)
      #expect(error.errors.contains("the seccomp profile may have to allow execve"))
      let death = try run(
        profile(#"{"names": ["execve"], "action": "SCMP_ACT_KILL_PROCESS"}"#), "probe", "ids")
      #expect(death.status == 125)
      #expect(death.errors.contains("the seccomp profile must allow execve"))
    }

    @Test func foreignArchitecturesAreKilledByEveryProfile() throws {
      // getpid(2) by its number of x32.
      let result = try run(profile(""), "probe", "syscall", "0x40000027")
      #expect(result.status == 128 + SIGSYS)
    }

    @Test func unknownNamesAreSkippedWithOneLine() throws {
      let rules = #"{"names": ["frob", "mkdir", "no\u001bne", "frob"], "action": "SCMP_ACT_ERRNO"}"#
      let options = try profile(rules)
      // Compiled, and from the cache.
      for _ in 0..<2 {
        let result = try run(options, "probe", "mkdir", "/tmp/new")
        #expect(result["errno"] == "EPERM")
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("warning: the seccomp profile") == true)
        #expect(lines.first?.hasSuffix("skipped: 'frob', 'no\u{FFFD}ne'") == true)
      }
      let events = try run(options + ["--events", "-"], "true")
      #expect(events.output.contains(#""code":"seccomp-unknown-names""#))
    }

    @Test func aProfileThatCannotBeUsedIsAnErrorWithItsPlace() throws {
      let options = try profile(
        #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "#
          + #""op": "SCMP_CMP_IS"}]}"#)
      for verb in ["run", "print-plan"] {
        let result = try perform([verb, "--rootfs", Built.tiny] + options + ["--", "true"])
        #expect(result.status == 125)
        #expect(result.errors.contains("profile.json': syscalls[0].args[0].op: 'SCMP_CMP_IS' is"))
      }
      let missing = try run(["--seccomp", "/no/such"], "true")
      #expect(missing.status == 125)
      #expect(missing.errors.contains("the seccomp profile '/no/such' does not exist"))
    }

    @Test func aProfileOfDockersSizeAndFormIsTaken() throws {
      let file = Built.package.appending("seccomp/default.json").string
      let result = try run(["--seccomp", file], "probe", "try", "clone3")
      #expect(result["errno"] == "ENOSYS")
      #expect(result.errors.isEmpty)
    }

    @Test func thePlanSaysWhichProgramIsInstalled() throws {
      func plan(_ options: [String]) throws -> String {
        try perform(["print-plan", "--rootfs", Built.tiny] + options + ["--", "true"]).output
      }
      let named = try plan(profile(#"{\#(Self.mkdir), "action": "SCMP_ACT_ERRNO"}"#))
      #expect(named.contains("profile.json, "))
      #expect(!named.contains("the default for commands"))
      #expect(try plan(["--seccomp-log"]).contains("its listener sent over listener's socket"))
      let unconfined = try plan(["--seccomp", "unconfined"])
      #expect(unconfined.components(separatedBy: "seccomp: ").count == 2)  // that of PID 1
      #expect(unconfined.contains("warning: NO SECCOMP POLICY"))
    }

    // MARK: No policy

    @Test func unconfinedIsWithoutAFilterAndSaysSo() throws {
      let result = try run(["--seccomp", "unconfined"], "probe", "ids")
      #expect(result["Seccomp"] == "0")
      #expect(result["NoNewPrivs"] == "1")
      #expect(result.errors.contains("oneoff: warning: NO SECCOMP POLICY"))
      #expect(try !run([], "probe", "ids").errors.contains("NO SECCOMP POLICY"))
      // PID 1 is confined all the same, as soon as the command is there.
      let first = try shell(
        ["--seccomp", "unconfined"],
        onceFirstProcessIsConfined("grep '^Seccomp:' /proc/1/status"))
      #expect(first.output == "Seccomp:\t2\n")
    }

    @Test func thereIsNothingToLogWithoutAPolicy() throws {
      let result = try run(["--seccomp", "unconfined", "--seccomp-log"], "true")
      #expect(result.status == 125)
      #expect(result.errors.contains("no blocked calls to log"))
    }
  }
}
