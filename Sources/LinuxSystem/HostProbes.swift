internal import CLaunch
import Glibc
public import SystemPackage

// What only a question about the host asks, and no run.

/// What a seccomp filter can answer, as seccomp(2) numbers it.
public enum SeccompAction: UInt32, Sendable, Hashable {
  /// SECCOMP_RET_ERRNO.
  case errno = 0x0005_0000
  /// SECCOMP_RET_USER_NOTIF.
  case userNotification = 0x7fc0_0000

  /// Whether this kernel knows the action. See SECCOMP_GET_ACTION_AVAIL of seccomp(2).
  public var isAvailable: Bool { ol_seccomp_action_available(rawValue) == 0 }
}

/// Whether this program was linked statically: then the kernel has loaded no interpreter for it.
/// See AT_BASE of getauxval(3).
public func isStaticProgram() -> Bool { ol_has_interpreter() == 0 }

/// The names and owners of a directory's entries, by name; at most so many.
///
/// - Throws: the errnos of open(2) but ENOENT, of getdents64(2) and of fstatat(2).
public func owners(
  in directory: FilePath, atMost limit: Int
) throws(SystemError) -> [(name: String, owner: LaunchPlan.Owner)] {
  let descriptor = try OwnedDescriptor(directory: directory)
  var found: [(name: String, owner: LaunchPlan.Owner)] = []
  for entry in try directoryEntries(directory, atMost: limit) {
    if let status = try descriptor.status(of: entry.name) {
      found.append((entry.text, status.owner))
    }
  }
  return found.sorted { $0.name < $1.name }
}

/// Whether a user namespace can be made at all, by whoever asks and without maps.
///
/// - Throws: EPERM, ENOSPC, EUSERS. See clone(2) and user_namespaces(7).
public func tryUserNamespace() throws(SystemError) { try UserNamespaceMaker().tryOne() }

/// How a plan went that was launched to see whether the host can carry it out.
public enum PlanTrial: Sendable, Hashable {
  /// Up to the execution of its command.
  case succeeded
  /// An operation failed.
  case failed(LaunchFailure)
}

/// Launches a plan whose command cannot be executed, and says how far it came.
///
/// - Throws: the errnos of clone3(2).
public func trial(
  of plan: LaunchPlan, with descriptors: DescriptorTable
) throws(SystemError) -> PlanTrial {
  precondition(plan.namespaces.contains(.pid), "PID 1 ends every process that it can see")
  var plan = plan
  // A directory: execve(2) answers EACCES.
  plan.command.append(
    .execute(.init(candidates: [[UInt8(ascii: "/")]], arguments: [[0x2f]], environment: [])))
  let container = try launch(plan, with: descriptors)
  var outcome: PlanTrial?
  while true {
    let records = try StatusRecord.read(from: container.status.number)
    if records.isEmpty { break }
    for case .failed(let failure) in records where outcome == nil {
      outcome = failure.isExecution ? .succeeded : .failed(failure)
    }
  }
  _ = try container.reap()
  guard let outcome else {
    throw SystemError(
      call: "execve(2)", subject: "in a container on trial", errno: .noChildProcess)
  }
  return outcome
}
