internal import CLaunch
import Glibc
import SystemPackage

/// Writes bytes to a descriptor of the caller's without ever blocking on it: what is not accepted
/// at once is kept, and `hasPending` says so, until the descriptor is writable again.
public final class OutputWriter {
  /// The descriptor to watch for writability while ``hasPending``.
  public let descriptor: CInt
  private let owned: OwnedDescriptor?
  /// Whether a person sees what is written.
  public let isTerminal: Bool
  private let isSocket: Bool
  /// What the descriptor of the caller's is of.
  private let status: FileStatus?
  /// What is written, as an error names it.
  private let subject: String
  private var pending: ArraySlice<UInt8> = []

  /// Whether the reader has gone away, or writing has failed for good.
  public private(set) var failure: SystemError?

  /// Writes to a descriptor that somebody else owns, such as standard output.
  ///
  /// Its O_NONBLOCK is shared with other processes and is left alone: a pipe or terminal is opened
  /// anew through /proc/self/fd, which gives an open file description of our own (open(2)).
  /// A socket cannot be opened anew, but send(2) can be told not to wait. A regular file never
  /// does.
  public init(_ descriptor: CInt) {
    let status = try? FileStatus(of: descriptor)
    let kind = status?.kind
    var number = descriptor
    var owned: OwnedDescriptor?
    self.isTerminal = kind != .pipe && LinuxSystem.isTerminal(descriptor)
    if kind == .pipe || isTerminal,
      let own = try? OwnedDescriptor(
        opening: .init("/proc/self/fd/\(descriptor)"),
        flags: [.writing, .nonBlocking, .notControlling])
    {
      number = own.number
      owned = consume own
    }
    self.descriptor = number
    self.isSocket = kind == .socket
    self.status = status
    self.subject = "of the output"
    self.owned = owned
  }

  /// Takes over a descriptor that was opened for writing; it is made not to block.
  ///
  /// - Parameter subject: what is written, as an error names it.
  public init(owning descriptor: consuming OwnedDescriptor, subject: String = "of the output") {
    self.subject = subject
    _ = ol_set_nonblocking(descriptor.number)
    self.descriptor = descriptor.number
    self.isTerminal = false
    self.isSocket = false
    self.status = nil
    self.owned = consume descriptor
  }

  /// Whether both write to the same file, pipe or terminal, of the caller's.
  public func isOfSameFile(as other: OutputWriter) -> Bool {
    guard let status, let other = other.status else { return false }
    return status.isOfSameFile(as: other)
  }

  /// Whether bytes wait for the descriptor to become writable.
  public var hasPending: Bool { !pending.isEmpty }

  /// Writes what the descriptor accepts now and keeps the rest. After a failure bytes are dropped.
  public func write(_ bytes: ArraySlice<UInt8>) {
    guard failure == nil else { return }
    if pending.isEmpty {
      pending = writeWithoutBlocking(bytes)
    } else {
      pending += bytes
    }
  }

  /// Writes more of what was kept.
  public func flush() { pending = writeWithoutBlocking(pending) }

  /// Writes everything that was kept, waiting for the reader: each time at most this long, or as
  /// long as it takes when nil.
  ///
  /// - Parameter deadline: when no more is waited for, by the monotonic clock: a reader that takes
  ///   a little again and again would use up any time.
  public func flushBlocking(atMost time: Duration? = nil, until deadline: Duration? = nil) {
    while hasPending {
      var longest = time
      if let deadline {
        let left = max(.zero, deadline - monotonicClock())
        longest = min(left, time ?? left)
      }
      let milliseconds = longest?.pollTimeout ?? -1
      var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      // Safe: one structure of ours is filled.
      guard unsafe poll(&waiting, 1, milliseconds) != 0 else { return }
      flush()
    }
  }

  /// Gives up what was kept; it is not written any more.
  public func takePending() -> ArraySlice<UInt8> {
    defer { pending = [] }
    return pending
  }

  /// Whether nobody can read any more what is written to a pipe or socket. See poll(2), POLLERR.
  public var isReaderGone: Bool {
    var asked = pollfd(fd: descriptor, events: 0, revents: 0)
    // Safe: one structure of ours is filled.
    return unsafe poll(&asked, 1, 0) == 1 && asked.revents & Int16(POLLERR) != 0
  }

  private func writeWithoutBlocking(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = bytes
    while !rest.isEmpty {
      // Safe: write(2) reads at most as many bytes as it is told there are.
      let count = unsafe rest.withUnsafeBytes {
        isSocket
          ? unsafe send(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
          : unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      do throws(SystemError) {
        rest = rest.dropFirst(try check(count, "write(2)", subject))
      } catch let error where error.errno == .interrupted {
        continue
      } catch let error where error.errno == .resourceTemporarilyUnavailable {
        return rest
      } catch {
        failure = error
        return []
      }
    }
    return []
  }
}

/// Reads what has arrived in a pipe, or at the controller of a pseudoterminal, without waiting.
public final class InputReader {
  /// The descriptor to watch.
  public let descriptor: CInt
  private var owned: OwnedDescriptor?
  /// What a full pipe holds: each read from one wakes the command up, however little it takes.
  private static let capacity = 1 << 20
  /// Reads of no more bytes than that leave little for ``rest()`` to give back.
  public static let little = 64 << 10
  /// Made by the first read: a command that writes nothing needs none.
  private var buffer: [UInt8] = []

  /// What a read found.
  public enum Outcome {
    /// Bytes; the slice is valid until the next read.
    case bytes(ArraySlice<UInt8>)
    /// Nothing yet.
    case nothing
    /// The end: no writer is left.
    case end
  }

  /// Takes over the reading end of a pipe, which is enlarged to 1 MiB where that is allowed, or a
  /// controller.
  public init(_ reader: consuming OwnedDescriptor) throws(SystemError) {
    self.descriptor = reader.number
    self.owned = consume reader
    // A limit of the host on pipe memory (pipe(7)) only makes the pipe smaller.
    _ = ol_set_pipe_size(descriptor, 1 << 20)
    _ = try checkNegated(ol_set_nonblocking(descriptor), "fcntl(2)", "of the output pipe")
  }

  /// Gives the reading end up at once, whoever else still holds this object.
  public func close() { owned = nil }

  /// Reads once.
  public func read() throws(SystemError) -> Outcome {
    if buffer.isEmpty {
      // Safe: any byte is a valid value; only pages that are read into cost memory.
      buffer = unsafe [UInt8](unsafeUninitializedCapacity: Self.capacity) { $1 = $0.count }
    }
    // Safe: read(2) writes at most as many bytes as it is told there are.
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    do throws(SystemError) {
      let length = try check(count, "read(2)", "of the output pipe")
      return length == 0 ? .end : .bytes(buffer[..<length])
    } catch let error
      where error.errno == .resourceTemporarilyUnavailable || error.errno == .interrupted
    {
      return .nothing
    } catch let error where error.errno == .ioError {
      return .end  // of a controller: nobody has the device open any more (pty(7))
    }
  }
}

extension InputReader {
  /// Gives memory back, because nothing more comes just now. No slice of a read may be in use: it
  /// would keep its bytes, but they would be copied.
  public func rest() { buffer.releaseMemory() }
}

extension [UInt8] {
  /// Gives the memory of a large array back to the system; the array keeps its length, and what is
  /// in it is not defined any more.
  mutating func releaseMemory() {
    // Safe: the bytes are the array's own, and zero is a value.
    unsafe withUnsafeMutableBytes { unsafe ol_release_memory($0.baseAddress, $0.count) }
  }
}

/// Reads what has arrived at a descriptor; empty at its end.
///
/// - Parameter subject: what the descriptor is, as an error names it.
public func readAvailable(
  _ descriptor: CInt, atMost limit: Int, subject: String
) throws(SystemError) -> [UInt8] {
  try readOnce(from: descriptor, capacity: limit, subject: subject)
}
