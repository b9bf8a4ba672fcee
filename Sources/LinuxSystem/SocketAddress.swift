import Glibc
public import SystemPackage

/// Where a socket is, as numbers or a path: no name is resolved, which a static program cannot do
/// without the host's plug-ins.
public struct SocketAddress: Sendable, Hashable {
  /// The address as connect(2) takes it.
  let bytes: [UInt8]
  /// AF_INET, AF_INET6 or AF_UNIX.
  let family: CInt

  /// A port of a host.
  ///
  /// - Parameter host: an IPv4 address, or an IPv6 address without brackets; nil for anything else.
  public init?(host: String, port: UInt16) {
    var address4 = sockaddr_in()
    var address6 = sockaddr_in6()
    // Safe: inet_pton(3) writes the structure that belongs to the family.
    if unsafe inet_pton(AF_INET, host, &address4.sin_addr) == 1 {
      address4.sin_family = sa_family_t(AF_INET)
      address4.sin_port = port.bigEndian
      self.bytes = unsafe withUnsafeBytes(of: address4) { unsafe Array($0) }
      self.family = AF_INET
    } else if unsafe inet_pton(AF_INET6, host, &address6.sin6_addr) == 1 {
      address6.sin6_family = sa_family_t(AF_INET6)
      address6.sin6_port = port.bigEndian
      self.bytes = unsafe withUnsafeBytes(of: address6) { unsafe Array($0) }
      self.family = AF_INET6
    } else {
      return nil
    }
  }

  /// A Unix socket; nil for a path of more than ``longestPath`` bytes. See unix(7).
  public init?(_ path: FilePath) {
    let text = Array(path.string.utf8)
    guard text.count <= Self.longestPath else { return nil }
    let family = sa_family_t(AF_UNIX)
    // Safe: the bytes of the number are copied.
    self.bytes = unsafe withUnsafeBytes(of: family) { unsafe Array($0) } + text + [0]
    self.family = AF_UNIX
  }

  /// As much of a path as the kernel takes.
  public static let longestPath = 107

  /// Passes the address to a call.
  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    // Safe: the bytes are the address, aligned as every array is, and outlive the call.
    unsafe bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { preconditionFailure("an address has a family") }
      return unsafe body(start.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }
}
