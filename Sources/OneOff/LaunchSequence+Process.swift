import ContainerSpec
import LinuxSystem

extension LaunchSequence {
  /// How the kernel treats the processes of a run beside others. Both are set by PID 1, which is
  /// where the capabilities are that lowering them takes; everything in the container inherits
  /// them.
  static func standing(of subject: LaunchSubject) -> [LaunchPlan.Operation] {
    var operations: [LaunchPlan.Operation] = []
    // The same for PID 1: it uses so little memory that the kernel chooses any other process first,
    // and the run that is to be spared (or given up first) is so with all of it.
    if let adjustment = subject.spec.oomScoreAdjustment {
      operations.append(.adjustOOMScore(adjustment))
    }
    // A higher niceness is set by the command's process itself: signals and the end of the run do
    // not wait for a PID 1 that everybody else goes before.
    if let niceness = subject.spec.niceness, niceness < subject.callerNiceness {
      operations.append(.setNiceness(niceness))
    }
    return operations
  }

  /// What bounds each process, one operation a resource. The built-in limits leave a lower hard
  /// limit of the caller's as it is; those that were asked for hold exactly.
  static func processLimits(of subject: LaunchSubject) -> [LaunchPlan.Operation] {
    var operations: [LaunchPlan.Operation] = []
    let given = subject.spec.resourceLimits
    // Not a list of limits: making its type at run time costs more than these calls.
    func limit(_ resource: ResourceLimit.Resource, soft: UInt64, hard: UInt64) {
      guard !given.contains(where: { $0.resource == resource }) else { return }
      operations.append(.setResourceLimit(.init(resource), soft: soft, hard: hard))
    }
    // 1 is less than any dump, and the only limit that counts where dumps are piped to a program of
    // the host's (core(5), and do_coredump() in the kernel's fs/coredump.c).
    limit(.coreSize, soft: 1, hard: 1)
    limit(.openFiles, soft: 1024, hard: 65536)
    // These two count against the host's root as well, whom a run could otherwise leave none.
    limit(.pendingSignals, soft: 4096, hard: 4096)
    limit(.messageQueues, soft: 131_072, hard: 131_072)
    // The kernel counts by user id and user namespace, and not at all for the host's root: in the
    // host's user namespace it would count everything else that this user has running.
    if subject.commandMaps != nil {
      let most = subject.processLimit
      limit(.processes, soft: most, hard: most)
    }
    for limit in given {
      operations.append(
        .fixResourceLimit(.init(limit.resource), soft: limit.soft, hard: limit.hard))
    }
    if let niceness = subject.spec.niceness, niceness >= subject.callerNiceness {
      operations.append(.setNiceness(niceness))
    }
    return operations
  }
}

extension LaunchPlan.ResourceLimit {
  /// The resource of a specification.
  init(_ resource: ResourceLimit.Resource) {
    self =
      switch resource {
      case .addressSpace: .addressSpace
      case .coreSize: .coreSize
      case .processorTime: .processorTime
      case .dataSize: .dataSize
      case .fileSize: .fileSize
      case .fileLocks: .fileLocks
      case .lockedMemory: .lockedMemory
      case .messageQueues: .messageQueues
      case .niceness: .niceness
      case .openFiles: .openFiles
      case .processes: .processes
      case .residentSize: .residentSize
      case .realTimePriority: .realTimePriority
      case .realTime: .realTime
      case .pendingSignals: .pendingSignals
      case .stackSize: .stackSize
      }
  }
}
