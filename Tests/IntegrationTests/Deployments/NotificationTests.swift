import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

/// A server on this machine that keeps what it is sent.
private final class Receiver {
  private let process: RunningProcess
  private let directory: String
  let port: Int

  /// What it was sent: the method, the path, the headers and the body.
  struct Request: Decodable {
    var method: String
    var path: String
    var headers: [String: String]
    var body: String
    /// The arguments of the processes that were there meanwhile.
    var arguments: String
  }

  /// Answers by the path: `/status/N` with that status, `/later` the first time with 500, `/never`
  /// not at all, and everything else with 201.
  private static let script = """
    import glob, http.server, json, os, sys, time
    directory = sys.argv[1]
    seen = []
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            arguments = ""
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try: arguments += open(path).read()
                except OSError: pass
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers),
                       "body": body, "arguments": arguments}
            name = os.path.join(directory, str(len(seen)))
            with open(name + ".draft", "w") as file: json.dump(request, file)
            os.rename(name + ".draft", name)
            seen.append(self.path)
            if self.path == "/never": time.sleep(60)
            status = 500 if self.path == "/later" and seen.count("/later") == 1 else 201
            if self.path.startswith("/status/"): status = int(self.path.split("/")[2])
            self.send_response(status)
            self.end_headers()
        def log_message(self, *arguments): pass
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
    """

  init() throws {
    directory = try Workspace.current.make("files/requests")
    let script = try Workspace.current.write("receiver.py", Self.script)
    let (reader, writer) = try FileDescriptor.closedOnExecPipe()
    defer { try? reader.close() }
    let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
    defer { try? null.close() }
    process = try RunningProcess(
      ["/usr/bin/python3", script, directory], environment: Workspace.current.environment,
      descriptors: [null, writer, .standardError])
    try writer.close()
    port = try #require(Int(try reader.readLine()))
  }

  var address: String { "http://127.0.0.1:\(port)" }

  var requests: [Request] {
    get throws {
      try HostSnapshot.entries(directory).compactMap { Int($0) }.sorted().map { number in
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(number)"))
        return try JSONDecoder().decode(Request.self, from: data)
      }
    }
  }

  func end() throws {
    process.send(SIGKILL)
    _ = try process.wait()
  }
}

extension IntegrationTests {
  /// Who is told of a deployment, and what.
  @Suite(.requires(.tool("/usr/bin/python3"), .tool("/usr/bin/curl"))) struct NotificationTests {
    private let shop = Shop()

    private func withReceiver(_ body: (Receiver) throws -> Void) throws {
      let receiver = try Receiver()
      defer { try? receiver.end() }
      try body(receiver)
    }

    @Test func addressIsToldAndCanKnowByWhom() throws {
      try withReceiver { receiver in
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
          let body = try Workspace.current.write("body", request.body)
          let code = try RunningProcess.output([
            "/usr/bin/python3", "-c",
            "import hmac,sys;print(hmac.new(b's3cret-s3cret',open(sys.argv[1],'rb').read(),"
              + "'sha256').hexdigest(),end='')", body,
          ])
          #expect(request.headers["X-Oneoff-Signature-256"] == "sha256=\(code)")
          #expect(!request.arguments.contains("s3cret-s3cret"))
          #expect(request.arguments.contains("curl"))
        }
      }
    }

    @Test func gitHubIsToldAsItWantsIt() throws {
      try withReceiver { receiver in
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
      }
    }

    @Test func whatPassesIsTriedAgainAndWhatDoesNotIsNot() throws {
      try withReceiver { receiver in
        try shop.release("v1")
        let done = try shop.deploy(
          "v1",
          ["--notify", "\(receiver.address)/later", "--notify", "\(receiver.address)/status/404"])
        #expect(done.end == .code(0))
        #expect(
          try receiver.requests.map(\.path)
            == ["/later", "/later", "/status/404", "/later", "/status/404"])
        let warning =
          " !     warning: \(receiver.address)/status/404 was not told: it answered with status 404"
        #expect(done.lines.count { $0 == warning } == 2)
        #expect(!done.output.contains("/later"))
      }
    }

    @Test func whoCannotBeToldChangesNothing() throws {
      try withReceiver { receiver in
        try shop.release("v1")
        let process = try RunningProcess.quiet(
          [Built.program, "deploy"] + shop.options("v1")
            + [
              "--notify", "\(receiver.address)/never", "--notify",
              "http://user:pw@127.0.0.1:1/x?t=1",
            ])
        try waitUntil { try receiver.requests.count == 1 }
        // Who asks for the end does not wait for others, and gets it.
        process.send(SIGTERM)
        #expect(try process.wait() == .code(143))
        #expect(try shop.state() == "aborted")
        let done = try shop.deploy("v1", ["--notify", "http://user:pw@127.0.0.1:1/x?t=1"])
        #expect(done.end == .code(0))
        #expect(shop.current == "v1")
        #expect(done.output.contains("warning: http://127.0.0.1:1/x was not told: curl: (7)"))
        #expect(!done.output.contains("pw@") && !done.output.contains("t=1"))
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
