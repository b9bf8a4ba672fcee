import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// Short runs that write much or little and end at once: no byte and no status is lost.
  @Suite struct TortureTests {
    /// `ONEOFF_TORTURE_RUNS=10000`, as `make torture` has it, makes the runs that the project
    /// promises; `ONEOFF_TORTURE_SEED` makes those of an earlier time again.
    private static let count = repetitions("ONEOFF_TORTURE_RUNS", usually: 200, atLeast: 20)
    private static let seed =
      numberInEnvironment("ONEOFF_TORTURE_SEED") ?? .random(in: 0...UInt64(UInt32.max))

    @Test func everyByteAndEveryStatusArrives() async throws {
      let app = try Workspace.current.make("files/torture")
      try Workspace.current.write("torture/Procfile", "postdeploy: \(TortureRun.hookCommand)\n")
      // Two at a time, each of which takes the next number.
      try await withThrowingTaskGroup(of: Int.self) { group in
        for part in 0..<2 {
          group.addTask {
            var written = 0
            for number in stride(from: UInt64(part), to: Self.count, by: 2) {
              let run = TortureRun(number, seed: Self.seed, app: app)
              written += try run.check()
              if Task.isCancelled { break }
            }
            return written
          }
        }
        let written = try await group.reduce(0, +)
        print("\(Self.count) runs wrote \(written / 1_000_000) MB (seed \(Self.seed))")
      }
      #expect(Records.names == [])
    }

    /// The test has to compute what the probe really writes, or it would compare nothing.
    @Test(arguments: PouredStream.Kind.allCases)
    func computedBytesAreThoseOfTheProbe(kind: PouredStream.Kind) throws {
      let stream = PouredStream(
        descriptor: 1, kind: kind, size: 3_000_001, seed: 5, endsLine: false)
      let secret = "5ecret-value"
      let written = try RunningProcess.completion(
        [Built.fixture("probe"), "pour", "7", "1", stream.argument],
        environment: ["POUR_SECRET": secret])
      #expect(written.status == 7)
      let expected = stream.bytes(strewnWith: Array(secret.utf8), shownAs: Array(secret.utf8))
      #expect(written.stdout.count == stream.size)
      #expect(Data(written.stdout) == Data(expected))
      let feeds = expected.prefix(1 << 21).count { $0 == UInt8(ascii: "\n") }
      switch kind {
      case .text, .invalid: #expect(feeds > 20_000 && feeds < 30_000)
      case .binary: #expect(feeds > 7000 && feeds < 9000)
      case .long: #expect(feeds == 1)
      case .feeds: #expect(feeds > 2_000_000)
      }
    }
  }
}

/// That something did not arrive as it was written.
private struct Loss: Error, CustomStringConvertible {
  let description: String
}

/// One of the runs; seed and number determine everything about it.
private struct TortureRun {
  /// What the Procfile of a run that is a hook has.
  static let hookCommand = "exec probe pour $POUR"
  private static let secrets = [
    "5ecret", "line-5ecret-one\nline-5ecret-two",
    String(repeating: "long-5ecret+", count: 30),
  ].map { $0 + "/of-the-torture" }
  private static let placeholder = Array("[masked:POUR_SECRET]".utf8)

  private let name: String
  private let app: String
  private let isHook: Bool
  private let isRecorded: Bool
  private let isMerged: Bool
  private let readsPipes: Bool
  private let secret: String?
  /// Up to 255 of an exit; 256 + N for signal N.
  private let ending: Int
  private let schedule: UInt64
  private let streams: [PouredStream]

  init(_ number: UInt64, seed: UInt64, app: String) {
    var numbers = SplitMix(seed: seed &<< 20 &+ number)
    self.name = "torture-\(seed)-\(number)"
    self.app = app
    self.isHook = numbers.next(below: 8) == 0
    self.isRecorded = isHook || numbers.next(below: 2) == 0
    self.isMerged = numbers.next(below: 8) == 0
    self.readsPipes = numbers.next(below: 2) == 0
    let isMasked = numbers.next(below: 4) == 0
    self.secret = isMasked ? Self.secrets[numbers.next(below: Self.secrets.count)] : nil
    self.ending =
      numbers.next(below: 16) == 0 ? 256 + Int(SIGKILL) : numbers.next(below: 256)
    self.schedule = numbers.next()
    // In one pipe a piece of the other stream may come into the middle of a secret.
    let isAlone = isMerged && isMasked || numbers.next(below: 2) == 0
    self.streams = (1...(isAlone ? 1 : 2)).map { Self.stream($0, &numbers) }
  }

  /// Most are small: of every order of magnitude there are as many.
  private static func stream(_ descriptor: Int, _ numbers: inout SplitMix) -> PouredStream {
    let choice = numbers.next(below: 16)
    var size = min(5_000_000, 1 << numbers.next(below: 22))
    size = min(5_000_000, size + numbers.next(below: size * 2))
    var kind: PouredStream.Kind
    switch choice {
    case 0: (kind, size) = (.text, 0)
    case 1: (kind, size) = (.long, 1_000_000 + numbers.next(below: 4_000_001))
    case 2: (kind, size) = (.feeds, min(size, 100_000))
    case 3...5: kind = .binary
    case 6...8: kind = .invalid
    default: kind = .text
    }
    return PouredStream(
      descriptor: descriptor, kind: kind, size: size, seed: numbers.next(),
      endsLine: numbers.next(below: 2) == 0)
  }

  /// What the probe is told.
  private var pour: [String] { ["\(ending)", "\(schedule)"] + streams.map(\.argument) }

  private var arguments: [String] {
    var options = secret.map { ["--env", "POUR_SECRET=\($0)"] } ?? []
    if isMerged { options.append("--merge") }
    if isHook {
      let variable = "POUR=\(pour.joined(separator: " "))"
      return ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--id", name, "--env", variable]
        + options
    }
    if secret != nil { options += ["--secret", "POUR_SECRET"] }
    if isRecorded { options += ["--name", name] }
    return runArguments(options, command: ["probe", "pour"] + pour)
  }

  /// Runs it, and compares what arrived everywhere; returns how much that was.
  func check() throws -> Int {
    let secret = secret.map { Array($0.utf8) }
    var expected = streams.map { $0.bytes(strewnWith: secret, shownAs: Self.placeholder) }
    if isMerged { expected = [poured(expected, schedule: schedule)] }
    let stdout = expected[0]
    let stderr = expected.count > 1 ? expected[1] : []
    let isKilled = ending > 255
    let status = Int32(isKilled ? ending - 256 + 128 : ending)

    let done = try readsPipes ? performReadingPipes(arguments) : perform(arguments)
    try #require(done.status == status, "\(name): \(arguments)\n\(done.errors.suffix(500))")
    try requireShown(done, stdout, stderr, status: status, isKilled: isKilled)
    guard isRecorded else { return stdout.count + stderr.count }
    let log = try perform(["logs", name])
    try #require(log.status == 0, "\(name): \(log.errors.suffix(500))")
    try require(log.stdout, stdout, "stored standard output")
    try require(log.stderr, stderr, "stored standard error")
    try #require(try perform(["wait", name]).status == status, "\(name): recorded status")
    try #require(try perform(["rm", name]).status == 0)
    return stdout.count + stderr.count
  }

  /// What the caller sees: exactly the bytes, or a deployment's indented lines; and oneoff's own
  /// words in their places.
  private func requireShown(
    _ done: Completion, _ stdout: [UInt8], _ stderr: [UInt8], status: Int32, isKilled: Bool
  ) throws {
    let shown = isHook ? [stdout, stderr].map(indented) : [stdout, stderr]
    // On a line of its own.
    let gap = shown[1].last ?? UInt8(ascii: "\n") == UInt8(ascii: "\n") ? "" : "\n"
    let words = "oneoff: the command was killed by signal 9 (SIGKILL)\n"
    try require(
      done.stderr, shown[1] + (isKilled ? gap + words : "").utf8, "standard error")
    guard isHook else { return try require(done.stdout, shown[0], "standard output") }
    let step = "-----> Running postdeploy hook of the Procfile: \(Self.hookCommand)\n"
    let end =
      status == 0
      ? "-----> The postdeploy hook succeeded ("
      : " !     The postdeploy hook failed with status \(status) ("
    // What follows is how long it took.
    let shownStart = done.stdout.dropLast().lastIndex(of: UInt8(ascii: "(")).map { $0 + 1 } ?? 0
    try require(
      Array(done.stdout[..<shownStart]), step.utf8 + shown[0] + end.utf8, "standard output")
  }

  private func indented(_ bytes: [UInt8]) -> [UInt8] {
    var lines: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      lines += "       ".utf8 + rest[..<end] + [UInt8(ascii: "\n")]
      rest = rest[end...].dropFirst()
    }
    return lines
  }

  private func require(_ found: [UInt8], _ expected: [UInt8], _ what: String) throws {
    // Data compares with memcmp(3), which millions of bytes need here.
    guard Data(found) != Data(expected) else { return }
    let place = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
    let common = place ?? min(found.count, expected.count)
    throw Loss(
      description: """
        \(name): \(what) has \(found.count) bytes instead of \(expected.count), \
        the first \(common) of which are right; \(arguments)
        """)
  }
}

/// Runs the program with a pipe for each of its outputs, both of which are read as bytes come.
private func performReadingPipes(_ arguments: [String]) throws -> Completion {
  let pipes = try (0..<2).map { _ in try FileDescriptor.closedOnExecPipe() }
  defer { for pipe in pipes { try? pipe.reader.close() } }
  let process: RunningProcess
  do {
    defer { for pipe in pipes { try? pipe.writer.close() } }
    process = try start(arguments, stdout: pipes[0].writer, stderr: pipes[1].writer)
  }
  var outputs: [[UInt8]] = [[], []]
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  var waiting = pipes.map { pollfd(fd: $0.reader.rawValue, events: Int16(POLLIN), revents: 0) }
  while waiting.contains(where: { $0.fd >= 0 }) {
    // Safe: the two structures are filled.
    guard unsafe Glibc.poll(&waiting, 2, 30_000) > 0 else { throw Errno.timedOut }
    for index in waiting.indices where waiting[index].revents != 0 {
      let count = try unsafe buffer.withUnsafeMutableBytes {
        try unsafe pipes[index].reader.read(into: $0)
      }
      outputs[index] += buffer[..<count]
      // poll(2) passes over negative descriptors.
      if count == 0 { waiting[index].fd = -1 }
    }
  }
  return Completion(end: try process.wait(), stdout: outputs[0], stderr: outputs[1])
}
