import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

/// The directory of one test, in which everything is that it makes.
final class Workspace: Sendable {
  /// The workspace of the test that is running.
  @TaskLocal static var shared: Workspace?

  static var current: Workspace {
    guard let shared else { preconditionFailure("a test without .leavesNothingBehind") }
    return shared
  }

  /// Unique, so that whatever names it belongs to this test.
  let path: FilePath

  /// Where scratches on disk are: /tmp may be in memory.
  var state: FilePath { FilePath("/var/tmp").appending(path.lastComponent?.string ?? "") }

  init() throws {
    path = FilePath("/tmp/oneoff-itest-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    for directory in ["", "runtime", "tmp", "files"] { try make(directory) }
  }

  /// The environment of the programs that the test starts.
  var environment: [String: String] {
    [
      "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
      "ONEOFF_RUNTIME_DIR": path.appending("runtime").string,
      "ONEOFF_STATE_DIR": state.string, "TMPDIR": path.appending("tmp").string,
    ]
  }

  /// Makes a directory of that name and returns its path.
  @discardableResult
  func make(_ name: String, mode: Int = 0o755, owner: Int? = nil) throws -> String {
    let directory = path.appending(name).string
    var attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
    if let owner {
      attributes[.ownerAccountID] = owner
      attributes[.groupOwnerAccountID] = owner
    }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try FileManager.default.setAttributes(attributes, ofItemAtPath: directory)
    return directory
  }

  /// Writes a file below `files` and returns its path.
  @discardableResult
  func write(_ name: String, _ text: String, mode: Int = 0o644) throws -> String {
    let file = path.appending("files").appending(name)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
    return file.string
  }

  /// A layer with the directory `/data` and these files in it, and the option that adds it.
  func dataLayer(_ files: String...) throws -> [String] {
    for file in files {
      let path = path.appending("layer/data").appending(file)
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try Data("text".utf8).write(to: URL(fileURLWithPath: path.string))
    }
    return ["--layer", path.appending("layer").string]
  }

  /// The program at a place where every user may execute it.
  func readableProgram() throws -> String {
    let copy = path.appending("files/oneoff").string
    try FileManager.default.copyItem(atPath: Built.program, toPath: copy)
    return copy
  }

  /// What is left in the directories in which the program may not leave anything.
  var remains: Set<String> {
    let others = names(in: "runtime").filter { !["slots", "seccomp", "runs"].contains($0) }
    let locks = names(in: "runtime/slots").filter { Int($0) == nil }
    // Of compiled profiles no draft may be left.
    let drafts = names(in: "runtime/seccomp").filter { Int($0) == nil }
    let scratches =
      HostSnapshot.entries(state.string).filter { !["scratch", "runs", "apps"].contains($0) }
      + HostSnapshot.entries(state.appending("scratch").string)
    // And of records no half.
    let halves = HostSnapshot.entries(state.appending("runs").string).filter { $0.hasPrefix(".") }
    // Nobody listens any more: control sockets are gone.
    let sockets = names(in: "runtime/runs")
    return Set(others + locks + drafts + halves + scratches + sockets + names(in: "tmp"))
  }

  func names(in directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path.appending(directory).string)) ?? []
  }

  func remove() throws {
    try FileManager.default.removeItem(atPath: path.string)
    guard FileManager.default.fileExists(atPath: state.string) else { return }
    try FileManager.default.removeItem(atPath: state.string)
  }
}

/// What a test must not leave on the machine. A namespace lives by a process, a mount or a
/// descriptor, which are looked for.
struct HostSnapshot {
  var mounts = linesOf("/proc/self/mountinfo").count
  var descriptors = openDescriptors()
  var cgroups = cgroupNames()

  private static func linesOf(_ path: String) -> [Substring] {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
  }

  static func entries(_ path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }

  /// Where the hierarchy of cgroups v2 is mounted: alone, or on a hybrid host beside those of v1.
  static let cgroup2Root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first {
    FileManager.default.fileExists(atPath: $0 + "/cgroup.procs")
  }

  /// The cgroups of runs in all hierarchies, but for those with processes: other runs of the
  /// machine are alive, and those of the test's own are found as processes.
  static func cgroupNames() -> Set<String> {
    let mountPoint = "/sys/fs/cgroup"
    let roots = [mountPoint] + entries(mountPoint).map { "\(mountPoint)/\($0)" }
    let cgroups = roots.flatMap { root in
      entries(root + "/oneoff").map { "\(root)/oneoff/\($0)" }
    }
    return Set(
      cgroups.filter { (try? String(contentsOfFile: $0 + "/cgroup.procs", encoding: .utf8)) == "" })
  }

  /// The test process's own, but for those that the Swift runtime makes when it first needs them.
  private static func openDescriptors() -> Set<String> {
    let all = entries("/proc/self/fd").compactMap { number in
      target("/proc/self/fd/\(number)").map { "\(number) \($0)" }
    }
    return Set(all.filter { !$0.contains("anon_inode:[event") && !$0.contains("[timerfd]") })
  }

  static func processIDs() -> [Int] { entries("/proc").compactMap { Int($0) } }

  static func target(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  /// The processes that a text leads to: by their arguments, their environment, or a descriptor, as
  /// PID 1 of a container has one of its slot.
  static func processes(of text: String) -> [Int] {
    processIDs().filter { process in
      guard process != Int(getpid()) else { return false }
      let files = ["cmdline", "environ"].compactMap {
        FileManager.default.contents(atPath: "/proc/\(process)/\($0)")
      }
      let needle = Data(text.utf8)
      if files.contains(where: { $0.range(of: needle) != nil }) { return true }
      return entries("/proc/\(process)/fd").contains {
        target("/proc/\(process)/fd/\($0)")?.contains(text) == true
      }
    }
  }

  /// A process as a person knows it: its number, and what it was started as.
  private static func description(ofProcess process: Int) -> String {
    let arguments = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
    let words = arguments.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    return "\(process) \(words.joined(separator: " ").prefix(200))"
  }

  /// The loop devices over a file below a directory, also over one that has no name any more.
  static func loopDevices(below directory: FilePath) -> [String] {
    entries("/sys/block").filter { device in
      let file = "/sys/block/\(device)/loop/backing_file"
      let text = try? String(contentsOfFile: file, encoding: .utf8)
      return text?.hasPrefix(directory.string + "/") == true
    }
  }

  /// What is there now that was not before, in words.
  func leaks(in workspace: Workspace) -> [String] {
    let now = HostSnapshot()
    var leaks: [String] = []
    if now.mounts != mounts { leaks.append("\(now.mounts) mounts, \(mounts) before") }
    if !now.descriptors.subtracting(descriptors).isEmpty {
      leaks.append("descriptors of the test \(now.descriptors.subtracting(descriptors))")
    }
    if !now.cgroups.subtracting(cgroups).isEmpty {
      leaks.append("cgroups \(now.cgroups.subtracting(cgroups))")
    }
    let processes = Self.processes(of: workspace.path.string)
    if !processes.isEmpty {
      leaks.append("processes \(processes.map(Self.description(ofProcess:)))")
    }
    let devices = Self.loopDevices(below: workspace.state)
    if !devices.isEmpty { leaks.append("loop devices \(devices)") }
    if !workspace.remains.isEmpty { leaks.append("files \(workspace.remains)") }
    return leaks
  }
}

/// Gives each test a workspace, and compares the machine before and after it.
struct LeavesNothingBehind: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // Within a suite's own scope the tests have not begun.
    guard testCase != nil else { return try await function() }
    let before = HostSnapshot()
    let workspace = try Workspace()
    defer { try? workspace.remove() }
    try await Workspace.$shared.withValue(workspace, operation: function)
    // Other programs of the machine come and go too: only what stays is a leak.
    var leaks = before.leaks(in: workspace)
    let deadline = ContinuousClock.now + .seconds(5)
    while !leaks.isEmpty, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(20))
      leaks = before.leaks(in: workspace)
    }
    #expect(leaks.isEmpty, "left behind")
  }
}

extension Trait where Self == LeavesNothingBehind {
  static var leavesNothingBehind: Self { Self() }
}

/// Everything that drives the built program. One test at a time: they compare the machine.
@Suite(
  .serialized, .requires(.root, .program, .fixture("tiny"), .fixture("probe")),
  .leavesNothingBehind)
enum IntegrationTests {}
