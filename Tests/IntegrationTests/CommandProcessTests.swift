import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What the command's process is when the command begins.
  @Suite struct CommandProcessTests {
    /// Starts the program with what a careless caller leaves: ignored signals, open descriptors.
    static let careless = [
      "sh", "-c", "trap '' HUP PIPE TERM; exec 5</etc/passwd 9>/dev/null; exec \"$@\"", "sh",
    ]

    @Test(arguments: [[], careless])
    func confinementIsWhole(wrapper: [String]) throws {
      let ids = try run(["--user", "33"], wrapper: wrapper, "probe", "ids")
      expect(ids, everySetIs: Capabilities.none)
      for signals in ["SigBlk", "SigIgn", "SigCgt"] {
        #expect(ids[signals] == "0000000000000000", "\(signals)")
      }
      #expect(ids["NoNewPrivs"] == "1")
      #expect(ids["Seccomp"] == "2")
      #expect(ids["Seccomp_filters"] == "1")
      #expect(ids["Umask"] == "0022")
    }

    @Test func umaskOfTheCallerIsNotInherited() throws {
      let wrapper = ["sh", "-c", "umask 077; exec \"$@\"", "sh"]
      #expect(try run([], wrapper: wrapper, "probe", "ids")["Umask"] == "0022")
      #expect(try run([], wrapper: wrapper, "probe", "stat", "/dev/null")["mode"] == "0666")
      #expect(try run([], wrapper: wrapper, "probe", "stat", "/etc/hosts")["mode"] == "0644")
    }

    @Test func rootHasNoCapabilityEither() throws {
      let ids = try run([], "probe", "ids")
      #expect(ids["uid"] == "0")
      expect(ids, everySetIs: Capabilities.none)
    }

    @Test(arguments: [
      ("0", "0", "0", "0"), ("app", "1000", "1000", "1000"), ("33:2001", "33", "2001", "2001"),
      ("multi", "1001", "1001", "33,1001,2001,2002"), ("4242", "4242", "4242", ""),
      ("www-data:logs", "33", "2001", "2001"),
    ])
    func userAndGroupsAreThoseOfTheImage(
      user: String, uid: String, gid: String, groups: String
    ) throws {
      // The caller's own supplementary groups must not stay.
      let wrapper = ["setpriv", "--groups", "4,20,24"]
      let ids = try run(["--user", user], wrapper: wrapper, "probe", "ids")
      for key in ["uid", "euid", "suid"] { #expect(ids[key] == uid, "\(key)") }
      for key in ["egid", "sgid"] where user != "4242" { #expect(ids[key] == gid, "\(key)") }
      let given = Set((ids["groups"] ?? "?").split(separator: ",").map { String($0) })
      let expected = Set(groups.split(separator: ",").map { String($0) })
      // The primary group may or may not be listed as a supplementary one too.
      #expect(given.subtracting([ids["gid"] ?? ""]) == expected.subtracting([ids["gid"] ?? ""]))
    }

    @Test func processLeadsASessionWithoutATerminal() throws {
      let session = try run([], "probe", "session")
      #expect(session["pid"] == "2")
      #expect(session["ppid"] == "1")
      #expect(session["sid"] == "2")
      #expect(session["pgid"] == "2")
      #expect(session["tty"] == "none")
    }

    @Test func terminalOfTheCallerIsNotTheCommands() throws {
      // script(1) gives the program a controlling terminal.
      let command = ([Built.program] + runArguments([], command: ["probe", "session"]))
        .joined(separator: " ")
      let output = try RunningProcess.output(["script", "-qec", command, "/dev/null"])
      #expect(output.contains("tty=none"))
      #expect(output.contains("sid=2"))
    }

    @Test(arguments: [[], careless])
    func onlyThreeDescriptorsAreOpen(wrapper: [String]) throws {
      let result = try run([], wrapper: wrapper, "probe", "fds")
      #expect(result.lines.map { $0.prefix(4) } == ["fd0=", "fd1=", "fd2="])
    }

    @Test func standardInputIsTheContainersNullDevice() throws {
      let result = try run([], "probe", "stdin")
      #expect(result["link"] == "/dev/null")
      #expect(result["eof"] == "1")
      #expect([result["major"], result["minor"]] == ["1", "3"])
    }

    @Test func workingDirectoryIsTheRootOrTheChosenOne() throws {
      #expect(try run([], "probe", "cwd")["cwd"] == "/")
      #expect(try run(["--workdir", "/home/app"], "probe", "cwd")["cwd"] == "/home/app")
    }

    @Test(arguments: [[], ["--user", "app"]])
    func standardStreamsCanBeOpenedAgain(options: [String]) throws {
      let result = try shell(options, "echo out >/dev/stdout && echo err >/dev/stderr")
      #expect(result.status == 0)
      #expect(result.output == "out\n")
      #expect(result.errors == "err\n")
    }

    @Test func coreDumpsAreOff() throws {
      let limits = try run(
        [], wrapper: ["sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh"],
        "probe", "rlimits")
      #expect(limits["core_soft"] == "1")
      #expect(limits["core_hard"] == "1")
    }

    @Test func sessionKeyringIsNew() throws {
      // keyctl is blocked inside; the kernel's list says whose keyrings there are.
      let process = try start(
        runArguments(["--id", "keys"], command: ["probe", "sleep", "60"]),
        stdout: .standardError, stderr: .standardError)
      defer {
        process.send(SIGTERM)
        _ = try? process.wait()
      }
      let command = try commandProcess(of: process)
      let uid = try String(contentsOfFile: "/proc/\(command)/status", encoding: .utf8)
        .split(separator: "\n").first { $0.hasPrefix("Uid:") }.map { $0.split(separator: "\t")[1] }
      let users = try String(contentsOfFile: "/proc/key-users", encoding: .utf8)
        .split(separator: "\n").map { $0.drop { $0 == " " } }
      let entry = try #require(users.first { $0.hasPrefix("\(uid ?? "?"):") })
      #expect(entry.split(separator: " ")[2] == "1/1")
    }

    @Test func environmentIsWhatWasGivenAndNothingOfTheCallers() throws {
      let result = try run(
        ["--env", "A=1 2", "--env", "PASSED", "--env", "ABSENT"],
        environment: ["SECRET": "x", "PASSED": "on"], "probe", "env")
      let variables = Set(result.lines)
      #expect(
        variables == [
          "env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "env A=1 2", "env PASSED=on", "env HOME=/root",
        ])
    }

    @Test func argumentsArriveByteForByte() throws {
      let result = try run([], "probe", "args", "", " a  b ", "ä\n", "--", "$HOME", "-x")
      #expect(
        result.lines == [
          "arg0=", "arg1=206120206220", "arg2=c3a40a", "arg3=2d2d", "arg4=24484f4d45", "arg5=2d78",
        ])
    }
  }
}

/// The command's process id on the host, once the command was executed.
func commandProcess(of supervisor: RunningProcess) throws -> Int {
  var found: Int?
  try waitUntil {
    let first = children(of: Int(supervisor.pid)).first
    found = first.flatMap { children(of: $0).first }
    guard let found else { return false }
    let name = try? String(contentsOfFile: "/proc/\(found)/comm", encoding: .utf8)
    return name != nil && name?.hasPrefix("oneoff") == false
  }
  return try #require(found)
}

/// The child processes of a process with one thread.
func children(of process: Int) -> [Int] {
  let text = try? String(
    contentsOfFile: "/proc/\(process)/task/\(process)/children",
    encoding: .utf8)
  return (text ?? "").split(separator: " ").compactMap { Int($0) }
}
