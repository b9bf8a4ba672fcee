import LinuxSystem

/// Where the time of a run goes: its phases, the steps of each, and the operations of the child.
///
/// Nobody makes one unless it was asked for, so a run that is not measured reads no clock for it.
package final class TimingTrace {
  /// Who spends the time.
  enum Lane: Int, CaseIterable {
    case supervisor = 1
    case firstProcess = 2
    case command = 3

    var name: String {
      switch self {
      case .supervisor: "oneoff"
      case .firstProcess: "PID 1"
      case .command: "the command's process"
      }
    }
  }

  /// Something that took time. What lies within another on the same lane is part of it.
  struct Span: Equatable {
    var name: String
    var lane: Lane
    var beginning: Duration
    var end: Duration
  }

  private(set) var spans: [Span] = []
  private var phase: String?
  private var phaseBeginning: Duration
  private var stepBeginning: Duration
  private var launch: (stamps: LaunchStamps, plan: LaunchPlan)?

  /// Begins with the phase in which the options are read, which is over but for a little: when it
  /// began is concluded from the time that a processor has worked for this process.
  package init() {
    let now = monotonicClock()
    phase = "options"
    phaseBeginning = now - processorTime()
    stepBeginning = now
  }

  /// Ends the phase, and begins the next.
  package func begin(_ name: String) {
    end()
    phase = name
  }

  /// Ends the phase.
  private func end() {
    let now = monotonicClock()
    if let phase {
      spans.append(
        Span(name: phase, lane: .supervisor, beginning: phaseBeginning, end: now))
    }
    phase = nil
    phaseBeginning = now
    stepBeginning = now
  }

  /// Notes a part of the phase: all since the one before it.
  func noteStep(_ name: String) {
    let now = monotonicClock()
    spans.append(Span(name: name, lane: .supervisor, beginning: stepBeginning, end: now))
    stepBeginning = now
  }

  /// Makes the memory in which the child of a launch notes its times.
  func makeStamps(for plan: LaunchPlan) throws(SystemError) -> LaunchStamps {
    let stamps = try LaunchStamps(for: plan)
    launch = (stamps, plan)
    return stamps
  }

  /// Begins the phase that a record of PID 1 announces.
  func note(_ record: StatusRecord) {
    switch record {
    case .failed: break
    case .started: begin("command")
    case .exited: begin("reap")
    case .emptied: noteStep("everybody else")
    }
  }

  /// Ends the last phase, and adds what the child has noted.
  package func finish() {
    end()
    guard let (stamps, plan) = launch else { return }
    launch = nil
    spans += Self.operations(of: plan, stamps)
  }

  /// The operations of the child, and the groups that they make. One that nobody has noted is part
  /// of the one before it.
  private static func operations(of plan: LaunchPlan, _ stamps: LaunchStamps) -> [Span] {
    let ends: [(LaunchPlan.Section, Lane, Duration?)] = [
      (.setup, .firstProcess, stamps.fork), (.command, .command, stamps.execution),
    ]
    var spans: [Span] = []
    for (section, lane, end) in ends {
      var operations: [Span] = []
      var groups: [Span] = []
      for (index, operation) in plan[section].enumerated() {
        guard let beginning = stamps.beginning(of: section, index) else { continue }
        if !operations.isEmpty { operations[operations.count - 1].end = beginning }
        if !groups.isEmpty { groups[groups.count - 1].end = beginning }
        let last = end ?? beginning
        operations.append(
          Span(name: operation.name, lane: lane, beginning: beginning, end: last))
        if groups.last?.name == operation.group {
          groups[groups.count - 1].end = last
        } else {
          groups.append(
            Span(name: operation.group, lane: lane, beginning: beginning, end: last))
        }
      }
      spans += groups + operations
    }
    if let fork = stamps.fork, let execution = stamps.execution {
      spans.append(
        Span(
          name: "sleeps until the command is executed", lane: .firstProcess, beginning: fork,
          end: execution))
    }
    return spans
  }
}

extension LaunchPlan.Operation {
  /// What it does. What is executed is not named: arguments may be secret, and nothing masks them
  /// here.
  fileprivate var name: String {
    if case .execute = self { return "execute" }
    return description
  }

  /// What it is part of, in the eyes of whoever asks where the time goes.
  var group: String {
    switch self {
    case .eraseArguments, .resetSignals, .setHostname, .adjustOOMScore, .setNiceness, .newSession,
      .useStandardStreams, .takeControllingTerminal, .setUmask, .enterWorkingDirectory,
      .setResourceLimit, .fixResourceLimit, .closeDescriptors:
      "process"
    case .joinCgroup, .newCgroupNamespace, .joinNetwork, .joinUserNamespace:
      "namespaces and cgroups"
    case .makeMountsPrivate, .enterScratch, .attach, .mount, .pivot, .sendDirectory:
      "file systems"
    case .mask, .makeReadOnly: "masks"
    case .forbidNewPrivileges, .forbidDumping, .boundCapabilities, .keepCapabilities,
      .keepCapabilitiesOnUserChange, .setCapabilities, .setGroups, .setGroup, .setUser,
      .newKeyring, .restrictWithLandlock:
      "rights"
    case .installSeccomp, .execute: "seccomp and exec"
    }
  }
}
