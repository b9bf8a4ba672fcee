import Foundation
import Glibc
import SystemPackage

/// A socket of the test's at which the records of a sink arrive.
final class RecordReceiver {
  /// Where it is, as --syslog has it.
  let target: String
  private let descriptor: FileDescriptor

  private init(_ family: Int32, _ type: __socket_type, target: (Int32) throws -> String) throws {
    let number = socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Errno(rawValue: errno) }
    self.descriptor = FileDescriptor(rawValue: number)
    self.target = try target(number)
    if type == SOCK_STREAM, listen(number, 4) != 0 { throw Errno(rawValue: errno) }
  }

  deinit { try? descriptor.close() }

  /// A port of 127.0.0.1; 0 for any that is free.
  static func port(_ type: __socket_type, _ port: UInt16 = 0) throws -> RecordReceiver {
    try RecordReceiver(AF_INET, type) { number in
      var on: Int32 = 1
      // Safe: the calls read and write structures of ours, of the stated sizes.
      _ = unsafe setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, 4)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      try bind(number, to: &address)
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      unsafe withUnsafeMutablePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = unsafe getsockname(number, $0, &size)
        }
      }
      let scheme = type == SOCK_STREAM ? "tcp" : "udp"
      return "\(scheme)://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    }
  }

  /// A Unix socket at a path below the workspace's files.
  static func unix(_ type: __socket_type, _ name: String) throws -> RecordReceiver {
    let path = Workspace.current.path.appending("files").appending(name).string
    return try RecordReceiver(AF_UNIX, type) { number in
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      // Safe: the path is shorter than the field.
      unsafe withUnsafeMutableBytes(of: &address.sun_path) {
        unsafe $0.copyBytes(from: path.utf8)
      }
      try bind(number, to: &address)
      return "unix:\(path)"
    }
  }

  private static func bind<Address>(_ number: Int32, to address: inout Address) throws {
    let size = socklen_t(MemoryLayout<Address>.size)
    // Safe: the kernel copies the address before the call returns.
    let result = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.bind(number, $0, size)
      }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
  }

  /// The port of a receiver that is one.
  var port: UInt16 { UInt16(target.split(separator: ":").last ?? "") ?? 0 }

  /// The number of the socket.
  var number: Int32 { descriptor.rawValue }

  /// The next connection, which the caller closes.
  func accept() throws -> FileDescriptor {
    var waiting = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    // Safe: one structure of ours is filled.
    guard unsafe Glibc.poll(&waiting, 1, 10_000) == 1 else { throw Errno.timedOut }
    let connection = Glibc.accept(descriptor.rawValue, nil, nil)
    guard connection >= 0 else { throw Errno(rawValue: errno) }
    _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
    return FileDescriptor(rawValue: connection)
  }

  /// Every datagram that has arrived.
  func datagrams() -> [[UInt8]] {
    var found: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      // Safe: recv(2) writes at most as many bytes as it is told there are.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe recv(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
      }
      guard count > 0 else { return found }
      found.append(Array(buffer[..<count]))
    }
  }

  /// Every message of the next connection, to its end.
  func messages() throws -> [String] {
    let connection = try accept()
    defer { try? connection.close() }
    var bytes: [UInt8] = []
    try connection.forEachChunk { bytes += $0 }
    return Self.messages(in: bytes)
  }

  /// The messages in a stream, which have the number of their bytes before them. One that is not
  /// whole is left out.
  static func messages(in stream: [UInt8]) -> [String] {
    var messages: [String] = []
    var rest = stream[...]
    while let space = rest.firstIndex(of: UInt8(ascii: " ")),
      let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
      rest.endIndex - space > length
    {
      let begin = space + 1
      messages.append(String(decoding: rest[begin..<(begin + length)], as: UTF8.self))
      rest = rest[(begin + length)...]
    }
    return messages
  }
}
