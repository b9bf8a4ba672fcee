import FoundationEssentials
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import Testing

extension Launches {
  /// What PID 1 does once the command was forked.
  @Suite struct ContainerTests {
    private static let streams: [LaunchPlan.Operation] = [
      .newSession, .useStandardStreams(.standardInput, .standardOutput, .standardError),
      .closeDescriptors(keeping: nil),
    ]

    private struct Taken: Error {}

    private func lock(_ path: FilePath) throws -> LockedFile {
      guard let file = try LockedFile.tryLock(path) else { throw Taken() }
      return file
    }

    private func exit(of script: String) throws -> CommandExit? {
      try records(of: .running(script)).exit
    }

    @Test(arguments: [0, 1, 7, 125, 137, 255] as [Int32])
    func anExitStatusIsReportedAsItIs(code: Int32) throws {
      let records = try records(of: .running("exit \(code)"))
      #expect(records.count == 3)
      #expect(records.first == .started)
      #expect(records.last == .emptied)
      let exit = try #require(records.exit)
      #expect(exit.way == .code(code))
      #expect(exit.wasExecuted)
    }

    @Test func emptiedIsReportedOnceNobodyElseLives() throws {
      let streams = try Streams()
      let sleepers = "i=0; while [ $i -lt 200 ]; do sleep 100 & i=$((i+1)); done"
      let container = try launch(
        .running("trap 'exit 0' TERM; \(sleepers); echo; wait", before: Self.streams),
        with: streams.table)
      streams.table.closeAll()
      _ = try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
      let processes = try processes(in: container)
      #expect(processes.count == 201)
      container.forward(signal: SIGTERM)
      var records: [StatusRecord] = []
      while !records.contains(.emptied) {
        let next = try StatusRecord.read(from: container.status.number)
        guard !next.isEmpty else { break }
        records += next
      }
      let alive = processes.filter { kill($0, 0) == 0 }
      #expect(records.last == .emptied)
      #expect(alive == [])
      _ = try container.reap()
    }

    /// The processes of a container but its first one, by their ids here.
    private func processes(in container: borrowing LaunchedContainer) throws -> [pid_t] {
      let files = FileManager.default
      func namespace(_ pid: pid_t) -> String? {
        try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/pid")
      }
      let own = namespace(container.pid)
      return try files.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
        .filter { $0 != container.pid && namespace($0) == own }
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGSEGV, SIGSYS])
    func aSignalThatKilledTheCommandIsReported(signal: Int32) throws {
      let exit = try exit(of: "kill -\(signal) $$; exit 0")
      #expect(exit?.way == .signal(signal))
      #expect(exit?.wasExecuted == true)
    }

    @Test func aPlanOnTrialSaysHowFarItComes() throws {
      var plan = LaunchPlan(namespaces: .isolated)
      plan.setup = [.resetSignals, .makeMountsPrivate]
      #expect(try trial(of: plan, with: DescriptorTable()) == .succeeded)
      plan.setup.append(.enterScratch(.scratch))
      guard case .failed(let failure) = try trial(of: plan, with: DescriptorTable()) else {
        Issue.record("it did not fail")
        return
      }
      #expect(failure.operation(in: plan) == .enterScratch(.scratch))
      plan.setup.removeLast()
      plan.command = [.restrictWithLandlock(.landlock)]
      guard case .failed(let later) = try trial(of: plan, with: DescriptorTable()) else {
        Issue.record("it did not fail")
        return
      }
      #expect(later.section == .command)
    }

    @Test func theProcessorTimeOfDescendantsIsReported() throws {
      let loop = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
      let exit = try #require(try exit(of: "(\(loop)) & wait"))
      #expect(exit.userTime > .milliseconds(5))
      #expect(exit.userTime + exit.systemTime < .seconds(60))
    }

    @Test func aCommandThatIsKilledBeforeItsExecutionWasNotExecuted() throws {
      // PID 1's own filter kills whoever calls execve(2).
      let records = try records(
        of: .running("exit 0", before: [.forbidNewPrivileges, .installSeccomp(.firstProcess)]))
      guard case .exited(let exit)? = records.first else {
        Issue.record("\(records)")
        return
      }
      #expect(records.count == 1)
      #expect(exit.way == .signal(SIGSYS))
      #expect(!exit.wasExecuted)
    }

    @Test func aFailureComesBeforeTheExitThatItCauses() throws {
      var plan = LaunchPlan.running("")
      plan.command = [.execute(.program("/no/such"))]
      let records = try records(of: plan)
      #expect(records.count == 2)
      guard case .failed? = records.first, case .exited(let exit)? = records.last else {
        Issue.record("\(records)")
        return
      }
      #expect(exit.way == .code(125))
      #expect(!exit.wasExecuted)
    }

    @Test func everythingEndsWhenTheLifelineCloses() throws {
      let streams = try Streams()
      let process: OwnedDescriptor
      let status: OwnedDescriptor
      let pid: Int32
      do {
        let container = try launch(
          .running("(sleep 100) & echo ready; sleep 100", before: Self.streams), with: streams.table
        )
        streams.table.closeAll()
        #expect(
          try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
            == Array("ready\n".utf8))
        process = try duplicate(container.process)
        status = try duplicate(container.status)
        pid = container.pid
      }  // and with the container its lifeline
      // No writer of the output is left: neither the command nor its child.
      #expect(try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe") == [])
      #expect(try StatusRecord.read(from: status.number) == [.started])
      #expect(try StatusRecord.read(from: status.number) == [])
      var waitStatus: Int32 = -1
      // Safe: the call fills the number.
      #expect(unsafe waitpid(pid, &waitStatus, 0) == pid)
      #expect(waitStatus == 0)
      withExtendedLifetime(process.number) {}
    }

    /// A plan whose command's process takes about half a second to be executed. PID 1 sleeps for as
    /// long.
    private static let slow = LaunchPlan.running(
      "exit 0", before: Array(repeating: .boundCapabilities(mask: 0), count: 20_000))

    @Test func theDeathOfTheSupervisorEndsAContainerWhoseCommandIsNotExecutedYet() throws {
      // To the kernel it is the thread that has made a process whose death is the parent's.
      struct Launched {
        let pid: Int32
        let status: CInt
        let lifeline: CInt
      }
      let launched = Mutex<Result<Launched, any Error>?>(nil)
      try startThread {
        let result = Result {
          let container = try launch(Self.slow, with: DescriptorTable())
          usleep(100_000)
          // The lifeline stays open: it is not what ends the container.
          return Launched(
            pid: container.pid, status: dup(container.status.number),
            lifeline: dup(container.lifeline.number))
        }
        launched.withLock { $0 = result }
      }
      #expect(eventually { launched.withLock { $0 != nil } })
      let container = try #require(try launched.withLock { try $0?.get() })
      let records = OwnedDescriptor(owning: container.status)
      let lifeline = OwnedDescriptor(owning: container.lifeline)
      var waitStatus: Int32 = -1
      // Safe: the call fills the number.
      #expect(unsafe waitpid(container.pid, &waitStatus, 0) == container.pid)
      #expect(CommandExit.Way(waitStatus: waitStatus) == .signal(SIGKILL))
      #expect(try StatusRecord.read(from: records.number) == [])
      withExtendedLifetime(lifeline.number) {}
    }

    @Test func aContainerWhoseCommandIsNotExecutedYetCanBeKilled() throws {
      let container = try launch(Self.slow, with: DescriptorTable())
      usleep(100_000)
      container.kill()
      #expect(try allRecords(of: container) == [])
      #expect(CommandExit.Way(waitStatus: try container.reap()) == .signal(SIGKILL))
    }

    private func duplicate(_ descriptor: borrowing OwnedDescriptor) throws -> OwnedDescriptor {
      OwnedDescriptor(owning: dup(descriptor.number))
    }

    @Test(arguments: [SIGTERM, SIGUSR1, SIGINT])
    func aSignalIsForwardedToTheCommand(signal: Int32) throws {
      let streams = try Streams()
      let script = "trap 'exit 42' \(signal); echo ready; while :; do sleep 0.01; done"
      let container = try launch(.running(script, before: Self.streams), with: streams.table)
      streams.table.closeAll()
      #expect(
        try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
          == Array("ready\n".utf8))
      container.forward(signal: signal)
      let exit = try #require(try allRecords(of: container).exit)
      #expect(exit.way == .code(42))
      #expect(try container.reap() == 0)
    }

    @Test func killingTheFirstProcessEndsTheContainerWithoutARecord() throws {
      let streams = try Streams()
      let container = try launch(
        .running("echo; sleep 100", before: Self.streams), with: streams.table)
      streams.table.closeAll()
      #expect(try StatusRecord.read(from: container.status.number) == [.started])
      _ = try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
      container.kill()
      #expect(try allRecords(of: container) == [])
      #expect(CommandExit.Way(waitStatus: try container.reap()) == .signal(SIGKILL))
      #expect(try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe") == [])
    }

    @Test func theFirstProcessKeepsItsOwnDescriptorsAndNoOther() throws {
      let streams = try Streams()
      let directory = try TemporaryDirectory()
      let slot = try lock(directory.path.appending("slot"))
      let container = try launch(
        .running("echo; sleep 100", before: Self.streams), with: streams.table,
        slot: slot.descriptor.number)
      streams.table.closeAll()
      _ = try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
      let path = "/proc/\(container.pid)/fd"
      var targets: [String] = []
      _ = try eventually {
        targets = try FileManager.default.contentsOfDirectory(atPath: path).map {
          try FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/\($0)")
        }
        return targets.count == 7
      }
      // 0, 1 and 2; the status pipe and the lifeline; the slot; the end of children.
      #expect(targets.count == 7, "\(targets)")
      #expect(targets.count { $0 == "/dev/null" } == 3)
      #expect(targets.count { $0.hasPrefix("pipe:") } == 2)
      #expect(targets.count { $0.hasSuffix("/slot") } == 1)
      #expect(targets.count { $0.contains("signalfd") } == 1)
      container.kill()
      _ = try container.reap()
    }

    @Test func theCommandHasNoDescriptorButItsStreams() throws {
      let streams = try Streams()
      let container = try launch(
        .running("exec ls /proc/self/fd", before: Self.streams), with: streams.table)
      streams.table.closeAll()
      // 3 is the directory that ls reads.
      let listed = try readAvailable(streams.output.number, atMost: 256, subject: "of a pipe")
      #expect(String(decoding: listed, as: UTF8.self) == "0\n1\n2\n3\n")
      _ = try allRecords(of: container)
      _ = try container.reap()
    }

    @Test func theSlotIsLockedAsLongAsTheContainerLives() throws {
      let streams = try Streams()
      let directory = try TemporaryDirectory()
      let path = directory.path.appending("slot")
      func start() throws -> LaunchedContainer {
        let slot = try lock(path)
        return try launch(
          .running("echo; sleep 100", before: Self.streams), with: streams.table,
          slot: slot.descriptor.number)
      }
      let container = try start()
      streams.table.closeAll()
      _ = try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
      #expect(throws: Taken.self) { _ = try lock(path) }
      container.kill()
      _ = try container.reap()
      _ = try lock(path)
    }

    @Test func orphansAreReaped() throws {
      let streams = try Streams()
      let container = try launch(
        .running(
          "for i in 1 2 3 4 5 6 7 8; do (sleep 0.05 & exit 0); done; echo; sleep 100",
          before: Self.streams), with: streams.table)
      streams.table.closeAll()
      _ = try readAvailable(streams.output.number, atMost: 64, subject: "of a pipe")
      let path = FilePath("/proc/\(container.pid)/task/\(container.pid)/children")
      let onlyTheCommandIsLeft = try eventually {
        try readFile(path, limit: 4096).split(separator: UInt8(ascii: " ")).count == 1
      }
      #expect(onlyTheCommandIsLeft)
      container.kill()
      _ = try container.reap()
    }
  }
}

/// The descriptors of a command's streams, and the reading end of its output.
private final class Streams {
  let table = DescriptorTable()
  let output: OwnedDescriptor

  init() throws {
    for name in [DescriptorName.null, .standardInput, .standardError] {
      try table.adopt(OwnedDescriptor(opening: "/dev/null", flags: .readingAndWriting), as: name)
    }
    self.output = table.adoptWriter(of: try Pipe(), as: .standardOutput)
  }
}
