import CLaunch
import Foundation
import Glibc
import SystemPackage
import TestRequirements

/// The built program, and where it and the fixtures are.
enum Built {
  /// The package's directory.
  static let package = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .removingLastComponent()

  /// `oneoff`: what ONEOFF_PROGRAM names, else the release program, else SwiftPM's.
  static let program: String = {
    if let given = ProcessInfo.processInfo.environment["ONEOFF_PROGRAM"] { return given }
    let candidates = ["build/oneoff", ".build/debug/oneoff"].map { package.appending($0).string }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[0]
  }()

  /// A root file system or program of rootfs-fixtures.
  static func fixture(_ name: String) -> String {
    Requirement.fixturePath(name)
  }

  /// The root file system of most tests.
  static let tiny = fixture("tiny")
}

/// A process that was started by a test.
///
/// posix_spawn(3) and not Foundation's `Process`, which hands a descriptor of its own to the
/// program, and could not notice the program's end while something of the container holds it.
final class RunningProcess: Sendable {
  /// How a process ended.
  enum End: Hashable {
    case code(Int32)
    case signal(Int32)
  }

  /// What could not be done with a process.
  enum Failure: Error {
    case notStarted(Errno)
    /// It was still there at the deadline, and was killed.
    case timedOut(arguments: [String])
  }

  let pid: Int32
  private let arguments: [String]

  /// Starts a program with the descriptors given as its 0, 1, 2, … and no others.
  init(
    _ arguments: [String], environment: [String: String], descriptors: [FileDescriptor]
  ) throws {
    self.arguments = arguments
    // Safe: the actions and attributes are initialised before, and destroyed after their use.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor.rawValue, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
    // What the test runner ignores or blocks is not the program's.
    var all = sigset_t()
    unsafe sigfillset(&all)
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let argv = CStrings(arguments)
    let environ = CStrings(environment.map { "\($0.key)=\($0.value)" })
    var pid: pid_t = 0
    // Safe: the vectors live until after the call.
    let error = unsafe posix_spawnp(
      &pid, arguments[0], &actions, &attributes, argv.pointers, environ.pointers)
    withExtendedLifetime((argv, environ)) {}
    guard error == 0 else { throw Failure.notStarted(Errno(rawValue: error)) }
    self.pid = pid
  }

  /// Sends a signal.
  func send(_ signal: Int32) { kill(pid, signal) }

  /// Waits for the end; a process that is late is killed.
  func wait(_ limit: Duration = .seconds(30)) throws -> End {
    let deadline = ContinuousClock.now + limit * patience
    while true {
      var status: Int32 = 0
      // Safe: the kernel writes one integer.
      if unsafe waitpid(pid, &status, WNOHANG) == pid {
        let signal = status & 0x7f
        return signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
      }
      if ContinuousClock.now > deadline {
        send(SIGKILL)
        unsafe _ = waitpid(pid, &status, 0)
        throw Failure.timedOut(arguments: arguments)
      }
      usleep(500)
    }
  }
}

/// A NULL-terminated vector of C strings.
@safe private final class CStrings {
  let pointers: [UnsafeMutablePointer<CChar>?]

  init(_ strings: [String]) {
    unsafe self.pointers = strings.map { unsafe strdup($0) } + [nil]
  }

  deinit { unsafe pointers.forEach { unsafe free($0) } }
}

/// How a run of the program ended, and what it wrote.
struct Completion {
  var end: RunningProcess.End
  var stdout: [UInt8]
  var stderr: [UInt8]

  /// The exit status; 128 + N for a signal, as a shell has it.
  var status: Int32 {
    switch end {
    case .code(let code): code
    case .signal(let number): 128 + number
    }
  }
  var output: String { String(decoding: stdout, as: UTF8.self) }
  var errors: String { String(decoding: stderr, as: UTF8.self) }
  var lines: [String] { output.split(separator: "\n").map { String($0) } }

  /// What a hook wrote to standard output, without its indent.
  var hookLines: [String] {
    lines.filter { $0.hasPrefix("       ") }.map { String($0.dropFirst(7)) }
  }

  /// The value of the first `key=value` line of the probe.
  subscript(key: String) -> String? { all(key).first }

  /// The values of all lines with a key.
  func all(_ key: String) -> [String] {
    lines.filter { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.utf8.count + 1)) }
  }
}

extension FileDescriptor {
  /// A file without a name, which takes what a program writes without anybody reading.
  static func unnamedFile() throws -> FileDescriptor {
    // O_TMPFILE, whose definition is too much for Swift's importer; see open(2).
    let unnamed: Int32 = 0o20_200_000
    return try FileDescriptor.open(
      FilePath("/tmp"), .readWrite, options: [.init(rawValue: unnamed), .closeOnExec],
      permissions: .ownerReadWrite)
  }

  /// A pipe that no other process inherits, also none that another thread is starting.
  static func closedOnExecPipe() throws -> (reader: FileDescriptor, writer: FileDescriptor) {
    var (reader, writer): (Int32, Int32) = (-1, -1)
    // Safe: two numbers are written.
    let result = unsafe ol_pipe(&reader, &writer)
    guard result == 0 else { throw Errno(rawValue: Int32(-result)) }
    return (FileDescriptor(rawValue: reader), FileDescriptor(rawValue: writer))
  }

  /// Everything in a file, from its beginning.
  func contents() throws -> [UInt8] {
    var bytes: [UInt8] = []
    try seek(offset: 0, from: .start)
    try forEachChunk { bytes += $0 }
    return bytes
  }

  /// Reads to the end, or as long as it is wanted; a pipe on which nothing comes for long is an
  /// error.
  func forEachChunk(
    while isWanted: @autoclosure () -> Bool = true, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while isWanted() {
      var waiting = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
      guard unsafe Glibc.poll(&waiting, 1, 30_000) == 1 else { throw Errno.timedOut }
      let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe read(into: $0) }
      if count == 0 { return }
      try body(buffer[..<count])
    }
  }

  /// Reads up to the end of a line; what came before the end of the file at least.
  func readLine() throws -> String {
    struct LineEnd: Error {}
    var bytes: [UInt8] = []
    var byte: [UInt8] = [0]
    while true {
      var waiting = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
      guard unsafe Glibc.poll(&waiting, 1, 30_000) == 1 else { throw Errno.timedOut }
      let count = try unsafe byte.withUnsafeMutableBytes { try unsafe read(into: $0) }
      if count == 0 || byte[0] == UInt8(ascii: "\n") { break }
      bytes += byte
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

// MARK: Running oneoff

/// Starts the program with arguments as they are, behind `wrapper` (such as unshare(1)).
func start(
  _ arguments: [String], wrapper: [String] = [], environment: [String: String] = [:],
  stdin: FileDescriptor? = nil, stdout: FileDescriptor, stderr: FileDescriptor
) throws -> RunningProcess {
  let null =
    try stdin ?? FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
  defer { if stdin == nil { try? null.close() } }
  let variables = Workspace.current.environment.merging(environment) { $1 }
  return try RunningProcess(
    wrapper + [Built.program] + arguments, environment: variables,
    descriptors: [null, stdout, stderr])
}

/// Runs the program with arguments as they are and waits for its end.
func perform(
  _ arguments: [String], wrapper: [String] = [], environment: [String: String] = [:]
) throws -> Completion {
  try RunningProcess.completion(
    wrapper + [Built.program] + arguments, environment: environment)
}

/// The arguments of `oneoff run` of a command in the tiny root file system.
func runArguments(
  _ options: [String], rootfs: String = Built.tiny, command: [String]
) -> [String] {
  ["run", "--rootfs", rootfs] + options + ["--"] + command
}

/// Runs a command in the tiny root file system and waits for its end.
func run(
  _ options: [String] = [], rootfs: String = Built.tiny, wrapper: [String] = [],
  environment: [String: String] = [:], _ command: String...
) throws -> Completion {
  try perform(
    runArguments(options, rootfs: rootfs, command: command), wrapper: wrapper,
    environment: environment)
}

/// Runs a script in the tiny root file system.
func shell(_ script: String) throws -> Completion { try shell([], script) }

/// Runs a script in the tiny root file system.
func shell(_ options: [String], _ script: String) throws -> Completion {
  try run(options, "sh", "-c", script)
}

// MARK: Other programs

extension RunningProcess {
  /// Starts a program of the machine whose output nobody wants.
  static func quiet(_ arguments: [String]) throws -> RunningProcess {
    let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
    defer { try? null.close() }
    return try RunningProcess(
      arguments, environment: Workspace.current.environment, descriptors: [null, null, null])
  }

  /// What a program of the machine prints.
  @discardableResult
  static func output(_ arguments: [String]) throws -> String { try completion(arguments).output }

  /// Runs a program of the machine to its end.
  static func completion(
    _ arguments: [String], environment: [String: String] = [:], stdin: FileDescriptor? = nil
  ) throws -> Completion {
    let null = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
    defer { try? null.close() }
    let stdout = try FileDescriptor.unnamedFile()
    defer { try? stdout.close() }
    let stderr = try FileDescriptor.unnamedFile()
    defer { try? stderr.close() }
    let process = try RunningProcess(
      arguments, environment: Workspace.current.environment.merging(environment) { $1 },
      descriptors: [stdin ?? null, stdout, stderr])
    return Completion(
      end: try process.wait(), stdout: try stdout.contents(), stderr: try stderr.contents())
  }
}

/// A number that whoever runs the tests may give; nil when that is none, or there is none.
func numberInEnvironment(_ variable: String) -> UInt64? {
  ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
}

/// How many times longer than usual something may take before it counts as hanging.
let patience = Requirement.realProcessor.isMet() ? 1 : 10

/// How often a test repeats what is left to chance: what its own variable says, else as often as
/// usual, of which `ONEOFF_REPEAT_PERCENT` takes a part where the machine is slow.
func repetitions(_ variable: String, usually usual: UInt64, atLeast least: UInt64) -> UInt64 {
  if let given = numberInEnvironment(variable) { return given }
  let percent = numberInEnvironment("ONEOFF_REPEAT_PERCENT") ?? 100
  return max(least, usual * percent / 100)
}

/// Waits for something that comes by itself in a moment.
func waitUntil(
  _ limit: Duration = .seconds(10), _ condition: () throws -> Bool
) throws {
  let deadline = ContinuousClock.now + limit * patience
  while try !condition() {
    guard ContinuousClock.now < deadline else { throw Errno.timedOut }
    usleep(1000)
  }
}
