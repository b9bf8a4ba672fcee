import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct HookTests {
    /// An app's release: a copy of the sample app, or one with a Procfile of its own.
    private func app(procfile: String? = nil, owner: Int = 0) throws -> String {
      let app = Workspace.current.path.appending("files/app").string
      try FileManager.default.copyItem(
        atPath: Built.package.appending("rootfs-fixtures/hook-app").string, toPath: app)
      if let procfile { try Data(procfile.utf8).write(to: URL(fileURLWithPath: app + "/Procfile")) }
      try RunningProcess.output(["chown", "-R", "\(owner):\(owner)", app])
      return app
    }

    private func hook(_ app: String, _ options: String...) throws -> Completion {
      try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app] + options)
    }

    @Test(arguments: [(0, 0), (33, 33), (1000, 1000), (65535, 65535), (300_000, 1000)])
    func ownerOfTheAppRunsItsHook(owner: Int, inside: Int) throws {
      let app = try app(owner: owner)
      let state = ["find", app, "-printf", "%P %y %m %U:%G %s %T@\\n"]
      let before = try RunningProcess.output(state)
      let result = try hook(app, "--container-version", "v42")
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.lines.first == "-----> Running postdeploy hook of the Procfile: sh ./migrate.sh")
      #expect(result.lines.contains("       migrating as user \(inside) in /app"))
      #expect(result.lines.contains("       release: v42"))
      #expect(result.lines.contains("       app: app"))
      #expect(result.errors.contains("       note: the release itself must not change"))
      #expect(try RunningProcess.output(state) == before)
    }

    @Test func theSeccompPolicyOfAHookCanBeChosenAndLogged() throws {
      let app = try app(procfile: "postdeploy: probe try mount-tmpfs; probe mkdir /tmp/new\n")
      let profile = try Workspace.current.write(
        "profile.json",
        #"""
        {"defaultAction": "SCMP_ACT_ALLOW",
         "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}
        """#)
      let result = try hook(app, "--seccomp", profile, "--seccomp-log")
      #expect(result.status == 0)
      #expect(result.lines.contains("       errno=EROFS"))
      #expect(result.errors.contains("\n  1 × mkdir, EROFS\n"))
      #expect(!result.errors.contains("mount"))
      #expect(try hook(app, "--seccomp-log").errors.contains("\n  1 × mount, EPERM\n"))
    }

    @Test func filesOfTheAppBelongToTheUserThatRuns() throws {
      let app = try app(
        procfile: "postdeploy: stat -c %u:%g . Procfile public/index.html\n", owner: 300_000)
      for (options, user) in [([], "1000:1000"), (["--user", "33:33"], "33:33")] {
        let result = try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app] + options)
        #expect(result.hookLines == [user, user, user])
      }
    }

    @Test func failureIsTheCallers() throws {
      let result = try hook(try app(), "--env", "DEMO_FAIL=1")
      #expect(result.end == .code(3))
      #expect(result.errors.contains("       migration failed: DEMO_FAIL is 1"))
      #expect(result.output.contains(" !     The postdeploy hook failed with status 3"))
    }

    @Test func procfileLineIsTheShells() throws {
      let app = try app(
        procfile: """
          postdeploy: echo "$GREETING, $APP" && false || echo 'a  "b"' ; echo $((1+1)) | cat

          """)
      let result = try hook(app, "--env", "GREETING=hi", "--app", "shop")
      #expect(result.hookLines == ["hi, shop", "a  \"b\"", "2"])
    }

    @Test func environmentTellsWhatRuns() throws {
      let result = try hook(try app(procfile: "postdeploy: env | sort\n"), "--app", "shop")
      let variables = Set(result.lines.dropFirst().map { $0.drop { $0 == " " } })
      for variable in [
        "APP=shop", "CONTAINER=postdeploy-1", "CONTAINER_TYPE=postdeploy", "HOME=/app",
        "LANG=C.UTF-8",
      ] {
        #expect(variables.contains(variable[...]), "\(variable)")
      }
    }

    @Test func networkIsTheHosts() throws {
      let result = try hook(try app(procfile: "postdeploy: readlink /proc/self/ns/net\n"))
      #expect(
        result.hookLines == [try #require(HostSnapshot.target("/proc/self/ns/net"))])
    }

    @Test(arguments: ["web: true\n", "# nothing\n\n"])
    func phaseThatIsNotThereIsFine(procfile: String) throws {
      let result = try hook(try app(procfile: procfile))
      #expect(result.status == 0)
      #expect(result.output.contains("No postdeploy hook"))
    }

    @Test func procfileThatCannotBeRead() throws {
      let app = try app()
      let procfile = URL(fileURLWithPath: app + "/Procfile")
      let contents: [(Data?, String)] = [
        (nil, "does not exist"), (Data(), "empty"),
        (Data(repeating: 97, count: 10_000_000), "larger than 1M"),
        (Data([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff, 10]), "Procfile"),
        (Data("postdeploy true\n".utf8), "Procfile"), (Data("postdeploy:\n".utf8), "Procfile"),
      ]
      for (content, message) in contents {
        try? FileManager.default.removeItem(at: procfile)
        try content?.write(to: procfile)
        let result = try hook(app)
        #expect(result.end == .code(125), "\(message)")
        #expect(result.errors.contains(message))
        #expect(result.errors.contains("hint: "))
      }
    }

    @Test func procfileThatIsNoFileOfTheRelease() throws {
      let app = try app()
      let procfile = app + "/Procfile"
      let hostFile = try Workspace.current.write("outside", "postdeploy: true\n")
      let cases = [
        ("ln -s '\(hostFile)' \"$0\"", "leads out of the release"),
        ("ln -s nothing \"$0\"", "or to nothing in it"),
        // Nobody will ever write to it.
        ("mkfifo \"$0\"", "cannot be read"),
      ]
      for (command, message) in cases {
        try FileManager.default.removeItem(atPath: procfile)
        try RunningProcess.output(["sh", "-c", command, procfile])
        let result = try hook(app)
        #expect(result.end == .code(125))
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(result.errors.contains("hint: "))
        #expect(!result.errors.contains("does not exist"))
      }
    }

    @Test func variablesMayComeFromAPipeOfTheCallers() throws {
      let app = try app(procfile: "postdeploy: echo $A $B\n")
      let script = """
        exec "$0" hook --rootfs "$1" --app-dir "$2" \\
          --env-file <(sleep 0.3; echo A=1) --env-file <(echo B=2)
        """
      let result = try RunningProcess.completion(
        ["bash", "-c", script, Built.program, Built.tiny, app])
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(result.hookLines == ["1 2"])
    }

    @Test func variablesMayComeFromANamedPipe() throws {
      let app = try app(procfile: "postdeploy: echo $A\n")
      let script = """
        mkfifo "$3"; (sleep 0.3; echo A=1 >"$3") &
        exec "$0" hook --rootfs "$1" --app-dir "$2" --env-file "$3"
        """
      let pipe = Workspace.current.path.appending("files/pipe").string
      let result = try RunningProcess.completion(
        ["sh", "-c", script, Built.program, Built.tiny, app, pipe])
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(result.hookLines == ["1"])
    }

    @Test func appDirectoryThatIsMissing() throws {
      let result = try hook("/nowhere")
      #expect(result.end == .code(125))
      #expect(result.errors.contains("/nowhere"))
    }
  }
}
