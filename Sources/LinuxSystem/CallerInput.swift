internal import CLaunch
import Glibc
import SystemPackage

/// Reads what a caller's standard input holds, without ever blocking on it.
///
/// Its O_NONBLOCK is shared with other processes and is left alone: as with ``OutputWriter``, a
/// pipe or terminal is opened anew. What cannot be opened anew is only read when epoll(7) says so;
/// files, which epoll refuses, never keep anybody waiting.
public final class CallerInput {
  /// The descriptor to watch where ``isWatchable``.
  public let descriptor: CInt
  /// Whether a person may type there.
  public let isTerminal: Bool
  /// Whether there is something to wait for; what is not watchable can always be read.
  public let isWatchable: Bool
  private let owned: OwnedDescriptor?
  private let isSocket: Bool
  private var buffer: [UInt8] = []

  /// What a read found.
  public enum Outcome {
    /// Bytes; the slice is valid until the next read.
    case bytes(ArraySlice<UInt8>)
    /// Nothing yet.
    case nothing
    /// Another job of the caller's shell has the terminal.
    case background
    /// The end.
    case end
  }

  /// Reads from a descriptor that somebody else owns, such as standard input.
  public init(_ descriptor: CInt) {
    let kind = (try? FileStatus(of: descriptor))?.kind
    var number = descriptor
    var owned: OwnedDescriptor?
    self.isTerminal = LinuxSystem.isTerminal(descriptor)
    if kind == .pipe || isTerminal,
      let own = try? OwnedDescriptor(
        opening: FilePath("/proc/self/fd/\(descriptor)"),
        flags: [.reading, .nonBlocking, .notControlling])
    {
      number = own.number
      owned = consume own
    }
    self.descriptor = number
    self.owned = owned
    self.isSocket = kind == .socket
    self.isWatchable = Self.isWatchable(number)
  }

  private static func isWatchable(_ descriptor: CInt) -> Bool {
    guard let trial = try? EventLoop() else { return true }
    return (try? trial.add(descriptor, tag: 0)) != nil
  }

  /// Reads once, at most 64 KiB. A descriptor that is closed, or cannot be read, is at its end.
  public func read() -> Outcome {
    if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 64 << 10) }
    // Safe: read(2) and recv(2) write at most as many bytes as they are told there are.
    let count = unsafe buffer.withUnsafeMutableBytes {
      isSocket
        ? unsafe recv(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
        : unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    do throws(SystemError) {
      let length = try check(count, "read(2)", "of standard input")
      return length == 0 ? .end : .bytes(buffer[..<length])
    } catch {
      switch error.errno {
      case .resourceTemporarilyUnavailable, .interrupted: return .nothing
      case .ioError where isTerminal && !isInForeground(of: descriptor): return .background
      default: return .end
      }
    }
  }
}
