internal import CLaunch
import Glibc
import Synchronization
public import SystemPackage

/// A program that this process has started, with two pipes, control (its 0) and output (its 1), and
/// a file in memory as input (its 3). Standard error is shared.
public final class SpawnedProcess: Sendable {
  private let pid: Int32
  private let output: OwnedDescriptor
  private let control: Mutex<CInt>

  /// Starts a program with the environment of this process. Safe with any number of threads.
  ///
  /// - Throws: ENOENT, EACCES when it cannot be executed; EMFILE; EAGAIN. See posix_spawn(3).
  public init(_ program: FilePath, arguments: [String], input: [UInt8]) throws(SystemError) {
    let control = try Pipe()
    let output = try Pipe()
    let file = try OwnedDescriptor(inMemory: input)
    self.pid = try spawn(
      program, arguments.map { Array($0.utf8) },
      descriptors: [control.reader.number, output.writer.number, 2, file.number])
    self.control = Mutex(control.takeWriter().release())
    self.output = output.takeReader()
  }

  deinit { closeControl() }

  /// Closes the control pipe; the program sees its end.
  public func closeControl() {
    control.withLock { number in
      if number >= 0 { close(number) }
      number = -1
    }
  }

  /// Hands on every line of the output, waits for the end of the program, and says how it ended.
  ///
  /// - Throws: the errnos of read(2); the program has been told to end then, and is waited for.
  public func readLines(
    _ handle: (ArraySlice<UInt8>) -> Void
  ) throws(SystemError) -> CommandExit.Way {
    do throws(SystemError) {
      try output.readLines { line in
        handle(line)
        return true
      }
    } catch {
      closeControl()
      _ = ol_wait_for(pid)
      throw error
    }
    return .init(waitStatus: try checkNegated(ol_wait_for(pid), "wait4(2)", "of the program"))
  }

}

extension OwnedDescriptor {
  /// Hands on every line up to the end, or until `handle` returns false.
  ///
  /// - Throws: the errnos of read(2).
  borrowing func readLines(_ handle: (ArraySlice<UInt8>) -> Bool) throws(SystemError) {
    var pending: [UInt8] = []
    while true {
      let chunk = try readOnce(from: number, capacity: 64 << 10, subject: "of the output")
      if chunk.isEmpty { break }
      pending += chunk
      var rest = pending[...]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        guard handle(rest[..<end]) else { return }
        rest = rest[(end + 1)...]
      }
      pending = Array(rest)
    }
    if !pending.isEmpty { _ = handle(pending[...]) }
  }
}

/// Runs a program of the host's to its end, without input and with no variable in its environment.
///
/// - Parameter file: a descriptor that the program has as its 3.
/// - Returns: nil when it ended well, else the first line of its errors.
/// - Throws: ENOENT, EACCES when it cannot be executed. See posix_spawn(3).
func runQuietly(
  _ program: FilePath, _ arguments: [String], passing file: CInt? = nil
) throws(SystemError) -> String? {
  let pipe = try Pipe()
  let null = try OwnedDescriptor(opening: "/dev/null", flags: .readingAndWriting)
  let descriptors = [null.number, null.number, pipe.writer.number] + (file.map { [$0] } ?? [])
  let pid = try spawn(
    program, arguments.map { Array($0.utf8) }, environment: [], descriptors: descriptors)
  let errors = pipe.takeReader()
  let text = try errors.readAll(limit: 64 << 10, subject: "of the errors of \(program)")
  let status = try checkNegated(ol_wait_for(pid), "wait4(2)", "of \(program)")
  guard status != 0 else { return nil }
  return String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}

/// Starts a thread that ends when `body` returns.
///
/// - Throws: EAGAIN at a limit on threads. See pthread_create(3).
public func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
  final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  // Safe: the thread takes over the reference that is retained for it, exactly once; without a
  // thread it is released here.
  let work = unsafe Unmanaged.passRetained(Work(body))
  var thread = pthread_t()
  let error = unsafe pthread_create(
    &thread, nil,
    { argument in
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, work.toOpaque())
  guard error == 0 else {
    unsafe work.release()
    throw SystemError(call: "pthread_create(3)", errno: Errno(rawValue: error))
  }
  pthread_detach(thread)
}
