import FoundationEssentials
import Glibc
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

/// What is launched for real. One after the other: a container begins with the descriptors of every
/// test that runs beside it.
@Suite(.serialized, .requires(.root)) enum Launches {}

/// Launches a plan and waits for its end.
func records(
  of plan: LaunchPlan, with descriptors: DescriptorTable = DescriptorTable()
) throws -> [StatusRecord] {
  let container = try launch(plan, with: descriptors)
  let records = try allRecords(of: container)
  _ = try container.reap()
  return records
}

/// Reads records until nobody is left who could write one.
func allRecords(of container: borrowing LaunchedContainer) throws -> [StatusRecord] {
  var records: [StatusRecord] = []
  while true {
    let next = try StatusRecord.read(from: container.status.number)
    if next.isEmpty { return records }
    records += next
  }
}

extension [StatusRecord] {
  /// How the command ended, when that was reported.
  var exit: CommandExit? {
    for case .exited(let exit) in self { return exit }
    return nil
  }
}

extension LaunchPlan {
  /// A plan that runs a script in the host's own file system.
  static func running(
    _ script: String, before operations: [Operation] = [.newSession]
  ) -> LaunchPlan {
    var plan = LaunchPlan(namespaces: .isolated)
    plan.setup = [.resetSignals, .makeMountsPrivate]
    plan.command = operations + [.execute(.shell(script))]
    return plan
  }
}

extension LaunchPlan.Execution {
  static func shell(_ script: String) -> LaunchPlan.Execution {
    .init(
      candidates: [Array("/bin/sh".utf8)],
      arguments: ["sh", "-c", script].map { Array($0.utf8) },
      environment: [Array("PATH=/usr/bin:/bin".utf8)])
  }

  static func program(_ paths: String..., isOptional: Bool = false) -> LaunchPlan.Execution {
    .init(
      candidates: paths.map { Array($0.utf8) }, arguments: [Array("x".utf8)], environment: [],
      isOptional: isOptional)
  }
}

/// A directory that goes away with the value.
final class TemporaryDirectory {
  let path: FilePath
  let descriptor: OwnedDescriptor

  init() throws {
    let name = randomBytes(8).map { String($0, radix: 16) }.joined()
    let path = FilePath("/tmp/oneoff-test-\(name)")
    try makeDirectories(path, permissions: 0o755)
    self.path = path
    self.descriptor = try OwnedDescriptor(directory: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// Makes a file and returns its path.
  func file(_ name: String, _ contents: [UInt8], permissions: UInt32 = 0o755) throws -> String {
    try descriptor.makeFile(
      name, contents: contents, permissions: permissions, owner: .init(uid: 0, gid: 0))
    return path.appending(name).string
  }
}

/// Waits for something that happens elsewhere; false when it has not happened for 10 seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let end = monotonicClock() + .seconds(10)
  while monotonicClock() < end {
    if try condition() { return true }
    usleep(2000)
  }
  return false
}
