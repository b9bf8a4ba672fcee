import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension Requirement {
  /// The programs of a PostgreSQL server.
  static let postgres = Requirement("PostgreSQL") { Database.programs != nil }
}

/// A PostgreSQL server of the test's own, on the loopback interface.
struct Database {
  /// Its URL, as apps have it in DATABASE_URL.
  let address: String

  /// Where the newest server's programs are.
  static let programs: String? = {
    let directory = "/usr/lib/postgresql"
    let versions = HostSnapshot.entries(directory).compactMap { Int($0) }
    return versions.max().map { "\(directory)/\($0)/bin" }
  }()

  private static let script = Built.package.appending("scripts/demo-postgres.sh").string

  /// Has one for as long as it is needed.
  static func with(_ body: (Database) throws -> Void) throws {
    let guardian = try Guardian()
    defer { guardian.dismiss() }
    let directory = Workspace.current.path.appending("files/postgres").string
    let database = try start(in: directory)
    defer { _ = try? RunningProcess.output(["sh", script, "stop", directory]) }
    try body(database)
  }

  /// Somebody may take a port between looking and starting, so the server itself is what tries.
  private static func start(in directory: String) throws -> Database {
    var reasons = ""
    for _ in 0..<8 {
      let port = UInt16.random(in: 20_000...29_000)
      let done = try RunningProcess.completion(
        ["sh", script, "start", directory, "\(port)"],
        environment: ["POSTGRES_PROGRAMS": try #require(programs)])
      if done.end == .code(0) { return Database(address: try #require(done.lines.last)) }
      reasons = done.errors
      guard reasons.contains("Address already in use") else { break }
    }
    throw NotStarted(reasons: reasons)
  }

  private struct NotStarted: Error { var reasons: String }

  /// What a query answers, without headings.
  func query(_ statement: String) throws -> String {
    let done = try RunningProcess.completion([
      "psql", address, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command",
      statement,
    ])
    #expect(done.end == .code(0), "\(done.errors)")
    return done.output.trimmingCharacters(in: .newlines)
  }
}

/// Ends what the test has started, should the test's own process be killed.
private struct Guardian {
  private let process: RunningProcess

  init() throws {
    let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
    defer { try? null.close() }
    let script = Built.package.appending("scripts/demo-cleanup.sh").string
    process = try RunningProcess(
      [
        "setsid", "sh", "-c", "sh \"$1\" \"$2\" \"$3\"; rm -rf \"$4\"", "sh", script,
        Workspace.current.path.string, "\(getpid())", Workspace.current.state.string,
      ], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], descriptors: [null, null, null])
  }

  /// It and what it waits with are a session.
  func dismiss() {
    kill(-process.pid, SIGKILL)
    process.send(SIGKILL)
    _ = try? process.wait()
  }
}
