import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What each process of a run may have, and how it stands beside others.
  @Suite struct ProcessLimitTests {
    @Test func limitsHoldExactly() throws {
      let limits = try run(
        [
          "--ulimit", "nofile=100:200", "--ulimit", "core=1M:unlimited", "--ulimit", "cpu=60",
          "--ulimit", "as=4G", "--ulimit", "stack=4M:16M",
        ], "probe", "rlimits")
      #expect([limits["nofile_soft"], limits["nofile_hard"]] == ["100", "200"])
      #expect([limits["core_soft"], limits["core_hard"]] == ["1048576", "unlimited"])
      #expect([limits["cpu_soft"], limits["cpu_hard"]] == ["60", "60"])
      #expect([limits["as_soft"], limits["as_hard"]] == ["4294967296", "4294967296"])
      #expect([limits["stack_soft"], limits["stack_hard"]] == ["4194304", "16777216"])
      #expect([limits["sigpending_soft"], limits["sigpending_hard"]] == ["4096", "4096"])
      #expect(limits["nproc_hard"] == "4096")
    }

    /// Root raises what its caller has limited; others are told that they cannot.
    @Test func hardLimitAboveTheCallersNeedsTheCapability() throws {
      let lowered = ["sh", "-c", "ulimit -n 512; exec \"$@\"", "sh"]
      if try Capabilities.thisProcessHas(Capabilities.resource) {
        let raised = try run(
          ["--ulimit", "nofile=600:700"], wrapper: lowered, "probe", "rlimits")
        #expect([raised["nofile_soft"], raised["nofile_hard"]] == ["600", "700"])
      }
      // The soft one may be raised by anybody, as far as the hard one.
      let soft = ["sh", "-c", "ulimit -Sn 64; exec \"$@\"", "sh"]
      let within = try run(["--ulimit", "nofile=300:400"], wrapper: soft, "probe", "rlimits")
      #expect([within["nofile_soft"], within["nofile_hard"]] == ["300", "400"])
      let bounded =
        lowered + ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
      let refused = try run(["--ulimit", "nofile=600:700"], wrapper: bounded, "true")
      #expect(refused.end == .code(125))
      #expect(
        refused.errors.contains(
          "setrlimit(2) to raise the limit nofile from 512 to 700: EPERM"), "\(refused.errors)")
      #expect(refused.errors.contains("hint: yours is lower"))
    }

    @Test func limitEndsWhatGoesBeyondIt() throws {
      let loop = try run(["--ulimit", "cpu=1"], "sh", "-c", "while :; do :; done")
      // SIGXCPU, or SIGKILL where the hard limit came first.
      #expect([.code(128 + SIGXCPU), .code(128 + SIGKILL)].contains(loop.end), "\(loop.end)")
      let file = try run(
        ["--ulimit", "fsize=1000"], "sh", "-c", "head -c 2000 /dev/zero >/tmp/x; stat -c %s /tmp/x")
      #expect(file.output == "1000\n")
    }

    @Test func limitThatLetsNothingStartIsNamed() throws {
      let files = try run(["--ulimit", "nofile=0"], "true")
      #expect(files.status == 126)
      #expect(files.errors.contains("EMFILE"), "\(files.errors)")
      #expect(
        files.errors.contains("hint: the limit on open files lets nothing be executed: --ulimit"))
      let memory = try run(["--ulimit", "as=64K"], "true")
      #expect(memory.status == 139)
      #expect(
        memory.errors.contains("(SIGSEGV), maybe because of --ulimit as"), "\(memory.errors)")
    }

    private func standing(_ options: [String], wrapper: [String] = []) throws -> Completion {
      try run(
        options, wrapper: wrapper, "sh", "-c",
        "cut -d' ' -f19 /proc/self/stat /proc/1/stat; cat /proc/self/oom_score_adj "
          + "/proc/1/oom_score_adj")
    }

    @Test func nicenessIsTheCommandsAndALowerOneAlsoThatOfPID1() throws {
      let polite = ["nice", "-n", "7"]
      #expect(try standing(["--nice", "5"]).lines.prefix(2) == ["5", "0"])
      #expect(try standing([], wrapper: polite).lines.prefix(2) == ["7", "7"])
      #expect(try standing(["--nice", "19"], wrapper: polite).lines.prefix(2) == ["19", "7"])
      #expect(try standing(["--nice", "-3"]).lines.prefix(2) == ["-3", "-3"])
      #expect(try standing(["--nice", "0"], wrapper: polite).lines.prefix(2) == ["0", "0"])
    }

    @Test func oomScoreIsThatOfTheWholeRun() throws {
      #expect(try standing(["--oom-score-adj", "700"]).lines.suffix(2) == ["700", "700"])
      let lower = try standing(["--oom-score-adj", "-500"])
      if try Capabilities.thisProcessHas(Capabilities.resource) {
        #expect(lower.lines.suffix(2) == ["-500", "-500"])
      } else {
        #expect(lower.end == .code(125))
      }
    }

    @Test(arguments: [
      (["--nice", "-1"], "-sys_nice", "setpriority(2) to niceness -1: EACCES"),
      (
        ["--oom-score-adj", "-1000"], "-sys_resource",
        "write(2) to OOM score adjustment -1000: EACCES"
      ),
    ])
    func whatTakesACapabilityIsRefusedWithoutIt(
      options: [String], capability: String, error: String
    ) throws {
      let wrapper = ["setpriv", "--bounding-set=\(capability)", "--inh-caps=\(capability)"]
      let result = try run(options, wrapper: wrapper, "true")
      #expect(result.end == .code(125))
      #expect(result.errors.contains(error), "\(result.errors)")
      #expect(result.errors.contains("hint: yours is higher"))
    }
  }
}

/// Whether this machine's root has CAP_SYS_RESOURCE: in some virtual machines it has not.
func hasResourceCapability() throws -> Bool {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
  let digits = line.split(separator: "\t").last.map { String($0) } ?? ""
  return try #require(UInt64(digits, radix: 16)) >> 24 & 1 == 1
}
