import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// The same commands for an ordinary user, with one id and with ranges.
  @Suite(.requires(.tool("/usr/bin/setpriv"), .userNamespaces))
  struct RootlessTests {
    private func fields(_ result: Completion) -> [[String]] {
      result.lines.map { $0.split(separator: " ").map { String($0) } }
    }

    @Test func singleIDIsRootInsideAndNobodyElseIsThere() throws {
      let result = try OrdinaryUser.single.shell("cat /proc/self/uid_map /proc/self/gid_map")
      #expect(result.status == 0, "\(result.errors)")
      #expect(fields(result) == [["0", "0", "1"], ["0", "0", "1"]])
      #expect(try OrdinaryUser.single.run([], "probe", "ids")["uid"] == "0")
    }

    @Test func subordinateIDsAreTheOthersInside() throws {
      let result = try OrdinaryUser.subordinate.shell("cat /proc/self/uid_map /proc/self/gid_map")
      #expect(result.status == 0, "\(result.errors)")
      let map = [["0", "0", "1"], ["1", "1", "65535"]]
      #expect(fields(result) == map + map)
      let ids = try OrdinaryUser.subordinate.run(["--user", "33:44"], "probe", "ids")
      #expect(ids["uid"] == "33")
      #expect(ids["gid"] == "44")
      #expect(ids["groups"] == "44")
    }

    @Test func singleIDIsWhateverUserIsAskedFor() throws {
      let ids = try OrdinaryUser.single.run(["--user", "4000000:44"], "probe", "ids")
      #expect(ids["uid"] == "4000000")
      #expect(ids["gid"] == "44")
    }

    @Test(arguments: OrdinaryUser.allCases)
    func statusIsTheCommands(user: OrdinaryUser) throws {
      #expect(try user.run([], "probe", "exit", "7").end == .code(7))
      #expect(try user.run([], "probe", "kill-self", "9").status == 137)
      let missing = try user.run([], "no-such-command")
      #expect(missing.status == 127)
      #expect(missing.errors.contains("command not found: no-such-command"))
      #expect(try user.run([], "/etc/passwd").status == 126)
    }

    @Test(arguments: OrdinaryUser.allCases)
    func environmentIsWhatIsNamed(user: OrdinaryUser) throws {
      let result = try user.run(["--env", "GREETING=hello"], "env")
      #expect(result.lines.contains("GREETING=hello"))
      #expect(!result.output.contains("ONEOFF_RUNTIME_DIR"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func whatIsWrittenIsThrownAway(user: OrdinaryUser) throws {
      let rootfs = try OrdinaryUser.rootfs()
      let state = ["find", rootfs, "-printf", "%P %y %m %U:%G %s %T@\\n"]
      let before = try RunningProcess.output(state)
      // The last two need an attribute of the upper directory: what it covers must stay covered.
      let result = try user.shell(
        """
        echo new > /new; rm /etc/passwd; echo more >> /etc/group
        mkdir /home/below; rm -r /var /home; mkdir /home; ls -A /home
        """)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "")
      #expect(result.errors == "")
      #expect(try RunningProcess.output(state) == before)
    }

    @Test func directoryOfTheImageCanOnlyBeCopiedElsewhere() throws {
      let renamed = try OrdinaryUser.single.run([], "probe", "rename", "/home", "/house")
      #expect(renamed["errno"] == "EXDEV")
    }

    @Test(arguments: OrdinaryUser.allCases)
    func filesInVolumesAreTheCallers(user: OrdinaryUser) throws {
      let volume = try Workspace.current.make("files/volume", owner: OrdinaryUser.id)
      let result = try user.shell(
        ["--volume", "\(volume):/data"], "echo kept > /data/file; stat -c %u /data /data/file")
      #expect(result.lines == ["0", "0"], "\(result.errors)")
      let caller = "\(OrdinaryUser.id):\(OrdinaryUser.id)"
      #expect(try OrdinaryUser.owner(of: "\(volume)/file") == caller)
      #expect(try String(contentsOfFile: "\(volume)/file", encoding: .utf8) == "kept\n")
      let readOnly = try user.shell(["--volume", "\(volume):/data:ro"], "echo > /data/other")
      #expect(readOnly.errors.contains("Read-only file system"))
    }

    @Test func ownersInVolumesFollowTheIDs() throws {
      let volume = try Workspace.current.make("files/volume", mode: 0o777, owner: OrdinaryUser.id)
      let options = ["--user", "33:44", "--volume", "\(volume):/data"]
      let first = OrdinaryUser.firstSubordinateID
      #expect(try OrdinaryUser.subordinate.shell(options, "echo > /data/range").status == 0)
      #expect(try OrdinaryUser.owner(of: "\(volume)/range") == "\(first + 32):\(first + 43)")
      #expect(try OrdinaryUser.single.shell(options, "echo > /data/single").status == 0)
      #expect(
        try OrdinaryUser.owner(of: "\(volume)/single") == "\(OrdinaryUser.id):\(OrdinaryUser.id)")
    }

    @Test(arguments: OrdinaryUser.allCases)
    func terminalsOutputsAndDevicesCanBeUsed(user: OrdinaryUser) throws {
      let result = try user.shell(
        ["--user", "33"],
        """
        echo out > /dev/stdout; echo err > /dev/stderr; echo > /dev/null
        head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c
        echo x 2>&- > /dev/full || echo full; test -c /dev/pts/ptmx && echo pts
        test -w /dev/shm && cat < /dev/stdin
        """)
      #expect(result.lines == ["out", "3", "5", "full", "pts"], "\(result.errors)")
      #expect(result.errors.contains("err"))
      let nodes = try user.run([], "probe", "stat", "/dev/null", "/dev/full", "/dev/tty")
      #expect(nodes.all("type") == ["char", "char", "char"])
    }

    @Test(arguments: OrdinaryUser.allCases)
    func temporaryFileSystemsAreLimited(user: OrdinaryUser) throws {
      let result = try user.shell(
        ["--tmpfs", "/cache:1M", "--user", "33"],
        "for at in /cache /dev/shm; do echo hi > $at/file && echo $at; done; "
          + "head -c 3000000 /dev/zero > /cache/big || echo full")
      #expect(result.lines == ["/cache", "/dev/shm", "full"], "\(result.errors)")
    }

    @Test(.requires(.tmpfsUserAttributes), arguments: OrdinaryUser.allCases)
    func scratchIsLimited(user: OrdinaryUser) throws {
      let scratch = try user.shell(
        ["--scratch", "2M"], "head -c 3000000 /dev/zero > /big || stat -c %s /big")
      let written = try #require(scratch.lines.first.flatMap { Int($0) })
      #expect(written < 2 << 20)
    }

    @Test(arguments: OrdinaryUser.allCases)
    func hookRunsAsTheOwnerOfTheRelease(user: OrdinaryUser) throws {
      let app = Workspace.current.path.appending("files/app").string
      try RunningProcess.output(
        ["cp", "-r", Built.package.appending("rootfs-fixtures/hook-app").string, app])
      try RunningProcess.output(["chown", "-R", "\(OrdinaryUser.id):\(OrdinaryUser.id)", app])
      let state = ["find", app, "-printf", "%P %y %m %U:%G %s %T@\\n"]
      let before = try RunningProcess.output(state)
      let options = ["--rootfs", try OrdinaryUser.rootfs(), "--app-dir", app, "--app", "shop"]
      let result = try user.perform(["hook"] + options)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.lines.contains("       migrating as user 0 in /app"))
      #expect(result.lines.contains("       app: shop"))
      #expect(try RunningProcess.output(state) == before)
      let failed = try user.perform(["hook"] + options + ["--env", "DEMO_FAIL=1"])
      #expect(failed.end == .code(3))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func rootFileSystemCanBeTheMachines(user: OrdinaryUser) throws {
      let result = try user.perform(
        runArguments(
          [], rootfs: "/",
          command: [
            "sh", "-c",
            "id -u; rm /etc/shells; test -e /etc/shells || echo gone; ls -A /run /tmp; "
              + "head -n 1 /etc/passwd",
          ]))
      // With ranges the test has mounted files in /etc, so that it is put together from files.
      let second = user == .single ? "gone" : "/run:"
      #expect(result.lines.prefix(2) == ["0", second], "\(result.errors)")
      #expect(result.lines.contains("/tmp:"))
      #expect(result.lines.last?.hasPrefix(user == .single ? "root:" : "itest:") == true)
      #expect(FileManager.default.fileExists(atPath: "/etc/shells"))
    }

    @Test func machinesRootShowsNothingThatIsMountedOverOrApart() throws {
      // In a mount namespace of the test's: one directory covers a secret, another is split.
      let secret = Workspace.current.path.appending("files/secret").string
      try Workspace.current.write("secret/hidden", "x")
      let script = """
        mount --bind /srv "$0" && mount -t tmpfs none /opt && mkdir -p /opt/apart && exec "$@"
        """
      let result = try OrdinaryUser.single.perform(
        runArguments(
          [], rootfs: "/", command: ["sh", "-c", "ls -A '\(secret)' /opt; ls /usr/bin/env"]),
        behind: ["unshare", "--mount", "sh", "-c", script, secret])
      #expect(result.lines.contains("/usr/bin/env"), "\(result.errors)")
      #expect(!result.output.contains("hidden"))
      #expect(!result.output.contains("apart"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func whatBelongsToOthersIsSaidBeforehand(user: OrdinaryUser) throws {
      let volume = try Workspace.current.make("files/data", owner: 1)
      let rootfs = try OrdinaryUser.rootfs()
      let readOnly = try user.run(["--volume", "\(volume):/data:ro"], "true")
      #expect(readOnly.status == 0)
      #expect(readOnly.errors == "")
      let writable = try user.run(["--volume", "\(volume):/data"], "true")
      #expect(
        writable.errors.contains(
          "warning: the volume \(volume) does not belong to user \(OrdinaryUser.id)"))
      try RunningProcess.output(["chown", "1", "\(rootfs)/etc"])
      #expect(
        try user.run([], "true").errors.contains(
          "warning: the rootfs \(rootfs)/etc does not belong to user \(OrdinaryUser.id)"))
      let plan = try user.perform(["print-plan", "--rootfs", rootfs, "--", "true"])
      #expect(plan.output.contains("warning: the rootfs \(rootfs)/etc does not belong to"))
    }

    @Test(arguments: OrdinaryUser.allCases)
    func eventsAreInAFileOfTheCallers(user: OrdinaryUser) throws {
      let directory = try Workspace.current.make("files/events", owner: OrdinaryUser.id)
      let result = try user.run(["--events", "\(directory)/log"], "probe", "exit", "3")
      #expect(result.status == 3, "\(result.errors)")
      let text = try String(contentsOfFile: "\(directory)/log", encoding: .utf8)
      #expect(text.contains("\"event\":\"finished\""))
      #expect(
        try OrdinaryUser.owner(of: "\(directory)/log") == "\(OrdinaryUser.id):\(OrdinaryUser.id)")
    }
  }
}
