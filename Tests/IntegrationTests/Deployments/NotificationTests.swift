import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// Who is told of a deployment, and what.
  @Suite(.requires(.tool("/usr/bin/python3"), .tool("/usr/bin/curl"))) struct NotificationTests {
    private let shop = Shop()

    /// Whether a signature is good, as the page for users checks it.
    private func isGood(_ request: Receiver.Request, secret: String) throws -> Bool {
      let page = try String(
        contentsOfFile: Built.package.appending("docs/reports.md").string,
        encoding: .utf8)
      let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
      let start = try #require(lines.firstIndex(of: "    import hashlib, hmac"))
      let code = lines[start...].prefix { $0.isEmpty || $0.hasPrefix("    ") }
        .map { $0.dropFirst(4) }.joined(separator: "\n")
      let check =
        "\nimport sys\nprint(is_from_oneoff(open(sys.argv[1], 'rb').read(), "
        + "sys.argv[2], sys.argv[3].encode()))"
      let body = try Workspace.current.write("body", request.body)
      let done = try RunningProcess.completion([
        "/usr/bin/python3", "-c", code + check, body,
        try #require(request.headers["X-Oneoff-Signature-256"]), secret,
      ])
      #expect(["True\n", "False\n"].contains(done.output), "\(done.errors)")
      return done.output == "True\n"
    }

    @Test func addressIsToldAndCanKnowByWhom() throws {
      try Receiver.with { receiver in
        try shop.release("v1", hook: "exit 3")
        let secret = try Workspace.current.write("secret", "s3cret-s3cret\n", mode: 0o600)
        let done = try shop.deploy(
          "v1", ["--notify", "\(receiver.address)/hook?x=1", "--notify-secret-file", secret])
        #expect(done.end == .code(3))
        let requests = try receiver.requests
        #expect(requests.map(\.path) == ["/hook?x=1", "/hook?x=1"])
        for (request, kind) in zip(requests, ["started", "finished"]) {
          #expect(request.method == "POST")
          #expect(request.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8")
          #expect(request.headers["User-Agent"]?.hasPrefix("oneoff/") == true)
          let event = try jsonObject(request.body.utf8)
          #expect(event["type"] as? String == "dev.oneoff.deployment.\(kind).v1")
          let data = try #require(event["data"] as? [String: Any])
          #expect(data["state"] as? String == (kind == "started" ? "starting" : "hook-error"))
          #expect(try isGood(request, secret: "s3cret-s3cret"))
          #expect(try !isGood(request, secret: "s3cret-s3creT"))
          #expect(!request.arguments.contains("s3cret-s3cret"))
          #expect(request.arguments.contains("curl"))
        }
      }
    }

    /// What is sent goes through a shell's input and curl's own quoting.
    @Test func bodyArrivesAsItWasSigned() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let said = #"a\ "b" \n ${HOME} 'é' 🚚 #x"#
        let script = try Workspace.current.write("files/said", said + "\n")
        let secret = try Workspace.current.write("secret", #"p"\s"#)
        let done = try shop.deploy(
          "v1",
          [
            "--ready", "exec:cat \(script); exit 1", "--ready-timeout", "2s", "--notify",
            receiver.address, "--notify-secret-file", secret,
          ])
        #expect(done.end == .code(124), "\(done.errors)")
        let request = try #require(try receiver.requests.last)
        let data = try #require(try jsonObject(request.body.utf8)["data"] as? [String: Any])
        #expect(try #require(data["message"] as? String).hasSuffix(": status 1: \(said)"))
        #expect(try isGood(request, secret: #"p"\s"#))
        // The same as everybody else is told.
        #expect(
          NSDictionary(dictionary: data)
            == NSDictionary(dictionary: try #require(try shop.deployments().first)))
      }
    }

    @Test func gitHubIsToldAsItWantsIt() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let done = try shop.deploy(
          "v1",
          [
            "--github", "octo/shop", "--github-deployment", "42", "--log-url",
            "https://ci.example/7",
          ],
          environment: [
            "GITHUB_API_URL": "\(receiver.address)/api", "GITHUB_TOKEN": "ghs_t0ken-t0ken",
          ])
        #expect(done.end == .code(0), "\(done.errors)")
        let requests = try receiver.requests
        #expect(
          requests.map { "\($0.method) \($0.path)" }
            == Array(repeating: "POST /api/repos/octo/shop/deployments/42/statuses", count: 2))
        for (request, state) in zip(requests, ["in_progress", "success"]) {
          #expect(request.headers["Authorization"] == "Bearer ghs_t0ken-t0ken")
          #expect(request.headers["Accept"] == "application/vnd.github+json")
          #expect(request.headers["X-GitHub-Api-Version"] == "2022-11-28")
          let status = try jsonObject(request.body.utf8)
          #expect(status["state"] as? String == state)
          #expect(status["log_url"] as? String == "https://ci.example/7")
          #expect(try #require(status["description"] as? String).count <= 140)
          #expect(!request.arguments.contains("t0ken-t0ken"))
        }
        #expect(!done.output.contains("t0ken-t0ken") && !done.errors.contains("t0ken-t0ken"))
        #expect(!done.output.contains("GitHub was not told"), "\(done.output)")
      }
    }

    /// With a text that is too long for GitHub, and longer in some ways to count than in others.
    @Test func gitHubIsToldOfAFailure() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let said = String(repeating: "👨‍👩‍👧e\u{301}", count: 40)
        let script = try Workspace.current.write("files/said", said + "\n")
        let done = try shop.deploy(
          "v1",
          [
            "--ready", "exec:cat \(script); exit 1", "--ready-timeout", "2s", "--github",
            "octo/shop", "--github-deployment", "42", "--log-url", #"https://ci.example/?a="\{b}""#,
          ],
          environment: ["GITHUB_API_URL": "\(receiver.address)/api/", "GITHUB_TOKEN": "t"])
        #expect(done.end == .code(124), "\(done.errors)")
        #expect(!done.output.contains("GitHub was not told"), "\(done.output)")
        let status = try jsonObject(try #require(try receiver.requests.last).body.utf8)
        #expect(status["state"] as? String == "failure")
        #expect(status["log_url"] as? String == #"https://ci.example/?a="\{b}""#)
        let description = try #require(status["description"] as? String)
        #expect(description.hasPrefix("v1: timeout-error: it was not ready after"))
        #expect(description.hasSuffix("…"))
      }
    }

    @Test func whyGitHubRefusesIsSaid() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let done = try shop.deploy(
          "v1", ["--github", "octo/shop", "--github-deployment", "42"],
          environment: ["GITHUB_API_URL": "\(receiver.address)/status/401", "GITHUB_TOKEN": "t"])
        #expect(done.end == .code(0))
        let warning =
          " !     warning: GitHub was not told: it answered with status 401: the token in "
          + "GITHUB_TOKEN is not valid"
        #expect(done.lines.count { $0 == warning } == 2, "\(done.output)")
        #expect(try receiver.requests.count == 2)
      }
    }

    @Test func commandGetsTheSame() throws {
      try shop.release("v1")
      let file = Workspace.current.path.appending("files/told").string
      let done = try shop.deploy(
        "v1", ["--notify-exec", "cat >> \(file); echo told", "--notify-exec", "exit 9"])
      #expect(done.end == .code(0))
      #expect(done.written.filter { $0 == "told" }.count == 2)
      #expect(done.lines.contains(" !     warning: --notify-exec was not told: status 9"))
      let types = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        .map { try jsonObject($0.utf8)["type"] as? String }
      #expect(
        types == ["dev.oneoff.deployment.started.v1", "dev.oneoff.deployment.finished.v1"])
    }
  }
}
