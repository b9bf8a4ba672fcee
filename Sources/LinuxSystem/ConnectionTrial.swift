internal import CLaunch
import Glibc
import SystemPackage

/// Whether somebody accepts connections at an address.
///
/// - Parameter time: how long an answer is waited for.
/// - Returns: nil when so, else the errno of connect(2): ECONNREFUSED, ETIMEDOUT, ENETUNREACH, ….
/// - Throws: EMFILE and the other errnos of socket(2) and poll(2).
public func tryConnection(
  to address: SocketAddress, atMost time: Duration
) throws(SystemError) -> SystemError? {
  let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
  let number = try check(
    socket(address.family, CInt(SOCK_STREAM.rawValue) | flags, 0), "socket(2)")
  let descriptor = OwnedDescriptor(owning: number)
  // Safe: the kernel copies the address before the call returns.
  let result = unsafe address.withPointer { unsafe connect(descriptor.number, $0, $1) }
  do throws(SystemError) {
    _ = try check(result, "connect(2)")
    return nil
  } catch let error where error.errno == .nowInProgress {
    // Its outcome is waited for.
  } catch {
    return error
  }
  var entry = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
  // Safe: the call reads and writes one entry.
  let count = try check(unsafe poll(&entry, 1, time.pollTimeout), "poll(2)")
  guard count > 0 else { return SystemError(call: "connect(2)", errno: .timedOut) }
  var outcome: CInt = 0
  var size = socklen_t(MemoryLayout<CInt>.size)
  // Safe: the call writes one number.
  _ = try check(
    unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &outcome, &size), "getsockopt(2)")
  return outcome == 0 ? nil : SystemError(call: "connect(2)", errno: .init(rawValue: outcome))
}
