import LinuxSystem
import SeccompPolicy

/// Answers the system calls that a run's seccomp program tells its listener, as the program
/// would have answered them itself, and counts them.
///
/// It never waits. When it cannot go on it closes the listener: whatever waits for an answer, now
/// or later, then gets ENOSYS from the kernel.
final class BlockedCallLog {
  /// More are answered after other events had their turn.
  private static let callsAtOnce = 64

  private let program: [BPFInstruction]
  private var socket: DescriptorSocket?
  private var listener: SeccompListener?
  private var count = BlockedCallCount()
  private var hasFailed = false

  /// Answers as `program` does, once its listener has come over the socket.
  init(_ program: [BPFInstruction], socket: consuming DescriptorSocket) {
    self.program = program
    self.socket = consume socket
  }

  /// The socket to watch until ``takeListener()``.
  var socketNumber: CInt? { socket?.reader.number }

  /// The listener, which is watched after it.
  private var listenerNumber: CInt? { listener?.descriptor.number }

  /// Takes the listener when the socket is readable, and has a loop watch it; once it is there or
  /// will not come, the socket is closed.
  func takeListener(in loop: borrowing EventLoop, tag: UInt64) throws(SystemError) {
    guard let number = socketNumber else { return }
    takeListener()
    if socket == nil { loop.remove(number) }
    if let listenerNumber { try loop.add(listenerNumber, tag: tag) }
  }

  private func takeListener() {
    do {
      guard let received = try socket?.receive() else { return }
      listener = consume received
    } catch {
      hasFailed = true
    }
    socket = nil
  }

  /// Answers what has arrived; once nothing can arrive any more, the listener is closed.
  func answer(in loop: borrowing EventLoop) {
    guard let number = listenerNumber else { return }
    answer()
    if listener == nil { loop.remove(number) }
  }

  private func answer() {
    do {
      for _ in 0..<Self.callsAtOnce {
        switch try listener?.next() {
        case .call(let call):
          // Without an answer of its own, such a call would never have come.
          let errno = errno(for: call)
          count.add(number: call.number, errno: errno)
          try listener?.answer(call, errno: errno)
        case .nothing: return
        case .end, nil:
          listener = nil
          return
        }
      }
    } catch {
      hasFailed = true
      listener = nil
    }
  }

  private func errno(for call: SeccompListener.BlockedCall) -> UInt16 {
    let notPermitted: UInt16 = 1
    return program.errno(
      for: SystemCall(
        architecture: call.architecture, number: call.number, arguments: call.arguments))
      ?? notPermitted
  }

  /// What was counted, with names, once the container is dead.
  func report() -> RunResult.BlockedCalls {
    // A short command may have ended before its listener was looked at.
    if socket != nil { takeListener() }
    return RunResult.BlockedCalls(
      calls: count.entries.map { entry in
        .init(
          name: Architecture.native.syscallName(entry.number), number: entry.number,
          errno: errnoName(entry.errno), count: entry.count)
      }, otherCount: count.others, isComplete: !hasFailed && socket == nil)
  }
}

/// How often which system call was blocked with which errno. Bounded: a hostile command can try
/// four thousand million numbers.
struct BlockedCallCount: Sendable, Hashable {
  /// A system call and an errno, and how often they came together.
  struct Entry: Sendable, Hashable {
    var number: UInt32
    var errno: UInt16
    var count: UInt64
  }

  /// Far more than an architecture has system calls.
  static let capacity = 1024

  private var counted: [Entry] = []
  /// Calls that came when there was no place for another entry.
  private(set) var others: UInt64 = 0

  /// Counts a call.
  mutating func add(number: UInt32, errno: UInt16) {
    if let index = counted.firstIndex(where: { $0.number == number && $0.errno == errno }) {
      counted[index].count += 1
    } else if counted.count < Self.capacity {
      counted.append(Entry(number: number, errno: errno, count: 1))
    } else {
      others += 1
    }
  }

  /// The entries, the most frequent first.
  var entries: [Entry] {
    counted.sorted { ($1.count, $0.number, $0.errno) < ($0.count, $1.number, $1.errno) }
  }
}
