import ContainerSpec
import Deploy
import LinuxSystem
import OneOff
import SystemPackage

/// A phase of a release that a deployment runs: in a process of its own, the supervisor, as every
/// run has one. Without root that process enters namespaces in which the platform's commands must
/// not run.
struct HookProcess: Sendable, Codable {
  /// How it ended, as the supervisor tells the deployment.
  struct End: Sendable, Hashable, Codable {
    var status: Int32
    var wasExecuted: Bool
    /// Why oneoff has ended it; nil where it ended by itself.
    var sentence: String?
  }

  private enum Descriptor {
    static let specification: Int32 = 3
    static let report: Int32 = 4
    static let events: Int32 = 6
  }

  private var spec: RunSpec
  private let name: String
  private let record: RecordRequest?
  private var output: RunOutput

  /// Takes what is to be run. Events go to the deployment's own.
  init(_ prepared: PreparedHook, output: RunOutput) {
    self.spec = prepared.spec
    self.name = prepared.name
    self.record = prepared.record
    self.output = output
    if let events = output.events, events != .descriptor(1) {
      self.output.events = .descriptor(Descriptor.events)
    }
  }

  /// Runs it to its end. Its supervisor holds the app's lock, too: when this process is killed, the
  /// hook goes on to its end, and nobody else deploys the app meanwhile.
  ///
  /// - Parameter events: the open descriptor of the events, unless that is standard output.
  /// - Throws: EAGAIN, EMFILE and the like; ``SpecError`` when the supervisor was killed.
  func run(
    _ interruptions: Interruptions, lock: borrowing AppLock, events: Int32?
  ) throws -> End {
    let specification = try OwnedDescriptor(inMemory: StoredJSON.text(self))
    let null = try OwnedDescriptor(opening: "/dev/null", flags: .reading)
    let report = try Pipe()
    let process = try HostProcess(
      "/proc/self/exe", arguments: ["oneoff", Self.verb.name].map { Array($0.utf8) },
      descriptors: [
        null.number, 1, 2, specification.number, report.writer.number, lock.file.number,
      ] + (events.map { [$0] } ?? []))
    // The supervisor itself sees to it that the command ends in time.
    let attended = AttendedProcess(
      process, output: report.takeReader(), timeout: nil, grace: nil, heartbeat: nil)
    var text: [UInt8] = []
    let way = try attended.attend(interruptions) { text += $0 }
    guard let end = StoredJSON.value(End.self, of: text) else {
      if case .ended(.code(let status)) = way {
        // It could not begin, and has said why.
        return End(status: status, wasExecuted: false)
      }
      throw SpecError(
        "the supervisor of \(name.prefix(1).lowercased() + name.dropFirst()) was killed",
        remedy: "see the kernel's log (dmesg): the machine may be out of memory")
    }
    return end
  }

  /// The verb with which this program starts itself for that.
  static let verb = Verb(
    name: "supervise-hook", summary: "Supervise a hook for a deployment", isHidden: true
  ) { _ in try supervise() }

  private static func supervise() throws -> Int32 {
    let specification = OwnedDescriptor(owning: Descriptor.specification)
    let report = OwnedDescriptor(owning: Descriptor.report)
    let text = try specification.readAll(limit: 16 << 20, subject: "of the specification")
    specification.closeNow()
    guard let hook = StoredJSON.value(HookProcess.self, of: text) else {
      throw SpecError(
        "the specification on descriptor \(Descriptor.specification) cannot be read",
        remedy: "this verb is for oneoff itself; people use oneoff deploy")
    }
    let run = try performRun(
      hook.spec, named: hook.name, output: hook.output, record: hook.record,
      onCallerDeath: .finish)
    let end = End(
      status: run.status, wasExecuted: run.wasExecuted, sentence: run.sentence)
    // Nobody reads it when the deployment was killed meanwhile.
    try? report.write(StoredJSON.text(end))
    return run.status
  }
}
