internal import CLaunch
import Glibc
import SystemPackage

/// Who takes records over a socket.
public enum SocketPeer: Sendable, Hashable {
  /// Each record is a datagram.
  case udp(SocketAddress)
  /// The records follow one another.
  case tcp(SocketAddress)
  /// A Unix socket for datagrams, as /dev/log, or else for a stream.
  case unix(SocketAddress)
  /// journald's: datagrams, and files in memory for those that are too large.
  case journal(SocketAddress)
}

/// A connection over which records go, or a file. Nothing that it does ever waits.
final class SinkSocket {
  private enum Kind { case datagrams, files, stream, writer }

  /// How long a peer may leave what it was sent unacknowledged, in milliseconds, until the kernel
  /// takes it for gone. See tcp(7), TCP_USER_TIMEOUT.
  private static let acknowledgeTime: CInt = 60_000

  private let descriptor: OwnedDescriptor
  private let kind: Kind
  /// What it is, as an error names it.
  private let subject: String
  /// Whether there is a peer.
  private(set) var isConnected: Bool

  /// The descriptor to watch.
  var number: CInt { descriptor.number }

  /// Whether it can be watched for reading, which tells the end of a connection.
  var isSocket: Bool { kind != .writer }

  /// Takes over a file that was opened for writing, not to block.
  init(owning descriptor: consuming OwnedDescriptor, subject: String) {
    self.descriptor = descriptor
    self.kind = .writer
    self.subject = subject
    self.isConnected = true
  }

  private init(
    _ address: SocketAddress, type: __socket_type, kind: Kind, subject: String
  ) throws(SystemError) {
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = try check(socket(address.family, CInt(type.rawValue) | flags, 0), "socket(2)")
    self.descriptor = OwnedDescriptor(owning: number)
    self.kind = kind
    self.subject = subject
    if kind == .stream, address.family != AF_UNIX {
      Self.set(TCP_USER_TIMEOUT, to: Self.acknowledgeTime, of: number)
      Self.set(TCP_NODELAY, to: 1, of: number)
    }
    // Safe: the kernel copies the address before the call returns.
    let result = unsafe address.withPointer { unsafe Glibc.connect(number, $0, $1) }
    do throws(SystemError) {
      _ = try check(result, "connect(2)", subject)
      self.isConnected = true
    } catch let error where error.errno == .nowInProgress {
      self.isConnected = false
    }
  }

  /// Where it cannot be set, the kernel's own value does.
  private static func set(_ option: CInt, to value: CInt, of descriptor: CInt) {
    let size = socklen_t(MemoryLayout<CInt>.size)
    // Safe: the call reads one number.
    _ = unsafe withUnsafePointer(to: value) {
      unsafe setsockopt(descriptor, CInt(IPPROTO_TCP), option, $0, size)
    }
  }

  /// Begins a connection.
  ///
  /// - Throws: ECONNREFUSED, ENOENT, … at once where the kernel knows. See connect(2).
  static func connect(to peer: SocketPeer, subject: String) throws(SystemError) -> SinkSocket {
    switch peer {
    case .udp(let address):
      return try SinkSocket(address, type: SOCK_DGRAM, kind: .datagrams, subject: subject)
    case .tcp(let address):
      return try SinkSocket(address, type: SOCK_STREAM, kind: .stream, subject: subject)
    case .journal(let address):
      return try SinkSocket(address, type: SOCK_DGRAM, kind: .files, subject: subject)
    case .unix(let address):
      do throws(SystemError) {
        return try SinkSocket(address, type: SOCK_DGRAM, kind: .datagrams, subject: subject)
      } catch let error where error.errno == .protocolWrongTypeForSocket {
        return try SinkSocket(address, type: SOCK_STREAM, kind: .stream, subject: subject)
      }
    }
  }

  /// Finds out whether a connection that was begun is there now.
  ///
  /// - Throws: why it will not be. See connect(2).
  func confirm() throws(SystemError) {
    var waiting = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    // Safe: one structure of ours is filled.
    guard unsafe poll(&waiting, 1, 0) == 1 else { return }
    var failure: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    // Safe: the call writes one number.
    _ = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &failure, &size)
    guard failure == 0 else {
      throw SystemError(call: "connect(2)", subject: subject, errno: Errno(rawValue: failure))
    }
    isConnected = true
  }

  /// Reads away what the peer sends, which nobody wants.
  ///
  /// - Throws: EPIPE when the peer has ended the connection; what the kernel has learnt of it.
  func discardInput() throws(SystemError) {
    guard isSocket else { return }
    var scrap = [UInt8](repeating: 0, count: 512)
    for _ in 0..<64 {
      // Safe: recv(2) writes at most as many bytes as it is told there are.
      let result = unsafe scrap.withUnsafeMutableBytes {
        unsafe recv(number, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
      }
      do throws(SystemError) {
        let count = try check(result, "recv(2)", subject)
        if count == 0, kind == .stream {
          throw SystemError(call: "send(2)", subject: subject, errno: .brokenPipe)
        }
      } catch let error where error.errno == .interrupted {
        continue
      } catch let error where error.errno == .resourceTemporarilyUnavailable {
        return
      }
    }
  }

  /// Passes on as much as is taken now.
  ///
  /// - Returns: whether anything was.
  /// - Throws: why nothing more can be passed on over this connection. See send(2).
  func send(_ queue: inout RecordQueue) throws(SystemError) -> Bool {
    var hasSent = false
    while !queue.isEmpty {
      do throws(SystemError) {
        switch kind {
        case .stream: queue.take(try pass(queue.stream))
        case .writer: queue.take(try write(queue.stream))
        case .datagrams, .files: try sendFirst(&queue)
        }
        hasSent = true
      } catch let error where error.errno == .interrupted {
        continue
      } catch let error where error.errno == .resourceTemporarilyUnavailable {
        return hasSent
      }
    }
    return hasSent
  }

  private func sendFirst(_ queue: inout RecordQueue) throws(SystemError) {
    guard let record = queue.first else { return }
    do throws(SystemError) {
      _ = try pass(record)
    } catch let error where error.errno == .messageTooLong {
      guard kind == .files else { return queue.dropFirst() }
      // Safe: the call reads as many bytes as it is told.
      let result = unsafe record.withUnsafeBytes {
        unsafe ol_send_as_file(number, $0.baseAddress, $0.count)
      }
      _ = try checkNegated(result, "sendmsg(2)", subject)
    }
    queue.takeFirst()
  }

  private func pass(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
    // Safe: send(2) reads at most as many bytes as it is told there are.
    let result = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(
        number, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    return try check(result, "send(2)", subject)
  }

  private func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
    // Safe: write(2) reads at most as many bytes as it is told there are.
    let result = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(number, $0.baseAddress, $0.count)
    }
    return try check(result, "write(2)", subject)
  }
}
