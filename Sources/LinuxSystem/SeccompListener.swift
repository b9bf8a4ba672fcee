internal import CLaunch
import SystemPackage

extension LaunchPlan.SeccompProgram {
  /// The instructions of the default for commands, as the kernel takes them.
  public static func defaultInstructions() -> [UInt8] {
    // Safe: a constant of CLaunch with static storage duration, of the stated length.
    let program = unsafe ol_seccomp_default().pointee
    return unsafe Array(
      UnsafeRawBufferPointer(
        start: program.filter, count: Int(program.len) * MemoryLayout<sock_filter>.size))
  }
}

extension DescriptorSocket {
  /// Takes the seccomp listener of the command's process.
  ///
  /// - Returns: nil when it has not come yet.
  /// - Throws: as ``receiveDescriptor(_:)``.
  public borrowing func receive() throws(SystemError) -> SeccompListener? {
    guard let listener = try receiveDescriptor("of the seccomp listener") else { return nil }
    return SeccompListener(owning: listener)
  }
}

/// Where the system calls arrive that a seccomp filter has blocked; every caller waits for its
/// answer. Closed, all of them get ENOSYS. See seccomp_unotify(2).
public struct SeccompListener: ~Copyable, Sendable {
  /// Readable when a call has arrived, or when nobody is left under the filter.
  public let descriptor: OwnedDescriptor

  init(owning descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// A call that waits for its answer.
  public struct BlockedCall: Sendable, Hashable {
    /// By what it is answered.
    public var id: UInt64
    /// The number of the system call.
    public var number: UInt32
    /// The kernel's AUDIT_ARCH_* of the caller.
    public var architecture: UInt32
    /// The arguments, as the registers had them.
    public var arguments: [UInt64]
  }

  /// What was found at the listener.
  public enum Arrival: Sendable, Hashable {
    case call(BlockedCall)
    /// Nothing now.
    case nothing
    /// Nobody is left under the filter.
    case end
  }

  /// Takes the next call, without waiting.
  public borrowing func next() throws(SystemError) -> Arrival {
    var call = ol_blocked_call()
    do throws(SystemError) {
      // Safe: the call fills the structure.
      _ = try checkNegated(
        unsafe ol_receive_blocked_call(descriptor.number, &call), "ioctl(2)",
        "of the seccomp listener")
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return .nothing
    } catch let error where error.errno == .brokenPipe {
      return .end
    }
    let arguments = call.arguments
    return .call(
      BlockedCall(
        id: call.id, number: call.number, architecture: call.architecture,
        arguments: [
          arguments.0, arguments.1, arguments.2, arguments.3, arguments.4, arguments.5,
        ]))
  }

  /// Lets a call fail with an errno; with 0 it succeeds without having done anything.
  ///
  /// A caller that is dead by now is not an error.
  public borrowing func answer(_ call: BlockedCall, errno: UInt16) throws(SystemError) {
    _ = try checkNegated(
      ol_answer_blocked_call(descriptor.number, call.id, CInt(errno)), "ioctl(2)",
      "of the seccomp listener")
  }
}
