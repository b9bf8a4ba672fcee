import ContainerSpec
import LinuxSystem
import Testing

@testable import OneOff

private typealias Operation = LaunchPlan.Operation

/// The rules of docs/launch-sequence.md that every plan obeys, whatever the run.
@Suite struct PlanOrderTests {
  /// All operations of the first kind stand before all of the second.
  private func expect(
    _ first: (Operation) -> Bool, before second: (Operation) -> Bool, in operations: [Operation],
    _ plan: PlanCase, _ location: SourceLocation = #_sourceLocation
  ) {
    guard let last = operations.lastIndex(where: first),
      let next = operations.firstIndex(where: second)
    else { return }
    #expect(
      last < next, "\(operations[last]) comes after \(operations[next]) in \(plan)",
      sourceLocation: location)
  }

  private func expect(
    _ first: Operation.Kind, before second: Operation.Kind, in operations: [Operation],
    _ plan: PlanCase, _ location: SourceLocation = #_sourceLocation
  ) {
    expect({ $0.kind == first }, before: { $0.kind == second }, in: operations, plan, location)
  }

  @Test(arguments: try PlanCase.all()) func theHostsArgumentsAreErasedFirst(_ plan: PlanCase) {
    let setup = LaunchSequence(plan.subject).plan.setup
    #expect(setup.first?.kind == .eraseArguments)
    #expect(setup.dropFirst().first?.kind == .resetSignals)
  }

  @Test(arguments: try PlanCase.all()) func nothingIsMountedBeforeMountsArePrivate(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    #expect(setup.count { $0.kind == .makeMountsPrivate } == 1)
    expect({ $0.kind == .makeMountsPrivate }, before: \.isMount, in: setup, plan)
    expect(.enterScratch, before: .attach, in: setup, plan)
  }

  @Test(arguments: try PlanCase.all()) func aTerminalIsTakenByANewSession(_ plan: PlanCase) {
    let command = LaunchSequence(plan.subject).plan.command
    let isTaken = command.contains { $0.kind == .takeControllingTerminal }
    #expect(isTaken == (plan.subject.spec.terminal != nil))
    expect(.newSession, before: .useStandardStreams, in: command, plan)
    expect(.useStandardStreams, before: .takeControllingTerminal, in: command, plan)
    expect(.takeControllingTerminal, before: .closeDescriptors, in: command, plan)
  }

  @Test(arguments: try PlanCase.all()) func theNetworkAndTheCgroupAreThereBeforeSysfs(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    for kind in [Operation.Kind.joinNetwork, .newCgroupNamespace] {
      expect({ $0.kind == kind }, before: { $0.mountedType == "sysfs" }, in: setup, plan)
    }
    expect(
      { $0.mountedType == "sysfs" }, before: { $0.mountedType == "cgroup2" }, in: setup, plan)
  }

  @Test(arguments: try PlanCase.all()) func theRootIsPivotedToOnceEverythingIsInIt(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    #expect(setup.count { $0.kind == .pivot } == 1)
    expect({ $0.isMount || $0.kind == .mask }, before: { $0.kind == .pivot }, in: setup, plan)
  }

  @Test(arguments: try PlanCase.all()) func theRootBecomesReadOnlyAfterTheLastCreation(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    let isRootReadOnly: (Operation) -> Bool = { $0 == .makeReadOnly(.init("", below: .root)) }
    #expect(setup.contains(where: isRootReadOnly) == plan.subject.spec.isReadOnly)
    expect(\.mayCreate, before: isRootReadOnly, in: setup, plan)
    expect(isRootReadOnly, before: { $0.kind == .pivot }, in: setup, plan)
  }

  /// What is sent is what was mounted last, and nothing that the command could have bent.
  @Test(arguments: try PlanCase.all()) func overlaysAreSentRightAfterTheyAreMounted(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    var sent = 0
    for (previous, operation) in zip(setup, setup.dropFirst()) {
      guard case .sendDirectory(let place, _) = operation else { continue }
      sent += 1
      guard case .mount(let fileSystem, let mounted) = previous else {
        Issue.record("\(previous) comes before \(operation)")
        continue
      }
      #expect(fileSystem.type == "overlay")
      #expect(place.path == (fileSystem.becomes == .root ? "" : mounted.path))
    }
    let overlays = setup.count { $0.mountedType == "overlay" }
    #expect(sent == (plan.subject.spec.exports.isEmpty ? 0 : overlays))
  }

  @Test(arguments: try PlanCase.all()) func theFirstProcessIsConfinedLastBySeccomp(
    _ plan: PlanCase
  ) {
    let sequence = LaunchSequence(plan.subject).plan
    let confinement: [Operation.Kind] = [
      .boundCapabilities, .keepCapabilities, .forbidNewPrivileges, .forbidDumping,
    ]
    // Whose PID 1 does not own the command's user namespace needs rights to have it joined.
    let isOwner =
      plan.subject.spec.userNamespace != .host && plan.subject.rootless?.firstProcess == nil
    #expect((Array(sequence.setup.map(\.kind).suffix(4)) == confinement) == isOwner)
    #expect(sequence.guarding.map(\.kind).dropLast() == (isOwner ? [] : confinement))
    #expect(sequence.guarding.last == .installSeccomp(.firstProcess))
  }

  @Test(arguments: try PlanCase.all()) func theFirstProcessHasItsIDBeforeTheCommandIsThere(
    _ plan: PlanCase
  ) {
    let setup = LaunchSequence(plan.subject).plan.setup
    let change: [Operation.Kind] = [
      .keepCapabilitiesOnUserChange, .setGroups, .setGroup, .setUser, .keepCapabilities,
    ]
    let isChanged = plan.subject.rootless?.firstProcess != nil
    #expect((Array(setup.map(\.kind).suffix(5)) == change) == isChanged)
    #expect(setup.map(\.kind).contains(.setUser) == isChanged)
  }

  @Test(arguments: try PlanCase.all()) func theIdsAreSetInsideTheUserNamespaceFromGroupsToUser(
    _ plan: PlanCase
  ) {
    let command = LaunchSequence(plan.subject).plan.command
    let order: [Operation.Kind] = [
      .newSession, .useStandardStreams, .joinUserNamespace, .boundCapabilities, .setGroups,
      .setGroup, .setUser, .setCapabilities, .forbidNewPrivileges, .newKeyring,
      .closeDescriptors, .enterWorkingDirectory, .installSeccomp, .execute,
    ]
    for (first, second) in zip(order, order.dropFirst()) {
      expect(first, before: second, in: command, plan)
    }
    let always = Set(order).subtracting([.joinUserNamespace, .setGroups])
    #expect(always.isSubset(of: command.map(\.kind)))
    #expect(
      command.contains { $0.kind == .setGroups } == (plan.subject.rootless?.isSingle != true))
    #expect(
      command.contains { $0.kind == .joinUserNamespace }
        == (plan.subject.spec.userNamespace == .auto))
  }

  @Test(arguments: try PlanCase.all()) func landlockComesAfterNoNewPrivilegesAndBeforeSeccomp(
    _ plan: PlanCase
  ) {
    let command = LaunchSequence(plan.subject).plan.command
    #expect(command.contains { $0.kind == .restrictWithLandlock } == plan.subject.usesLandlock)
    expect(.forbidNewPrivileges, before: .restrictWithLandlock, in: command, plan)
    expect(.restrictWithLandlock, before: .installSeccomp, in: command, plan)
    expect(.setUser, before: .forbidDumping, in: command, plan)
  }

  @Test(arguments: try PlanCase.all()) func theCommandGetsTheCapabilitiesOfTheSpecAndNoOthers(
    _ plan: PlanCase
  ) {
    let command = LaunchSequence(plan.subject).plan.command
    let mask = plan.subject.spec.capabilities.rawValue
    #expect(command.contains(.boundCapabilities(mask: mask)))
    #expect(command.contains(.setCapabilities(mask: mask)))
    #expect(command.count { $0.kind == .boundCapabilities || $0.kind == .setCapabilities } == 2)
    #expect(command.contains(.keepCapabilitiesOnUserChange) == (mask != 0))
    expect(.keepCapabilitiesOnUserChange, before: .setUser, in: command, plan)
  }

  @Test(arguments: try PlanCase.all()) func nothingButTheExecutionFollowsSeccomp(
    _ plan: PlanCase
  ) throws {
    let command = LaunchSequence(plan.subject).plan.command
    let seccomp = try #require(command.firstIndex { $0.kind == .installSeccomp })
    let executions = command[(seccomp + 1)...]
    #expect(executions.allSatisfy { $0.kind == .execute })
    #expect(executions.dropLast().allSatisfy { $0.isOptional })
    #expect(executions.last?.isOptional == false)
  }

  @Test(arguments: try PlanCase.all()) func everyDescriptorOfThePlanIsPrepared(_ plan: PlanCase) {
    let sequence = LaunchSequence(plan.subject)
    let text = sequence.preparations.map(\.description).joined(separator: "\n")
    for case .attach(let name, _) in sequence.plan.setup {
      #expect(text.contains("\(name):"), "\(name)")
    }
    #expect(text.contains("user namespace:") == (plan.subject.commandMaps != nil))
    #expect(text.contains("landlock scope:") == plan.subject.usesLandlock)
  }
}

extension LaunchPlan.Operation {
  /// The operation without its values.
  fileprivate enum Kind: Hashable, Sendable {
    case eraseArguments, resetSignals, joinNetwork, newCgroupNamespace, makeMountsPrivate
    case enterScratch, attach, mount, mask, makeReadOnly, pivot, other
    case keepCapabilities, keepCapabilitiesOnUserChange, forbidNewPrivileges, forbidDumping
    case installSeccomp
    case newSession, useStandardStreams, takeControllingTerminal
    case joinUserNamespace, boundCapabilities, setGroups, setGroup
    case setUser, setCapabilities, newKeyring, enterWorkingDirectory, restrictWithLandlock
    case closeDescriptors, execute
  }

  fileprivate var kind: Kind {
    switch self {
    case .eraseArguments: .eraseArguments
    case .resetSignals: .resetSignals
    case .joinNetwork: .joinNetwork
    case .newCgroupNamespace: .newCgroupNamespace
    case .makeMountsPrivate: .makeMountsPrivate
    case .enterScratch: .enterScratch
    case .attach: .attach
    case .mount: .mount
    case .mask: .mask
    case .makeReadOnly: .makeReadOnly
    case .pivot: .pivot
    case .keepCapabilities: .keepCapabilities
    case .keepCapabilitiesOnUserChange: .keepCapabilitiesOnUserChange
    case .forbidNewPrivileges: .forbidNewPrivileges
    case .forbidDumping: .forbidDumping
    case .installSeccomp: .installSeccomp
    case .newSession: .newSession
    case .useStandardStreams: .useStandardStreams
    case .takeControllingTerminal: .takeControllingTerminal
    case .joinUserNamespace: .joinUserNamespace
    case .boundCapabilities: .boundCapabilities
    case .setGroups: .setGroups
    case .setGroup: .setGroup
    case .setUser: .setUser
    case .setCapabilities: .setCapabilities
    case .newKeyring: .newKeyring
    case .enterWorkingDirectory: .enterWorkingDirectory
    case .restrictWithLandlock: .restrictWithLandlock
    case .closeDescriptors: .closeDescriptors
    case .execute: .execute
    case .joinCgroup, .setHostname, .setUmask, .setResourceLimit, .fixResourceLimit,
      .adjustOOMScore, .setNiceness, .sendDirectory:
      .other
    }
  }

  fileprivate var isMount: Bool { [.enterScratch, .attach, .mount].contains(kind) }

  fileprivate var mountedType: String? {
    if case .mount(let fileSystem, _) = self { fileSystem.type } else { nil }
  }

  fileprivate var mayCreate: Bool {
    switch self {
    case .attach(_, let place), .mount(_, let place): place.missing != .fail
    default: false
    }
  }

  fileprivate var isOptional: Bool {
    if case .execute(let execution) = self { execution.isOptional } else { false }
  }
}
