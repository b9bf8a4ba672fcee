import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// The hooks with which postdeploy was announced, as they are written there, and with programs
  /// that do something. (Rails' is in ``RealAppTests``.)
  @Suite(
    .requires(.fixture("rails"), .tool("/usr/bin/python3"), .tool("/usr/bin/openssl")))
  struct AnnouncedHookTests {
    private let shop = Shop()

    /// Makes a release of these files, and deploys it.
    private func deploy(
      _ version: String, hook: String, files: [String: String] = [:], _ options: [String] = []
    ) throws -> Completion {
      try shop.release(version, hook: hook)
      for (name, text) in files {
        try Workspace.current.write(
          "releases/\(version)/\(name)", text, mode: text.hasPrefix("#!") ? 0o755 : 0o644)
      }
      try RunningProcess.output(["chown", "-R", "1000:1000", shop.directory(of: version)])
      return try perform(
        [
          "deploy", "--app", shop.name, "--release", version, "--rootfs",
          Built.fixture("rails"), "--app-dir", shop.directory(of: version),
        ] + options)
    }

    private func expectWritten(_ hook: String, in done: Completion) {
      #expect(
        done.lines.contains("-----> Running postdeploy hook of the Procfile: \(hook)"),
        "\(done.output)")
    }

    /// What stands in for New Relic's program is the image's, and keeps how it was called.
    @Test func newRelicIsToldTheVersion() throws {
      let hook = "newrelic deployments --revision=$CONTAINER_VERSION"
      let records = try Workspace.current.make("files/records", mode: 0o777)
      try Workspace.current.write(
        "image/usr/local/bin/newrelic",
        "#!/bin/sh\nfor word; do echo \"$word\"; done >> /records/newrelic\n", mode: 0o755)
      let image = Workspace.current.path.appending("files/image").string
      for version in ["v1", "v2"] {
        let done = try deploy(
          version, hook: hook, ["--layer", image, "--volume", "\(records):/records"])
        #expect(done.end == .code(0), "\(done.output)\(done.errors)")
        expectWritten(hook, in: done)
        #expect(shop.current == version)
      }
      #expect(
        try String(contentsOfFile: records + "/newrelic", encoding: .utf8)
          == "deployments\n--revision=v1\ndeployments\n--revision=v2\n")
    }

    private static let rollbar =
      "curl https://api.rollbar.com/api/1/deploy/ -F access_token=$ROLLBAR_TOKEN "
      + "-F environment=$RAILS_ENV -F revision=$CONTAINER_VERSION -F local_username=deployer"

    /// The token is in what the server answers, and curl prints that.
    @Test func rollbarIsToldAndNobodySeesTheToken() throws {
      try Rollbar.with { rollbar in
        let token = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
        let environment = try Workspace.current.write(
          "environment", "ROLLBAR_TOKEN=\(token)\nRAILS_ENV=production\n", mode: 0o600)
        let events = Workspace.current.path.appending("files/events").string
        let done = try deploy(
          "v1", hook: Self.rollbar,
          files: [".curlrc": rollbar.curlrc, "rollbar.pem": try rollbar.certificate],
          ["--env-file", environment, "--events", events])
        #expect(done.end == .code(0), "\(done.output)\(done.errors)")
        #expect(
          try rollbar.received == [
            [
              "url": "https://api.rollbar.com/api/1/deploy/", "access_token": token,
              "environment": "production", "revision": "v1", "local_username": "deployer",
            ]
          ])
        expectWritten(Self.rollbar, in: done)
        #expect(done.output.contains(#""access_token": "[masked:ROLLBAR_TOKEN]""#))
        #expect(!(done.output + done.errors).contains(token))
        #expect(try !String(contentsOfFile: events, encoding: .utf8).contains(token))
        let kept = Workspace.current.state.string
        #expect(try RunningProcess.output(["grep", "-rlF", "masked:ROLLBAR_TOKEN", kept]) != "")
        #expect(try RunningProcess.output(["grep", "-rlF", token, kept]) == "")
      }
    }

    /// Whoever only claims to be Rollbar is not told anything, and the old release stays.
    @Test func rollbarMustBeWhoItSays() throws {
      try Rollbar.with { rollbar in
        #expect(try deploy("v1", hook: "true").end == .code(0))
        let done = try deploy("v2", hook: Self.rollbar, files: [".curlrc": rollbar.connection])
        // CURLE_PEER_FAILED_VERIFICATION
        #expect(done.end == .code(60), "\(done.output)\(done.errors)")
        #expect(try shop.state() == "hook-error")
        #expect(shop.current == "v1")
        #expect(try rollbar.received == [])
      }
    }

    @Test func scriptOfTheReleaseIsTheHook() throws {
      let script =
        "#!/bin/bash\nset -euo pipefail\nsteps=(\"$CONTAINER_VERSION\" \"$APP\" \"$PWD\")\n"
      let done = try deploy(
        "v1", hook: "./scripts/postdeploy.sh",
        files: ["scripts/postdeploy.sh": script + "echo \"${steps[@]}\"\n"])
      #expect(done.end == .code(0), "\(done.output)\(done.errors)")
      expectWritten("./scripts/postdeploy.sh", in: done)
      #expect(done.written == ["v1 shop /app"])
      #expect(shop.current == "v1")
      let refused = try deploy(
        "v2", hook: "./scripts/postdeploy.sh",
        files: ["scripts/postdeploy.sh": script + "echo \"$NOT_SET\"\n"])
      #expect(refused.end == .code(1), "\(refused.output)")
      #expect(refused.errors.contains("./scripts/postdeploy.sh: line 4: NOT_SET: unbound variable"))
      #expect(shop.current == "v1")
    }

    /// Two scripts one after the other: how the first ends, and what is to be expected then.
    struct Chain: Sendable, CustomTestStringConvertible {
      var operation: String
      var first: Int32
      var second: Int32
      var written: [String]
      var status: Int32
      var testDescription: String { "\(first) \(operation) \(second)" }
    }

    static let chains = [
      Chain(operation: "&&", first: 0, second: 0, written: ["one", "two"], status: 0),
      Chain(operation: "&&", first: 0, second: 4, written: ["one", "two"], status: 4),
      Chain(operation: "&&", first: 3, second: 0, written: ["one"], status: 3),
      Chain(operation: "||", first: 0, second: 4, written: ["one"], status: 0),
      Chain(operation: "||", first: 3, second: 0, written: ["one", "two"], status: 0),
      Chain(operation: "||", first: 3, second: 4, written: ["one", "two"], status: 4),
    ]

    @Test(arguments: chains) func stepsAreChained(chain: Chain) throws {
      #expect(try deploy("v1", hook: "true").end == .code(0))
      let hook = "./postdeploy-step1.sh \(chain.operation) ./postdeploy-step2.sh"
      let done = try deploy(
        "v2", hook: hook,
        files: [
          "postdeploy-step1.sh": "#!/bin/sh\necho one\nexit \(chain.first)\n",
          "postdeploy-step2.sh": "#!/bin/sh\necho two\nexit \(chain.second)\n",
        ])
      #expect(done.end == .code(chain.status), "\(done.output)\(done.errors)")
      expectWritten(hook, in: done)
      #expect(done.written == chain.written)
      #expect(shop.current == (chain.status == 0 ? "v2" : "v1"))
      #expect(try shop.state() == (chain.status == 0 ? "success" : "hook-error"))
    }
  }
}

/// A server with a certificate for api.rollbar.com, which it has made itself.
private struct Rollbar {
  private let process: RunningProcess
  private let directory: String
  private let port: String

  private init() throws {
    let directory = try Workspace.current.make("files/rollbar")
    self.directory = directory
    let (key, own) = ("\(directory)/key", "\(directory)/certificate")
    let made = try RunningProcess.completion([
      "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
      "/CN=rollbar", "-addext", "subjectAltName=DNS:api.rollbar.com", "-keyout", key, "-out", own,
    ])
    try #require(made.end == .code(0), "\(made.errors)")
    let both = try ["key", "certificate"].map {
      try String(contentsOfFile: "\(directory)/\($0)", encoding: .utf8)
    }
    let pem = try Workspace.current.write("rollbar/pem", both.joined(), mode: 0o600)
    let server = Built.package.appending("scripts/demo-web.py").string
    let process = try RunningProcess.quiet([
      "/usr/bin/python3", server, "receive", pem, "\(directory)/sent", "\(directory)/port",
    ])
    self.process = process
    let portFile = "\(directory)/port"
    do {
      try waitUntil(.seconds(30)) { FileManager.default.fileExists(atPath: portFile) }
      port = try String(contentsOfFile: portFile, encoding: .utf8)
    } catch {
      process.send(SIGKILL)
      _ = try process.wait()
      throw error
    }
  }

  /// Has one for as long as it is needed.
  static func with(_ body: (Rollbar) throws -> Void) throws {
    let rollbar = try Rollbar()
    defer {
      rollbar.process.send(SIGKILL)
      _ = try? rollbar.process.wait()
    }
    try body(rollbar)
  }

  /// curl's configuration for whoever is to find it.
  var connection: String { "silent\nconnect-to = \"api.rollbar.com:443:127.0.0.1:\(port)\"\n" }
  /// And to believe that it is Rollbar, with its certificate beside.
  var curlrc: String { connection + "cacert = rollbar.pem\n" }
  var certificate: String {
    get throws { try String(contentsOfFile: "\(directory)/certificate", encoding: .utf8) }
  }

  /// The forms that it was sent.
  var received: [[String: String]] {
    get throws {
      let file = "\(directory)/sent"
      guard FileManager.default.fileExists(atPath: file) else { return [] }
      return try decodedLines(ofFile: file, as: [String: String].self)
    }
  }
}
