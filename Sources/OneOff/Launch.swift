import ContainerSpec
import LinuxSystem
import SeccompPolicy
import SystemPackage

/// A container that was started, with what must outlive it: its slot and its cgroups.
struct Launch: ~Copyable {
  /// The plan that its first process carries out.
  let plan: LaunchPlan
  /// What the caller should know.
  let warnings: [RunWarning]
  /// The container.
  let container: LaunchedContainer
  /// What answers and counts the system calls that the seccomp program has blocked.
  let blockedCalls: BlockedCallLog?
  /// What it brings out of the scratch; nil for nothing.
  let exports: RunExports?
  /// Our ends of the command's standard streams.
  let streams: CommandStreams
  /// What is needed to find out what the run has changed, until ``cleanUp()``.
  let changeSources: ChangeSources
  private let slot: Slot
  private let cgroups: RunCgroups?
  private let scratchDirectory: ScratchDirectory?
  /// What the scratch was made for; nil where nothing limits it.
  private let scratch: Scratch?
  private let scratchImage: ScratchImage?

  /// Takes a slot, prepares, and starts the container.
  ///
  /// - Parameter trace: where the time goes; nil when nobody wants to know.
  /// - Parameter write: writes the sequence for a run that was looked up. Tests of a defence give
  ///   one that leaves it out, and see the attack succeed.
  /// - Throws: a `SpecError` or a `SystemError`. Nothing is left behind then.
  init(
    _ spec: RunSpec, id: RunID,
    sequence write: (LaunchSubject) -> LaunchSequence = LaunchSequence.init,
    trace: TimingTrace? = nil
  ) throws {
    clearFileModeMask()
    // BEFORE everything else: what is made and looked up belongs to these namespaces.
    let rootless = try Rootless(spec)
    try rootless?.enter()
    let exportTargets = spec.exports.isEmpty ? [] : try ExportTarget.all(of: spec)
    // BEFORE there is another process of ours, which would be in the way: a cgroup with processes
    // hands no controllers down.
    let early =
      spec.limits.controllers.isEmpty && !spec.isMeasured
      ? nil : try CgroupPlan.find(for: spec, rootless: rootless, enabling: true)
    // First of all else: the kernel makes it while we look at the image and prepare the mounts.
    let network = spec.network == .none ? try NetworkNamespaceMaker() : nil
    let directory = try StateDirectory.current(for: rootless)
    let slot = try Slot.acquire(in: directory, from: .current())
    let (cgroupPlan, cgroupWarnings) =
      try early
      ?? CgroupPlan.find(for: spec, rootless: rootless, enabling: true)
    var subject = try LaunchSubject(
      spec, id: id, slot: slot.ids, cgroups: cgroupPlan, rootless: rootless,
      programs: directory.programs)
    subject.warnings += cgroupWarnings
    let sequence = write(subject)
    if !exportTargets.isEmpty { try sequence.checkExports() }
    let scratchDirectory = try rootless.flatMap {
      subject.usesScratchDirectory ? try ScratchDirectory(for: $0) : nil
    }
    let scratchPath = try scratchDirectory?.make(slot.number)
    let cgroups: RunCgroups?
    do {
      cgroups = try cgroupPlan.map { try RunCgroups(making: $0, slot: slot.number) }
    } catch {
      try? scratchDirectory?.remove(slot.number)
      throw error
    }
    var preparer = Preparer(
      layerCount: spec.layers.count, cgroups: cgroups, network: network,
      scratchDirectory: scratchPath)
    do {
      try preparer.perform(sequence.preparations, trace)
      self.container = try launch(
        sequence.plan, with: preparer.descriptors, slot: slot.file.descriptor.number,
        stamps: try trace?.makeStamps(for: sequence.plan))
    } catch {
      cgroups?.remove()
      try? scratchDirectory?.remove(slot.number)
      throw error
    }
    self.plan = sequence.plan
    self.warnings = subject.warnings
    self.blockedCalls = Self.blockedCallLog(subject.filter.answers, &preparer)
    if let socket = preparer.takeExportSocket() {
      self.exports = RunExports(exportTargets, sequence.plan, socket: socket)
    } else {
      self.exports = nil
    }
    self.streams = preparer.takeStreams()
    self.cgroups = cgroups
    self.scratchDirectory = scratchDirectory
    self.scratch = subject.usesScratchDirectory ? nil : spec.scratch
    self.scratchImage = subject.scratchImage
    self.slot = slot
    // Now, and not when the run is over: as long as a copy of the pipes' writing ends is here,
    // reading them never comes to an end.
    self.changeSources = ChangeSources(subject, sequence, keeping: preparer.descriptors)
  }

  private static func blockedCallLog(
    _ answers: [BPFInstruction]?, _ preparer: inout Preparer
  ) -> BlockedCallLog? {
    guard let answers, let socket = preparer.takeListenerSocket() else { return nil }
    return BlockedCallLog(answers, socket: socket)
  }

  /// The limits that its cgroups enforce; nil without a cgroup.
  var limits: Limits? { cgroups?.plan.limits }

  /// All that the result has to tell of limits.
  var limitsInForce: RunResult.LimitsInForce? {
    RunResult.LimitsInForce(limits, scratch: scratch?.size)
  }

  /// Whether the scratch is full, once the container is dead and before ``cleanUp()``.
  var isScratchFull: Bool { changeSources.use(of: scratch)?.isFull ?? false }

  /// Sees to it that what is to be exported was not lost, once the container is dead.
  func checkScratch() throws(SystemError) {
    if case .disk = scratch { try changeSources.checkScratch() }
  }

  /// Why not all of what the command has written is in its scratch, once the container is dead; nil
  /// when nothing was lost. Only where the host's disk is full is that asked for, because all that
  /// is still in memory is written then.
  func findLostWrites() -> SystemError? {
    guard scratchImage?.isHostFull == true else { return nil }
    do throws(SystemError) {
      try checkScratch()
      return nil
    } catch {
      return error
    }
  }

  /// What tells again and again how the run is doing, from now on.
  func makeMeter() -> RunMeter {
    RunMeter(
      cgroups?.makeMeter(), memoryLimit: cgroups?.plan.limits.memory?.bytes,
      started: monotonicClock())
  }

  /// What its cgroups have measured.
  func figures() -> CgroupFigures { cgroups?.figures() ?? CgroupFigures() }

  /// Ends the container after an error of the supervisor's own.
  func abort() {
    container.kill()
    _ = try? container.reap()
    cleanUp()
  }

  /// Removes the cgroups, and a scratch directory, once the container is dead. What cannot be
  /// removed now is removed by the slot's next owner. A scratch on disk goes with its last
  /// descriptor.
  func cleanUp() {
    if case .disk = scratch, let use = changeSources.use(of: scratch), use.isWorthForgetting {
      changeSources.forgetScratch()
    }
    cgroups?.remove()
    try? scratchDirectory?.remove(slot.number)
  }
}
