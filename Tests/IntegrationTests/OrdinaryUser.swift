import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

/// An ordinary user, of whom the machine knows nothing: a number is enough to the kernel.
enum OrdinaryUser: Sendable, CaseIterable {
  /// His own id is all that he has.
  case single
  /// /etc/subuid and /etc/subgid have ranges for him, in a mount namespace of the test's.
  case subordinate

  static let id = 61234
  /// The first of his subordinate ids: the container's id 1.
  static let firstSubordinateID = 7_000_000

  /// What a program is run behind to be his. A test that cannot have subordinate ids ends here.
  func wrapper() throws -> [String] {
    let switching = ["setpriv", "--reuid", "\(Self.id)", "--regid", "\(Self.id)", "--clear-groups"]
    switch self {
    case .single: return switching
    case .subordinate:
      try Requirement.subordinateIDs.demand()
      let workspace = Workspace.current
      let user = "itest:x:\(Self.id):\(Self.id)::/:/bin/sh\n"
      try workspace.write("passwd", user + "root:x:0:0::/:/bin/sh\n")
      // By name and by number: both are in use.
      try workspace.write("subuid", "other:1:65536\nitest:\(Self.firstSubordinateID):65536\n")
      try workspace.write("subgid", "\(Self.id):\(Self.firstSubordinateID):65536\n")
      let script = """
        for file in passwd subuid subgid; do mount --bind "$0/$file" "/etc/$file" || exit 99; done
        exec "$@"
        """
      let files = workspace.path.appending("files").string
      return ["unshare", "--mount", "sh", "-c", script, files] + switching
    }
  }

  /// A copy of the program in the test's directory, where he may execute it, and the directories
  /// into which he may write.
  static func program() throws -> String {
    let program = Workspace.current.path.appending("files/oneoff").string
    if FileManager.default.isExecutableFile(atPath: program) { return program }
    try Workspace.current.make("runtime", owner: id)
    try FileManager.default.createDirectory(
      atPath: Workspace.current.state.string, withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700, .ownerAccountID: id, .groupOwnerAccountID: id])
    return try Workspace.current.readableProgram()
  }

  /// A copy of the tiny root file system that belongs to him.
  static func rootfs() throws -> String {
    let copy = Workspace.current.path.appending("files/tiny").string
    if !FileManager.default.fileExists(atPath: copy) {
      try RunningProcess.output(["cp", "-a", Built.tiny, copy])
      try RunningProcess.output(["chown", "-R", "\(id):\(id)", copy])
    }
    return copy
  }

  /// Calls the program as this user.
  func perform(
    _ arguments: [String], environment: [String: String] = [:], behind outer: [String] = []
  ) throws -> Completion {
    try RunningProcess.completion(
      outer + wrapper() + [Self.program()] + arguments, environment: environment)
  }

  /// Runs a command in his root file system.
  func run(_ options: [String] = [], _ command: String...) throws -> Completion {
    try perform(runArguments(options, rootfs: Self.rootfs(), command: command))
  }

  /// Runs a script in his root file system.
  func shell(_ script: String) throws -> Completion { try shell([], script) }

  /// Runs a script in his root file system.
  func shell(_ options: [String], _ script: String) throws -> Completion {
    try run(options, "sh", "-c", script)
  }

  /// Starts a command in his root file system, whose output nobody wants.
  func start(_ options: [String], command: [String]) throws -> RunningProcess {
    try RunningProcess.quiet(
      wrapper() + [Self.program()]
        + runArguments(options, rootfs: Self.rootfs(), command: command))
  }

  /// The processes whose ids are his, his own and his subordinate ones; without the dead ones that
  /// the machine's init has not reaped yet.
  static func processes() -> [Int] {
    HostSnapshot.processIDs().filter { process in
      let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
      let lines = status?.split(separator: "\n") ?? []
      guard let ids = lines.first(where: { $0.hasPrefix("Uid:") })?.split(separator: "\t"),
        let uid = Int(ids[1]), !lines.contains(where: { $0.hasPrefix("State:\tZ") })
      else { return false }
      return uid == id || (firstSubordinateID..<firstSubordinateID + 65536).contains(uid)
    }
  }

  /// Who owns a file of the host: `uid:gid`.
  static func owner(of path: String) throws -> String {
    try RunningProcess.output(["stat", "-c", "%u:%g", path]).trimmingCharacters(in: .newlines)
  }
}
