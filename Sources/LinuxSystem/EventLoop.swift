internal import CLaunch
import Glibc
import SystemPackage

/// Waits for any of several descriptors. See epoll(7).
public struct EventLoop: ~Copyable {
  private let epoll: OwnedDescriptor

  /// Makes a loop that watches nothing yet.
  public init() throws(SystemError) {
    self.epoll = OwnedDescriptor(owning: try checkNegated(ol_epoll_create(), "epoll_create1(2)"))
  }

  /// Readable when a descriptor is ready: a loop can be watched by another one.
  public var number: CInt { epoll.number }

  /// What a descriptor is watched for.
  public enum Interest: Sendable {
    case reading, writing, readingAndWriting
    /// Nothing but its end: nobody is at the other side any more.
    case end

    fileprivate var isForReading: Bool { self == .reading || self == .readingAndWriting }
    fileprivate var isForWriting: Bool { self == .writing || self == .readingAndWriting }
  }

  /// Watches a descriptor; `tag` says later that it is ready or at its end.
  public func add(
    _ descriptor: CInt, tag: UInt64, for interest: Interest = .reading
  ) throws(SystemError) {
    _ = try checkNegated(
      ol_epoll_add(
        epoll.number, descriptor, tag, interest.isForReading ? 1 : 0,
        interest.isForWriting ? 1 : 0),
      "epoll_ctl(2)")
  }

  /// Watches a descriptor no more.
  public func remove(_ descriptor: CInt) { _ = ol_epoll_remove(epoll.number, descriptor) }

  /// Waits until at least one descriptor is ready, and returns the tags of those that are; none
  /// when a signal or the end of the time has come first.
  public func wait(atMost time: Duration? = nil) throws(SystemError) -> [UInt64] {
    let milliseconds = time?.pollTimeout ?? -1
    let capacity = 8
    var failure: SystemError?
    // Safe: at most `capacity` tags are written, and the result says how many.
    let tags = unsafe [UInt64](unsafeUninitializedCapacity: capacity) { buffer, count in
      do throws(SystemError) {
        count = Int(
          try checkNegated(
            unsafe ol_epoll_wait(epoll.number, buffer.baseAddress, CInt(capacity), milliseconds),
            "epoll_wait(2)"))
      } catch {
        failure = error.errno == .interrupted ? nil : error
      }
    }
    if let failure { throw failure }
    return tags
  }
}

/// A timer that makes a descriptor readable when it goes off. See timerfd_create(2).
public struct Timer: ~Copyable {
  /// Readable when the time has passed.
  public let descriptor: OwnedDescriptor

  /// Makes a timer that is not running.
  public init() throws(SystemError) {
    self.descriptor = OwnedDescriptor(
      owning: try checkNegated(ol_timer_create(), "timerfd_create(2)"))
  }

  /// Goes off once, after this time from now.
  public func start(_ duration: Duration) throws(SystemError) {
    // A duration of zero would stop the timer.
    let nanoseconds = max(1, duration.nanoseconds)
    _ = try checkNegated(ol_timer_set(descriptor.number, nanoseconds), "timerfd_settime(2)")
  }

  /// Does not go off any more.
  public func stop() throws(SystemError) {
    _ = try checkNegated(ol_timer_set(descriptor.number, 0), "timerfd_settime(2)")
  }
}

extension Duration {
  /// The duration in nanoseconds, from 0 to 2^63.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let limit: UInt64 = 1 << 63
    guard UInt64(seconds) < limit / 1_000_000_000 else { return limit }
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }

  /// The duration in milliseconds, from 0 to 2^31 - 1, as poll(2) and epoll_wait(2) take it.
  /// Rounded up: rounded down, a loop that waits for the rest of a time would spin through its end.
  var pollTimeout: CInt {
    let (milliseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return CInt(clamping: milliseconds + (rest > 0 ? 1 : 0))
  }
}

/// Signals of this process, read from a descriptor instead of interrupting it. See signalfd(2).
public struct SignalDescriptor: ~Copyable {
  /// Readable when a signal has arrived.
  public let descriptor: OwnedDescriptor

  /// Blocks the signals for this thread, and for all that it starts later.
  public init(_ signals: [CInt]) throws(SystemError) {
    // Safe: the call reads `count` numbers.
    let result = unsafe ol_signal_descriptor(signals, CInt(signals.count))
    self.descriptor = OwnedDescriptor(owning: try checkNegated(result, "signalfd(2)"))
  }

  /// The next signal that has arrived; nil when there is none.
  public func next() throws(SystemError) -> CInt? {
    do throws(SystemError) {
      return try checkNegated(ol_read_signal(descriptor.number), "read(2)", "of the signalfd")
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return nil
    }
  }
}

/// Gives signals that a ``SignalDescriptor`` has blocked their usual effect again.
public func unblockSignals(_ signals: [CInt]) {
  // Safe: the call reads `count` numbers.
  unsafe ol_unblock_signals(signals, CInt(signals.count))
}

/// Lets this process wait for its children, whoever it was started by: an ignored SIGCHLD is
/// inherited, and the kernel then forgets how a child has ended. See wait(2), NOTES.
public func expectChildren() { _ = signal(SIGCHLD, SIG_DFL) }

/// Ignores SIGPIPE and SIGXFSZ: a reader that went away and a file that may not grow are errors of
/// write(2), not the end of this process.
public func ignoreWriteSignals() {
  _ = signal(SIGPIPE, SIG_IGN)
  _ = signal(SIGXFSZ, SIG_IGN)
}

/// Opens /dev/null for those of the descriptors 0 to 2 that the caller has closed, so that no other
/// file gets their number; the wrong way round, so that their use is still the error EBADF.
public func openStandardDescriptors() throws(SystemError) {
  for number in 0...CInt(2) where ol_descriptor_flags(number) < 0 {
    let null = try OwnedDescriptor(
      opening: "/dev/null", flags: number == STDIN_FILENO ? .writing : .reading)
    // Kept for the life of the process; a program that is executed gets descriptors of its own.
    _ = null.release()
  }
}
