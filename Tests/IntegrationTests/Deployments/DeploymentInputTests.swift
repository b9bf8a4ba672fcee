import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What a deployment cannot be done with: a clear sentence, and nothing begun.
  @Suite struct DeploymentInputTests {
    private let shop = Shop()

    /// What is refused before anything begins leaves no trace.
    private func expectRefused(
      _ done: Completion, _ text: String, _ location: SourceLocation = #_sourceLocation
    ) {
      #expect(done.end == .code(125), "\(done.output)", sourceLocation: location)
      #expect(done.errors.contains(text), "\(done.errors)", sourceLocation: location)
      #expect(done.errors.contains("\nhint: "), "\(done.errors)", sourceLocation: location)
      #expect(shop.calls == [], sourceLocation: location)
      #expect(
        HostSnapshot.entries(shop.kept.appending("deployments").string) == [],
        sourceLocation: location)
      #expect(shop.current == nil, sourceLocation: location)
    }

    @Test func releaseThatWasNotPutTogether() throws {
      try Workspace.current.make("files/releases/v1")
      expectRefused(try shop.deploy("v1"), "Procfile' does not exist")
      try Workspace.current.write("releases/v1/Procfile", "\n\n")
      expectRefused(try shop.deploy("v1"), "is empty")
      try Workspace.current.write("releases/v1/Procfile", "postdeploy rake\n")
      expectRefused(try shop.deploy("v1"), "Procfile:1:11: expected ':'")
      try Workspace.current.write("releases/v1/Procfile", "Postdeploy: rake\n")
      expectRefused(try shop.deploy("v1"), "the entry is named 'Postdeploy', not 'postdeploy'")
      try Workspace.current.write("releases/v1/Procfile", "web: x\n")
      for (manifest, text) in [
        ("no", "is not JSON"), (String(repeating: "{", count: 1_000_000), "is not JSON"),
        (String(repeating: "{", count: 10_000_000), "is larger than"),
        (#"{"scripts": {"postdeploy": 3}}"#, "scripts.postdeploy"),
        (#"{"env": {"NAME": {"required": true}}}"#, "NAME"),
      ] {
        try Workspace.current.write("releases/v1/app.json", manifest)
        expectRefused(try shop.deploy("v1"), text)
      }
    }

    @Test(arguments: [
      ("--app", "a/b", "cannot be the name of an app"), ("--app", "..", "cannot be the name"),
      ("--app", String(repeating: "a", count: 200), "cannot be the name of an app"),
      ("--release", "../v1", "cannot be the version of a release"),
      ("--release", "", "cannot be the version"), ("--ready", "tcp:db.example:80", "give numbers"),
      ("--ready", "soon", "does not say when"), ("--boot", "", "the command is empty"),
      ("--command-timeout", "0s", "leaves no time"), ("--wait", "soon", "is not a time"),
      ("--env-file", "/nowhere", "does not exist"), ("--config", "/nowhere", "does not exist"),
      ("--notify", "ftp://x", "no URL of http"), ("--github", "a", "no repository of GitHub's"),
      ("--github-deployment", "0", "not the number"), ("--github", "a/b", "--github-deployment"),
    ]) func option(name: String, value: String, text: String) throws {
      try shop.release("v1")
      expectRefused(try shop.deploy("v1", [name, value]), text)
    }

    @Test func whatIsMissing() throws {
      try shop.release("v1")
      let needed = ["--app", "shop", "--release", "v1", "--rootfs", Built.tiny]
      for (left, text) in [
        ("--app", "there is no app"), ("--release", "there is no release"),
        ("--rootfs", "there is no root file system"),
      ] {
        var options = needed + ["--app-dir", shop.directory(of: "v1")]
        let index = try #require(options.firstIndex(of: left))
        options.removeSubrange(index...(index + 1))
        expectRefused(try perform(["deploy"] + options), text)
      }
      expectRefused(try perform(["deploy"] + needed), "there is no app")
      expectRefused(
        try shop.deploy("v1", ["--github", "a/b", "--github-deployment", "1"]), "takes a token")
    }

    // MARK: Options in a file

    @Test func optionsMayStandInAFile() throws {
      try shop.release("v1")
      let file = try Workspace.current.write(
        "deploy.json",
        """
        // Everything but the release.
        {
          app: "shop", "rootfs": "\(Built.tiny)", "boot": "exit 9",
          "env": ["A=1", "B=2"], "ready-timeout": 5, "once": true, "quiet": false,
        }
        """)
      try shop.release("v1", hook: "echo $A $B $C")
      let arguments = [
        "deploy", "--config", file, "--release", "v1", "--app-dir", shop.directory(of: "v1"),
        "--boot", "true", "--env", "C=3",
      ]
      let done = try perform(arguments)
      #expect(done.end == .code(0), "\(done.errors)")
      #expect(done.written == ["1 2 3"])
      // What is mended there is mended for a retry.
      try shop.release("v2", hook: "echo $A; exit ${X:-1}")
      let broken = try perform([
        "deploy", "--config", file, "--release", "v2", "--app-dir", shop.directory(of: "v2"),
        "--boot", "true",
      ])
      #expect(broken.end != .code(0))
      try Workspace.current.write(
        "deploy.json", #"{"app": "shop", "rootfs": "\#(Built.tiny)", "env": ["A=9", "X=0"]}"#)
      let mended = try perform(["retry", "--app", "shop"])
      #expect(mended.end == .code(0), "\(mended.errors)")
      #expect(mended.written == ["9"])
    }

    @Test func fileOfOptionsThatIsNoGood() throws {
      try shop.release("v1")
      for (text, error) in [
        ("[]", "it is no JSON object"), ("{", "it is not JSON"),
        (String(repeating: "{", count: 1_000_000), "it is not JSON"),
        (String(repeating: "{", count: 10_000_000), "is larger than"),
        (#"{"boot": {"x": 1}}"#, "boot: expected a text"),
        (#"{"env": ["A=1", null]}"#, "env.[1]: expected a text"),
        (#"{"bot": "true"}"#, "has no option '--bot'"), (#"{"timeout": "soon"}"#, "is not a time"),
        (#"{"config": "x"}"#, "cannot name another"), (#"{"help": true}"#, "no option '--help'"),
        (#"{"once": "false"}"#, "once: expected true or false"),
        (#"{"once": 1}"#, "once: expected true or false"),
        (#"{"boot": ["true", "false"]}"#, "boot: expected a text or a number"),
        (#"{"boot": false}"#, "boot: expected a text or a number"),
        (#"{"env": [true]}"#, "env: expected a text"),
      ] {
        let file = try Workspace.current.write("deploy.json", text)
        let done = try shop.deploy("v1", ["--config", file])
        expectRefused(done, error)
        #expect(done.errors.contains("deploy.json"))
      }
    }

    // MARK: Files that change or cannot be written

    @Test func releaseThatVanishesMeanwhile() throws {
      try shop.goLive("v1")
      try shop.release("v2")
      let done = try shop.deploy("v2", steps: ["boot": "rm -r $ONEOFF_APP_DIR"])
      #expect(done.end == .code(125))
      #expect(done.output.contains("\(shop.directory(of: "v2")) was replaced or removed meanwhile"))
      #expect(try shop.state() == "aborted")
      #expect(shop.calls == ["boot v2", "abandon v2"])
      #expect(shop.current == "v1")
    }

    /// A link in the release's place would show the hook what it leads to.
    @Test func releaseThatIsReplacedMeanwhile() throws {
      let directory = try shop.release("v1", hook: "cat shadow")
      let done = try shop.deploy(
        "v1", steps: ["boot": "mv \(directory) \(directory).old; ln -s /etc \(directory)"])
      #expect(done.end == .code(125))
      #expect(!done.output.contains("root:"))
      #expect(try shop.state() == "aborted")
      #expect(shop.current == nil)
    }

    /// Between the hook and the switch there need not be another step.
    @Test func releaseThatIsReplacedByTheTimeOfTheSwitch() throws {
      try shop.goLive("v1")
      let directory = try shop.release("v2", hook: "read x < /gate")
      let gate = Workspace.current.path.appending("files/gate").string
      try RunningProcess.output(["mkfifo", "-m", "666", gate])
      let process = try RunningProcess.quiet([
        Built.program, "deploy", "--app", "shop", "--release", "v2", "--rootfs", Built.tiny,
        "--app-dir", directory, "--volume", "\(gate):/gate",
      ])
      let replace = "mv \(directory) \(directory).old && mkdir \(directory)"
      // Opening it waits for the hook to be there.
      try RunningProcess.output(["sh", "-c", "exec 5>\(gate) && \(replace) && echo >&5"])
      #expect(try process.wait() == .code(125))
      #expect(shop.current == "v1")
      #expect(try shop.state() == "aborted")
    }

    @Test(arguments: ["postdeplyo", "releese"]) func slipOfAPhaseIsRemarkedUpon(
      name: String
    ) throws {
      try shop.release("v1", hook: nil, more: "\(name): echo migrated\n")
      let done = try shop.deploy("v1")
      #expect(done.end == .code(0), "\(done.errors)")
      #expect(done.output.contains("Its entry '\(name)' may be a slip of '"))
    }

    /// Nor is it one that oneoff itself opens.
    @Test(arguments: 3...9) func eventsNeedADescriptorThatIsOpen(number: Int) throws {
      try shop.release("v1")
      let closing = ["sh", "-c", "exec \(number)>&-; exec \"$@\"", "sh"]
      expectRefused(
        try perform(
          ["deploy"] + shop.options("v1") + ["--events", "\(number)"], wrapper: closing),
        "descriptor \(number) is not open for writing")
    }

    /// Nothing is started for a hook that cannot be.
    @Test(arguments: [
      ["--rootfs", "/nowhere"], ["--layer", "/nowhere"], ["--user", "nobody-here"],
    ])
    func whatCannotRunIsRefusedBeforeAnythingIsBegun(options: [String]) throws {
      try shop.release("v1")
      expectRefused(try shop.deploy("v1", options), options[1])
      #expect(shop.calls == [])
    }

    /// `current` leads to what is live, also when a deployment of the same version fails.
    @Test func versionThatIsLiveKeepsItsDirectory() throws {
      try shop.goLive("v1")
      try shop.release("other", hook: "exit 1")
      let done = try perform(
        ["deploy", "--app", "shop", "--release", "v1", "--rootfs", Built.tiny]
          + ["--app-dir", shop.directory(of: "other")])
      #expect(done.end == .code(125))
      #expect(done.errors.contains("v1 of shop is live, from \(shop.directory(of: "v1")), and "))
      #expect(try shop.status()["directory"] as? String == shop.directory(of: "v1"))
    }

    @Test func releaseThatIsNamedByALinkIsKeptWithoutIt() throws {
      try shop.goLive("v1")
      let current = shop.kept.appending("current").string
      let done = try perform(
        ["deploy", "--app", "shop", "--release", "v2", "--rootfs", Built.tiny]
          + ["--app-dir", current])
      #expect(done.end == .code(0), "\(done.errors)")
      #expect(
        try RunningProcess.output(["readlink", "-f", current]) == shop.directory(of: "v1") + "\n")
    }

    @Test func diskThatIsFullFromTheBeginning() throws {
      try shop.release("v1")
      try Records.onSmallDisk("64k") {
        try RunningProcess.output([
          "sh", "-c", "head -c 1M /dev/zero > \(Workspace.current.state)/ballast",
        ])
        expectRefused(try shop.deploy("v1"), "ENOSPC")
        #expect(try !shop.isLocked())
      }
    }

    @Test func diskThatIsFullMeanwhile() throws {
      try shop.release("v1")
      try shop.release("v2")
      try Records.onSmallDisk("1M") {
        #expect(try shop.deploy("v1").end == .code(0))
        try? FileManager.default.removeItem(atPath: shop.callsFile)
        let ballast = "\(Workspace.current.state)/ballast"
        let full = try shop.deploy(
          "v2", steps: ["boot": "head -c 4M /dev/zero > \(ballast) 2>/dev/null; true"])
        #expect(full.end == .code(125))
        #expect(full.output.contains("its state cannot be kept"))
        #expect(shop.current == "v1")
        #expect(shop.calls == ["boot v2", "abandon v2"])
        #expect(try shop.state() == "aborted")
        try FileManager.default.removeItem(atPath: ballast)
        #expect(try perform(["retry", "--app", "shop", "--boot", "true"]).end == .code(0))
        #expect(shop.current == "v2")
      }
    }

    /// What cannot be said of a release that went live does not take it away.
    @Test func diskThatIsFullOnceItIsLive() throws {
      try shop.release("v1")
      try shop.release("v2")
      try Records.onSmallDisk("1M") {
        #expect(try shop.deploy("v1").end == .code(0))
        let ballast = "\(Workspace.current.state)/ballast"
        let process = try RunningProcess.quiet(
          [Built.program, "deploy"]
            + shop.options(
              "v2",
              steps: [
                "activate": "head -c 4M /dev/zero > \(ballast) 2>/dev/null; true",
                "retire": "sleep 60",
              ]))
        try waitUntil { shop.calls.last == "retire v2" }
        process.send(SIGKILL)
        _ = try process.wait()
        try FileManager.default.removeItem(atPath: ballast)
        for line in try RunningProcess.output(["pgrep", "-f", "retire .* \(shop.callsFile)"])
          .split(separator: "\n")
        {
          kill(-(Int32(line) ?? Int32.max), SIGKILL)
        }
        try waitUntil { try !shop.isLocked() }
        #expect(shop.current == "v2")
        #expect(try shop.state() == "success")
        #expect(try shop.deploy("v2").end == .code(0))
        #expect(!shop.calls.contains("abandon v2"))
      }
    }

    @Test func recordThatIsDamagedIsNamedAndTheOthersListed() throws {
      try shop.goLive("v1", "v2")
      try Data("{".utf8).write(
        to: URL(fileURLWithPath: shop.kept.appending("deployments/1.json").string))
      let done = try perform(["deploys", "--app", "shop", "--json"])
      #expect(done.end == .code(1))
      #expect(done.lines.count == 1)
      #expect(done.errors.contains("the record of deployment 1 cannot be read"))
      #expect(try perform(["status", "--app", "shop"]).end == .code(0))
    }

    @Test func directoryThatOthersMayWriteToIsRefused() throws {
      try shop.release("v1")
      let state = Workspace.current.state.string
      try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: state)
      expectRefused(try shop.deploy("v1"), "only its owner")
    }
  }
}
