import Foundation
import Glibc
import SystemPackage
import Testing

/// A server on this machine that keeps what it is sent.
final class Receiver {
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

    /// The CloudEvent's type, without what all have in common.
    var occasion: String? {
      let type = (try? jsonObject(body.utf8))?["type"] as? String
      return type?.split(separator: ".").dropLast().last.map(String.init)
    }
  }

  /// Answers by the path: `/status/N` with that status, `/later/N` the first N times with 500,
  /// `/never` not at all, `/never/OCCASION` not to that one, `/away` with the way to another path,
  /// and everything else with 201. Below `/api` it is GitHub, and answers as that does to what it
  /// does not take, with the reason in its answer's status line.
  private static let script = """
    import glob, http.server, json, os, re, sys, time
    directory = sys.argv[1]
    seen = []
    def fault_for_github(method, path, headers, body):
        where = r"/api/repos/[\\w.-]+/[\\w.-]+/deployments/[1-9][0-9]*/statuses"
        if method != "POST" or not re.fullmatch(where, path): return 404, "no such place"
        if not re.fullmatch(r"Bearer [!-~]+", headers.get("Authorization", "")): return 401, "who"
        if not headers.get("User-Agent"): return 403, "no User-Agent"
        if headers.get("Accept") != "application/vnd.github+json": return 415, "Accept"
        if headers.get("X-GitHub-Api-Version") != "2022-11-28": return 400, "version"
        try: status = json.loads(body)
        except ValueError: return 400, "no JSON"
        types = {"state": str, "description": str, "log_url": str, "target_url": str,
                 "environment": str, "environment_url": str, "auto_inactive": bool}
        for name, value in status.items():
            if type(value) is not types.get(name): return 422, "member " + name
        if status.get("state") not in ("error", "failure", "inactive", "in_progress", "queued",
                                       "pending", "success"): return 422, "state"
        if len(status.get("description", "")) > 140: return 422, "description too long"
        return None
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            arguments = ""
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try: arguments += open(path, errors="replace").read()
                except OSError: pass
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers),
                       "body": body, "arguments": arguments}
            name = os.path.join(directory, str(len(seen)))
            seen.append(self.path)
            with open(name + ".draft", "w") as file: json.dump(request, file)
            os.rename(name + ".draft", name)
            words = self.path.split("/")[1:]
            status, reason = 201, None
            if words[0] == "never" and (not words[1:] or "." + words[1] + "." in body):
                time.sleep(60)
            if words[0] == "later" and seen.count(self.path) <= int(words[1]): status = 500
            if words[0] == "status": status = int(words[1])
            if words[0] == "away": status = 307
            if words[0] == "api":
                status, reason = fault_for_github(self.command, self.path, self.headers, body) \\
                    or (201, None)
            self.send_response(status, reason)
            if words[0] == "away": self.send_header("Location", "/elsewhere")
            self.end_headers()
        do_GET = do_PUT = do_POST
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

  /// Makes one for as long as it is needed.
  static func with(_ body: (Receiver) throws -> Void) throws {
    let receiver = try Receiver()
    defer { try? receiver.end() }
    try body(receiver)
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

  private func end() throws {
    process.send(SIGKILL)
    _ = try process.wait()
  }
}
