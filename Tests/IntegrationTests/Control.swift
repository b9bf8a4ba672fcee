import Foundation
import Glibc
import SystemPackage
import Testing

/// The control sockets of a test's runs.
enum Control {
  static func path(_ id: String) -> String {
    Workspace.current.path.appending("runtime/runs/\(id)").string
  }

  /// Starts a detached run; returns once its command was executed.
  static func detach(
    _ id: String, _ options: [String] = [], _ script: String = "sleep 300"
  ) throws {
    let done = try run(["--detach", "--name", id] + options, "sh", "-c", script)
    #expect(done.status == 0, "\(done.errors)")
    #expect(done.output == "\(id)\n")
  }

  /// Starts a detached run that ignores SIGTERM; returns once it does.
  static func detachDeafRun(_ id: String, grace: String) throws {
    try detach(
      id, ["--grace", grace], "trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    let log = Records.runs.appending("\(id)/log").string
    try waitUntil { try String(contentsOfFile: log, encoding: .utf8).contains("deaf") }
  }

  /// Ends a run at once, and waits for that.
  static func end(_ id: String) throws {
    #expect(try perform(["kill", "-s", "KILL", id]).status == 0)
    #expect(try perform(["wait", id]).status == 137)
  }

  /// How many are connected to a run.
  static func connections(_ id: String) throws -> Int {
    let sockets = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
    // Its path is that of a descriptor: see ControlSocket. What is connected has state 03.
    return sockets.split(separator: "\n").count { $0.hasSuffix("/\(id)") && $0.contains(" 03 ") }
  }

  /// A connection to a run, over which a test says whatever it likes.
  static func connect(_ id: String) throws -> FileDescriptor {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path(id).utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // Safe: the call reads the structure.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(number)
      throw Errno(rawValue: errno)
    }
    return FileDescriptor(rawValue: number)
  }
}
