import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// A command that attacks, in a run that has all defences and in one that lacks some of them.
///
/// A probe that is denied proves nothing unless it can succeed: each attack is also launched from a
/// sequence without the defence in question. There is no switch for that in the program; this
/// process launches the changed sequence itself, with the code that the program has.
struct Attack {
  /// The run.
  var spec: RunSpec

  /// An attack of a command in the tiny root file system.
  init(_ command: String..., in change: (inout RunSpec) throws -> Void = { _ in }) throws {
    self.spec = RunSpec(
      layers: [FilePath(Built.tiny)], command: try command.map { try ByteString($0) })
    spec.grace = .seconds(1)
    try change(&spec)
  }

  /// What comes of it when the program runs it.
  func onProgram() throws -> Completion {
    useRuntimeDirectoryOfTest()
    var completion = Completion(end: .code(125), stdout: [], stderr: [])
    do {
      let container = try OneOffContainer(spec, program: FilePath(Built.program))
      let result = try container.run { event in
        guard case .log(let line) = event else { return }
        let bytes = line.bytes + (line.isPartial ? [] : [UInt8(ascii: "\n")])
        if line.stream == .stdout { completion.stdout += bytes } else { completion.stderr += bytes }
      }
      completion.end = .code(result.status)
    } catch OneOffError.setup(let failure) {
      completion.stderr += Array(failure.description.utf8)
    }
    return completion
  }

  /// What comes of it when the sequence is launched without a defence.
  func without(_ weaken: (inout LaunchSequence) throws -> Void) throws -> Completion {
    useRuntimeDirectoryOfTest()
    // The launch clears it, for a process that has nothing else to do.
    let mask = umask(0)
    defer { umask(mask) }
    var refusal: (any Error)?
    let launch = try Launch(spec, id: RunID("weakened")) { subject in
      var sequence = LaunchSequence(subject)
      do { try weaken(&sequence) } catch { refusal = error }
      return sequence
    }
    do {
      if let refusal { throw refusal }
      let completion = try Self.follow(launch)
      launch.cleanUp()
      return completion
    } catch {
      launch.abort()
      throw error
    }
  }

  private static func follow(_ launch: borrowing Launch) throws -> Completion {
    var completion = Completion(end: .code(125), stdout: [], stderr: [])
    let outputs = [launch.streams.stdout, launch.streams.stderr].compactMap { $0?.descriptor }
    for (output, stream) in zip(outputs, [\Completion.stdout, \.stderr]) {
      try FileDescriptor(rawValue: output).forEachChunk { completion[keyPath: stream] += $0 }
    }
    while true {
      let records = try StatusRecord.read(from: launch.container.status.number)
      if records.isEmpty { break }
      for record in records {
        switch record {
        case .started, .emptied: break
        case .failed(let failure):
          let description = SetupFailure(failure, in: launch.plan).description
          completion.stderr += Array(description.utf8)
        case .exited(let exit):
          switch exit.way {
          case .code(let code): completion.end = .code(code)
          case .signal(let number): completion.end = .code(128 + number)
          }
        }
      }
    }
    _ = try launch.container.reap()
    return completion
  }

  /// The program gets this process's environment, and a launch in this process has no other.
  private func useRuntimeDirectoryOfTest() {
    // Safe: one test runs at a time, and nothing else reads the environment meanwhile.
    let directory = Workspace.current.path.appending("runtime").string
    unsafe setenv("ONEOFF_RUNTIME_DIR", directory, 1)
  }
}

/// A defence that a test wants to take away and that the sequence does not have.
struct NoSuchDefence: Error { var text: String }

extension LaunchSequence {
  /// Leaves out the operations and preparations that `print-plan` shows with these beginnings.
  mutating func leaveOut(_ beginnings: String...) throws {
    for text in beginnings {
      let before = count
      for section in Self.sections {
        plan[keyPath: section].removeAll { $0.description.hasPrefix(text) }
      }
      preparations.removeAll { $0.description.hasPrefix(text) }
      guard count < before else { throw NoSuchDefence(text: text) }
    }
  }

  /// Changes the operations that `print-plan` shows with this beginning.
  mutating func replace(
    _ beginning: String, _ change: (LaunchPlan.Operation) -> LaunchPlan.Operation
  ) throws {
    var isThere = false
    for section in Self.sections {
      for (index, operation) in plan[keyPath: section].enumerated()
      where operation.description.hasPrefix(beginning) {
        plan[keyPath: section][index] = change(operation)
        isThere = true
      }
    }
    guard isThere else { throw NoSuchDefence(text: beginning) }
  }

  /// Leaves the system call filters out.
  mutating func leaveOutSeccomp() throws { try leaveOut("seccomp: ") }

  /// Leaves the command every capability that it has by its ids, and any system call.
  mutating func leavePrivileges() throws {
    try leaveOut("bounding set: none", "capabilities: none")
    try leaveOutSeccomp()
  }

  /// Leaves the run's own cgroup as its owner can write it.
  mutating func leaveCgroupWritable() throws {
    try replace("mount cgroup2 ") { operation in
      guard case .mount(var cgroups, let target) = operation else { return operation }
      cgroups.attributes.remove(.readOnly)
      return .mount(cgroups, target)
    }
  }

  /// Leaves PID 1 as a program that takes no care would be: dumpable, with no filter, and with no
  /// capability that a tracer would need, too. It gives those up once the command was executed,
  /// which therefore has to wait a moment.
  mutating func exposeFirstProcess() throws {
    // The command's process, too: it has PID 1's memory until it is executed, and with it this.
    try leaveOut("not dumpable")
    plan.guarding = [.keepCapabilities(mask: 0)]
  }

  private static var sections: [WritableKeyPath<LaunchPlan, [LaunchPlan.Operation]>] {
    [\.setup, \.guarding, \.command]
  }

  private var count: Int {
    preparations.count + Self.sections.reduce(0) { $0 + plan[keyPath: $1].count }
  }
}

/// Checks that an attack is denied with this errno, and succeeds without a defence.
///
/// With `inHostsUserNamespace`, the second run shares the host's user namespace, as `--userns host`
/// makes the program do: root inside is the host's then.
func expect(
  _ attack: Attack, isDeniedWith errno: String, inHostsUserNamespace: Bool = false,
  butSucceedsWithout weaken: (inout LaunchSequence) throws -> Void,
  _ location: SourceLocation = #_sourceLocation
) throws {
  let denied = try attack.onProgram()
  #expect(denied["errno"] == errno, "\(denied.errors)", sourceLocation: location)
  #expect(
    ["denied", "failed"].contains(denied["result"]), "\(denied.errors)", sourceLocation: location)
  var unprotected = attack
  if inHostsUserNamespace { unprotected.spec.userNamespace = .host }
  let done = try unprotected.without(weaken)
  #expect(
    ["succeeded", "ok"].contains(done["result"]), "\(done["errno"] ?? "") \(done.errors)",
    sourceLocation: location)
}
