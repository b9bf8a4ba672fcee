import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

/// What the tests of limits read of a result.
struct LimitedResult: Decodable {
  struct Exit: Decodable, Equatable {
    var code: Int?
    var signal: Int?
  }

  struct Usage: Decodable {
    var cpu_user_us: Int?
    var cpu_system_us: Int?
    var cpu_throttled_us: Int?
    var memory_peak_bytes: Int?
    var processes_peak: Int?
    var oom_kills: Int?
  }

  struct Limits: Decodable {
    var memory_bytes: Int?
    var memory_swap_bytes: Int?
    var cpus: Double?
    var cpu_weight: Int?
    var cpuset: String?
    var pids: Int?
    var scratch_bytes: Int?
  }

  var status: Int
  var reason: String
  var exit: Exit?
  var usage: Usage?
  var limits: Limits?
  var limits_hit: [String]?
}

/// Runs a command with options, and reads the result from its events.
func limited(
  _ options: [String], rootfs: String = Built.tiny, _ command: String...
) throws -> (completion: Completion, result: LimitedResult) {
  let events = Workspace.current.path.appending("files/events-\(UInt32.random(in: 0 ... .max))")
  let completion = try perform(
    runArguments(options + ["--events", events.string], rootfs: rootfs, command: command))
  let text = try String(contentsOfFile: events.string, encoding: .utf8)
  let result = try decodedResult(ofEvents: text, as: LimitedResult.self)
  return (completion, try #require(result, "\(completion.errors)"))
}

extension IntegrationTests {
  /// What a run that goes too far comes to. The same on cgroup v1 and v2.
  @Suite(.requires(.controllers)) struct LimitTests {
    private static let memory = 64 << 20

    // MARK: Memory

    @Test func memoryBombInTheCommandIsKilled() throws {
      let (completion, result) = try limited(
        ["--memory", "64M"], "probe", "memory", "200000000", "0")
      #expect(completion.status == 137)
      #expect(result.reason == "out-of-memory")
      #expect(result.exit == .init(signal: 9))
      #expect(result.limits_hit == ["memory"])
      #expect(result.usage?.oom_kills == 1)
      #expect(result.limits?.memory_bytes == Self.memory)
      #expect(result.limits?.memory_swap_bytes == Self.memory)
      let peak = try #require(result.usage?.memory_peak_bytes)
      #expect((Self.memory - (4 << 20)...Self.memory).contains(peak), "\(peak)")
      // The same without the limit is no bomb.
      #expect(try run([], "probe", "memory", "200000000", "0").status == 0)
    }

    @Test func memoryBombInAChildExplainsTheFailureOfTheCommand() throws {
      let script = "probe memory 200000000 0; exit 3"
      let (completion, result) = try limited(["--memory", "64M"], "sh", "-c", script)
      #expect(completion.status == 3)
      #expect(result.reason == "out-of-memory")
      #expect(result.exit == .init(code: 3))
      #expect(result.limits_hit == ["memory"])
    }

    @Test func commandThatSucceedsAllTheSameHasCompleted() throws {
      let script = "probe memory 200000000 0; exit 0"
      let (completion, result) = try limited(["--memory", "64M"], "sh", "-c", script)
      #expect(completion.status == 0)
      #expect(result.reason == "completed")
      #expect(result.limits_hit == ["memory"])
      #expect(result.usage?.oom_kills == 1)
    }

    @Test func failureWithinTheMemoryIsAnOrdinaryOne() throws {
      let (_, result) = try limited(
        ["--memory", "64M"], "sh", "-c", "probe memory 20000000 0; kill -9 $$")
      #expect(result.reason == "signaled")
      #expect(result.limits_hit == [])
      #expect(result.usage?.oom_kills == 0)
    }

    @Test(arguments: [["/x"], ["/dev/shm/x"], ["/cache/x"]])
    func filesInMemoryCount(_ path: [String]) throws {
      let (_, result) = try limited(
        ["--memory", "64M", "--tmpfs", "/cache:256M", "--scratch", "256M"], "sh", "-c",
        // What shared memory holds alone is less than the limit.
        "probe fill /dev/shm/y 60000000 >/dev/null; probe fill \(path[0]) 200000000; exit 7")
      #expect(result.reason == "out-of-memory")
      #expect(result.limits_hit == ["memory"])
    }

    @Test func firstProcessIsSparedAndReportsHowTheCommandEnded() throws {
      // What is over the limit belongs to no process: the kernel kills one after the other.
      let script = """

        probe fill /x 60000000
        while :; do probe memory 60000000 0; probe fill /y 20000000; done
        """

      let (completion, result) = try limited(
        ["--memory", "64M", "--scratch", "256M"], "sh", "-c", script)
      #expect(completion.status == 137)
      #expect(result.reason == "out-of-memory")
      #expect(try #require(result.usage?.oom_kills) >= 1)
      // Root may lack the capability that it takes, in a container.
      if try Capabilities.thisProcessHas(Capabilities.resource) {
        #expect(result.usage?.cpu_user_us != nil)
      }
    }

    @Test func pageCacheIsGivenBackAndNobodyIsKilled() throws {
      let directory = try Workspace.current.make("files/data", mode: 0o777)
      let script = "probe fill /data/x 150000000 && cat /data/x | wc -c"
      let (completion, result) = try limited(
        ["--memory", "64M", "--volume", "\(directory):/data"], "sh", "-c", script)
      #expect(completion.lines.last?.filter(\.isNumber) == "150000000", "\(completion.errors)")
      #expect(result.reason == "completed")
      #expect(result.limits_hit == [])
      #expect(try #require(result.usage?.memory_peak_bytes) <= Self.memory)
    }

    @Test func memoryThatDoesNotSufficeForTheStartSaysSo() throws {
      let (_, result) = try limited(["--memory", "4M"], "true")
      #expect(result.status == 0)
      let refused = try run(["--memory", "1M"], "true")
      #expect(refused.status == 125)
      #expect(refused.errors.contains("1M of memory is too little"))
    }

    // MARK: Processes

    @Test func processesAreCountedWithoutPID1() throws {
      let (completion, result) = try limited(["--pids", "50"], "probe", "forkbomb-count", "100")
      #expect(completion["forked"] == "49")
      #expect(completion["errno"] == "EAGAIN")
      #expect(result.limits_hit == ["pids"])
      #expect(result.limits?.pids == 50)
      if let peak = result.usage?.processes_peak { #expect(peak == 50) }
      #expect(result.reason == "completed")
    }

    @Test func moreProcessesThanTheDefaultCanBeHad() throws {
      let (completion, result) = try limited(["--pids", "4200"], "probe", "forkbomb-count", "4150")
      #expect(completion["forked"] == "4150", "\(completion.output)")
      #expect(result.limits_hit == [])
    }

    // MARK: Processors

    @Test func endlessLoopGetsItsShareOfTheTime() throws {
      let (_, result) = try limited(
        ["--cpus", "0.2"], "sh", "-c", "timeout 2 sh -c 'while :; do :; done'; exit 5")
      let usage = try #require(result.usage)
      let used = try #require(usage.cpu_user_us) + #require(usage.cpu_system_us)
      // 0.4 s in 2 s, and what PID 1 took before.
      #expect((100_000...700_000).contains(used), "\(used)")
      #expect(try #require(usage.cpu_throttled_us) > 500_000)
      #expect(result.limits?.cpus == 0.2)
      #expect(result.exit == .init(code: 5))
    }

    @Test func onlyTheNamedProcessorsAreUsed() throws {
      let (completion, result) = try limited(
        ["--cpuset", "0"], "grep", "Cpus_allowed_list", "/proc/self/status")
      #expect(completion.output == "Cpus_allowed_list:\t0\n")
      #expect(result.limits?.cpuset == "0")
      let refused = try run(["--cpuset", "60000"], "true")
      #expect(refused.status == 125)
      #expect(refused.errors.contains("hint: this host, or the cgroup around it, does not have"))
    }

    @Test func aSizeIsASetOfLimits() throws {
      let (_, result) = try limited(["--size", "s", "--pids", "99"], "true")
      let limits = try #require(result.limits)
      #expect(limits.memory_bytes == 256 << 20)
      #expect(limits.cpu_weight == 50)
      #expect(limits.pids == 99)
      #expect(result.limits_hit == [])
    }

    // MARK: The host

    @Test(.requires(.realProcessor)) func hostStaysResponsive() throws {
      let idle = try latency()
      let output = try FileDescriptor.unnamedFile()
      defer { try? output.close() }
      let bomb = try start(
        runArguments(
          ["--size", "S", "--pids", "64", "--cpus", "1", "--grace", "0s"],
          command: [
            "sh", "-c",
            "b() { b | b & }; b; while :; do probe memory 1000000000 0 >/dev/null & done",
          ]), stdout: output, stderr: output)
      usleep(300_000)
      let loaded = try latency()
      bomb.send(SIGTERM)
      _ = try bomb.wait()
      print("a process of the host took \(idle) alone, \(loaded) beside a bomb (median, longest)")
      #expect(loaded.longest < .seconds(1))
      #expect(loaded.median < .milliseconds(100))
    }

    /// How long the host takes to start a process and see it end.
    private func latency() throws -> (median: Duration, longest: Duration) {
      var times: [Duration] = []
      for _ in 0..<50 {
        let start = ContinuousClock.now
        _ = try RunningProcess.quiet(["true"]).wait()
        times.append(ContinuousClock.now - start)
        usleep(5000)
      }
      times.sort()
      return (times[times.count / 2], try #require(times.last))
    }

    /// `ONEOFF_LIMITED_RUNS=1000` makes the run that the project promises.
    @Test func manyLimitedRunsLeaveNoCgroup() throws {
      let count = Int(repetitions("ONEOFF_LIMITED_RUNS", usually: 50, atLeast: 10))
      let before = HostSnapshot.cgroupNames()
      let limits = ["--memory", "64M", "--pids", "16"]
      for index in 0..<count {
        let status = index % 7
        #expect(try run(limits, "probe", "exit", "\(status)").status == Int32(status))
      }
      let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
      defer { try? null.close() }
      let together = try (0..<(count / 5)).map { index in
        try start(
          runArguments(limits, command: ["sh", "-c", "sleep 2; exit \(index % 7)"]),
          stdout: null, stderr: null)
      }
      for (index, process) in together.enumerated() {
        #expect(try process.wait(.seconds(120)) == .code(Int32(index % 7)))
      }
      #expect(HostSnapshot.cgroupNames().subtracting(before) == [])
    }

    @Test func garbageCollectionRemovesTheCgroupsOfAKilledSupervisor() throws {
      let null = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly, options: .closeOnExec)
      defer { try? null.close() }
      let before = HostSnapshot.cgroupNames()
      let mark = "4713.\(getpid())"
      let process = try start(
        runArguments(["--memory", "64M", "--pids", "9"], command: ["probe", "sleep", mark]),
        stdout: null, stderr: null)
      _ = try commandProcess(of: process)
      let live = try perform(["gc"])
      #expect(live.output == "0 leftovers removed\n0 records removed\n", "\(live.errors)")
      process.send(SIGKILL)
      _ = try process.wait()
      try waitUntil { !HostSnapshot.cgroupNames().subtracting(before).isEmpty }
      try waitUntil { try perform(["gc"]).output != "0 leftovers removed\n0 records removed\n" }
      #expect(HostSnapshot.cgroupNames().subtracting(before) == [])
    }

    // MARK: What cannot be enforced

    @Test func aLimitAboveTheHostsIsRemarkedUponWithBothNumbers() throws {
      let result = try run(["--memory", "512T", "--cpus", "999"], "true")
      #expect(result.status == 0)
      #expect(result.errors.contains("warning: --memory 512T is more than this host has: "))
      #expect(result.errors.contains("warning: --cpus 999 is more than this host has: "))
    }

    /// As on a host with v1 that lacks the controllers, and on one without any cgroups.
    @Test(.requires(.tool("/usr/bin/unshare")), arguments: ["tmpfs", "ramfs"])
    func withoutTheControllerALimitIsAnError(fileSystem: String) throws {
      let hidden = [
        "unshare", "--mount", "--propagation", "private", "sh", "-c",
        "mount -t \(fileSystem) none /sys/fs/cgroup && exec \"$@\"", "sh",
      ]
      for (option, value, controller) in [
        ("--memory", "64M", "memory"), ("--pids", "9", "pids"), ("--cpus", "1", "cpu"),
        ("--cpu-weight", "9", "cpu"), ("--cpuset", "0", "cpuset"),
        ("--io-max", "/dev/vda:rbps=1M", "io"),
      ] {
        let result = try run([option, value], wrapper: hidden, "true")
        #expect(result.status == 125)
        #expect(
          result.errors.contains("\(option) needs the cgroup controller '\(controller)'"),
          "\(result.errors)")
        #expect(result.errors.contains("hint: leave the limit out"))
      }
      #expect(try run([], wrapper: hidden, "true").status == 0)
    }

    @Test(.requires(.tool("/usr/bin/setpriv"), .userNamespaces), arguments: OrdinaryUser.allCases)
    func withoutRootItTakesDelegation(user: OrdinaryUser) throws {
      let result = try user.run(["--memory", "64M", "--pids", "9"], "true")
      #expect(result.status == 125)
      #expect(
        result.errors.contains(
          "--memory, --pids: without root, a limit needs a cgroup (v2) that was delegated"),
        "\(result.errors)")
      #expect(result.errors.contains("hint: leave it out, or systemd-run"))
    }
  }
}
