internal import CLaunch
import SystemPackage

/// A way on which the container's processes hand descriptors to the supervisor.
public struct DescriptorSocket: ~Copyable, Sendable {
  /// Readable when a descriptor is there, or nobody is left who could send one.
  public let reader: OwnedDescriptor

  /// Makes a pair of sockets, and gives one of them to a launch under a name.
  ///
  /// - Throws: EMFILE or ENFILE when there are too many descriptors. See socketpair(2).
  public init(to descriptors: DescriptorTable, as name: DescriptorName) throws(SystemError) {
    var reader: CInt = -1
    var writer: CInt = -1
    // Safe: the call writes both numbers and keeps no pointer.
    _ = try checkNegated(unsafe ol_socket_pair(&reader, &writer), "socketpair(2)")
    self.reader = OwnedDescriptor(owning: reader)
    descriptors.adopt(OwnedDescriptor(owning: writer), as: name)
  }

  /// Takes the next descriptor, in the order in which they were sent.
  ///
  /// - Returns: nil when none has come yet.
  /// - Throws: ENODATA when none will come; EMFILE at a limit on open files. See recvmsg(2).
  public borrowing func receiveDescriptor(
    _ subject: String
  ) throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      return OwnedDescriptor(
        owning: try checkNegated(ol_receive_descriptor(reader.number), "recvmsg(2)", subject))
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return nil
    }
  }
}
