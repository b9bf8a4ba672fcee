import Glibc
import SystemPackage

/// A listening Unix socket with an abstract name, as X11, D-Bus and containerd have them.
struct AbstractListener {
  private let descriptor: Int32

  init(_ name: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // Safe: the name is short, and the first byte stays 0, which makes it abstract.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
      unsafe $0[1...].copyBytes(from: name.utf8)
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
    let result = unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length)
      }
    }
    guard result == 0, listen(descriptor, 8) == 0 else { throw Errno(rawValue: errno) }
  }

  func close() { Glibc.close(descriptor) }
}
