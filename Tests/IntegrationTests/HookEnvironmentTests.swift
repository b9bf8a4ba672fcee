import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  @Suite struct HookEnvironmentTests {
    private func app(_ files: [String: String]) throws -> String {
      try Workspace.current.release(files)
    }

    // MARK: The specification's examples

    /// Programs that an app would bring, which say how they were called.
    private static let programs = [
      "bin/bundle": "#!/bin/sh\nfor word; do echo \"bundle: $word\"; done\n",
      "bin/newrelic": "#!/bin/sh\nfor word; do echo \"newrelic: $word\"; done\n",
      "bin/curl": "#!/bin/sh\nfor word; do echo \"curl: $word\"; done\n",
      "scripts/postdeploy.sh": "#!/bin/sh\necho \"script: $CONTAINER_VERSION $0 $#\"\n",
      "postdeploy-step1.sh": "#!/bin/sh\necho one\nexit ${FAIL:-0}\n",
      "postdeploy-step2.sh": "#!/bin/sh\necho two\n",
    ]

    /// As they stand in the announcement; the fourth with its last field filled in.
    private static let examples: [(line: String, written: [String])] = [
      ("bundle exec rake db:migrate", ["bundle: exec", "bundle: rake", "bundle: db:migrate"]),
      (
        "newrelic deployments --revision=$CONTAINER_VERSION",
        ["newrelic: deployments", "newrelic: --revision=v42"]
      ),
      (
        "curl https://api.rollbar.com/api/1/deploy/ -F access_token=$ROLLBAR_TOKEN "
          + "-F environment=$RAILS_ENV -F revision=$CONTAINER_VERSION -F local_username=deploy",
        [
          "curl: https://api.rollbar.com/api/1/deploy/", "curl: -F",
          "curl: access_token=[masked:ROLLBAR_TOKEN]", "curl: -F", "curl: environment=production",
          "curl: -F", "curl: revision=v42", "curl: -F", "curl: local_username=deploy",
        ]
      ),
      ("./scripts/postdeploy.sh", ["script: v42 ./scripts/postdeploy.sh 0"]),
      ("./postdeploy-step1.sh && ./postdeploy-step2.sh", ["one", "two"]),
      ("./postdeploy-step1.sh || ./postdeploy-step2.sh", ["one"]),
    ]

    @Test(arguments: examples.indices)
    func exampleOfTheSpecificationWorks(index: Int) throws {
      let (line, written) = Self.examples[index]
      let app = try app(Self.programs.merging(["Procfile": "postdeploy: \(line)\n"]) { $1 })
      let result = try hook(
        app,
        [
          "--container-version", "v42", "--env", "PATH=/app/bin:/bin", "--env",
          "RAILS_ENV=production", "--env", "ROLLBAR_TOKEN=0123456789abcdef",
        ])
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(result.lines.first == "-----> Running postdeploy hook of the Procfile: \(line)")
      #expect(result.written == written)
      #expect(!result.output.contains("0123456789abcdef"))
    }

    @Test func stepsOfAnExampleFailAsInAShell() throws {
      for (operation, written, status) in [("&&", ["one"], 4), ("||", ["one", "two"], 0)] {
        let line = "./postdeploy-step1.sh \(operation) ./postdeploy-step2.sh"
        let app = try app(Self.programs.merging(["Procfile": "postdeploy: \(line)\n"]) { $1 })
        let result = try hook(app, ["--env", "FAIL=4"])
        #expect(result.written == written)
        #expect(result.status == Int32(status))
      }
    }

    /// The third example once more, by the machine's own curl, to a server in the same container.
    @Test(.requires(.tool("/usr/bin/curl")))
    func realCurlReportsADeployment() throws {
      let server = "httpd -p 127.0.0.1:8080 -h /app/www; "
      let line =
        server
        + "curl -sS http://127.0.0.1:8080/cgi-bin/deploy -F access_token=$ROLLBAR_TOKEN "
        + "-F environment=$RAILS_ENV -F revision=$CONTAINER_VERSION -F local_username=deploy"
      let app = try app([
        "Procfile": "postdeploy: \(line)\n",
        "www/cgi-bin/deploy":
          "#!/bin/sh\necho Content-Type: text/plain\necho\necho \"$REQUEST_METHOD\"\ntr -d '\\r'\n",
      ])
      let options = [
        "--network", "none", "--container-version", "v42", "--env", "RAILS_ENV=production",
        "--env", "ROLLBAR_TOKEN=0123456789abcdef",
      ]
      let result = try hook(
        app, try Workspace.current.machineProgram("/usr/bin/curl") + options)
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(result.written.first == "POST")
      let fields = result.written.filter { !$0.isEmpty }
      for (name, value) in [
        ("access_token", "[masked:ROLLBAR_TOKEN]"), ("environment", "production"),
        ("revision", "v42"), ("local_username", "deploy"),
      ] {
        let heading = fields.firstIndex { $0.hasSuffix("name=\"\(name)\"") }
        #expect(heading.map { fields[$0 + 1] } == value, "\(name)")
      }
    }

    // MARK: What the platform says

    @Test func platformDescribesTheContainer() throws {
      let app = try app(["Procfile": "postdeploy: env; echo \"it is $(hostname)\"\n"])
      let result = try hook(
        app,
        [
          "--size", "M", "--memory", "64M", "--stack", "scalingo-22", "--source-version", "3f1c",
          "--id", "run-7", "--env", "STACK=mine", "--app", "blog",
        ])
      #expect(result.end == .code(0), "\(result.errors)")
      for variable in [
        "APP=blog", "CONTAINER=postdeploy-1", "CONTAINER_TYPE=postdeploy", "CONTAINER_SIZE=M",
        "CONTAINER_MEMORY=67108864", "HOSTNAME=run-7", "it is run-7", "STACK=scalingo-22",
        "SOURCE_VERSION=3f1c", "ONEOFF_PHASE=postdeploy", "ONEOFF_REASON=deploy",
        "ONEOFF_ATTEMPT=1",
      ] {
        #expect(result.written.contains(variable), "\(variable)")
      }
      #expect(!result.output.contains("ONEOFF_PREVIOUS_VERSION"))
    }

    @Test func whatNobodyHasSaidIsNotSet() throws {
      let app = try app(["Procfile": "postdeploy: env; echo \"it is $(hostname)\"\n"])
      let result = try hook(app)
      let names = result.written.compactMap { $0.split(separator: "=").first }
      for name in ["STACK", "SOURCE_VERSION", "CONTAINER_SIZE", "CONTAINER_VERSION"] {
        #expect(!names.contains(name[...]), "\(name)")
      }
      let hostname = result.written.first { $0.hasPrefix("it is ") }?.dropFirst(6) ?? "?"
      #expect(result.written.contains("HOSTNAME=\(hostname)"))
      #expect(hostname.count == 24)
    }

    // MARK: Profiles

    private static let profile = [
      ".profile.d/20-second.sh": "ORDER=\"$ORDER two\"\n",
      ".profile.d/10-first.sh": "ORDER=one; export SEEN_IN=\"$PWD\"\n",
      ".profile.d/30-not-a-script": "ORDER=\"$ORDER no\"\n",
      ".profile": "greet() { echo \"hello from $1\"; }\nORDER=\"$ORDER three\"\nfalse\n",
    ]

    /// The image's shells: busybox's, and the machine's bash.
    private func shells() throws -> [(name: String, options: [String])] {
      [("sh", []), ("bash", try Workspace.current.machineProgram("/bin/bash"))]
    }

    @Test(.requires(.tool("/bin/bash")))
    func profileIsSourcedBeforeTheCommand() throws {
      let line = #"echo "$?|$#|$ORDER|$SEEN_IN|$PWD"; greet 'a  b'; echo "$0""#
      let app = try app(Self.profile.merging(["Procfile": "postdeploy: \(line)\n"]) { $1 })
      for (shell, options) in try shells() {
        let result = try hook(app, options)
        #expect(result.end == .code(0), "\(result.errors)")
        #expect(
          result.written == ["0|0|one two three|/app|/app", "hello from a  b", shell], "\(shell)")
        #expect(result.errors == "       oneoff: /app/.profile ended with status 1\n")
        #expect(result.lines.first == "-----> Running postdeploy hook of the Procfile: \(line)")
        let elsewhere = try hook(app, options + ["--workdir", "/tmp", "--mount-at", "/srv/it's"])
        #expect(elsewhere.written.first == "0|0|one two three|/srv/it's|/tmp", "\(shell)")
      }
    }

    @Test(.requires(.tool("/bin/bash")))
    func shellBecomesItsLastCommand() throws {
      for profile in [[:], [".profile": "export A=1\n"]] {
        let files = profile.merging(["Procfile": "postdeploy: readlink /proc/self\n"]) { $1 }
        let app = try app(files)
        for (shell, options) in try shells() {
          // PID 1 is oneoff's, and the command the first process after it.
          #expect(try hook(app, options).written == ["2"], "\(shell), \(profile)")
        }
      }
    }

    @Test func profileCannotLeadOutOfTheContainer() throws {
      let outside = try Workspace.current.write("outside.sh", "LEAKED=yes\n")
      let app = try app(["Procfile": "postdeploy: echo \"leaked: $LEAKED\"\n"])
      try FileManager.default.createSymbolicLink(
        atPath: app + "/.profile", withDestinationPath: outside)
      let result = try hook(app)
      #expect(result.written == ["leaked: "])
      #expect(result.end == .code(0))
    }

    @Test func profileOfTheImageIsNotTheApps() throws {
      let workspace = Workspace.current
      try workspace.write("layer/app/.profile", "FROM=image\n")
      let layer = ["--layer", workspace.path.appending("files/layer").string]
      let app = try app(["Procfile": "postdeploy: echo \"from: $FROM\"\n"])
      #expect(try hook(app, layer).written == ["from: "])
      try workspace.write("shop/.profile.d/a.sh", "ALSO=\"$FROM\"\n")
      #expect(try hook(app, layer).written == ["from: "])
    }
  }
}
