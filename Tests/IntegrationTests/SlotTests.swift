import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct SlotTests {
    /// Runs that are alive until they are told to end, all writing to one pipe.
    private final class LiveRuns {
      private(set) var processes: [RunningProcess] = []
      private let reader: FileDescriptor
      private let writer: FileDescriptor

      init() throws { (reader, writer) = try FileDescriptor.closedOnExecPipe() }

      func add(environment: [String: String] = [:]) throws {
        processes.append(
          try start(
            runArguments(
              ["--scratch", "1M"], command: ["sh", "-c", "cat /proc/self/uid_map; exec sleep 300"]),
            environment: environment, stdout: writer, stderr: .standardError))
      }

      /// The first host id of the next run that has begun.
      func nextBase() throws -> UInt32 {
        let fields = try reader.readLine().split(separator: " ")
        #expect(fields.first == "0" && fields.last == "65536")
        return try #require(fields.dropFirst().first.flatMap { UInt32($0) })
      }

      func end() throws {
        for process in processes { process.send(SIGTERM) }
        for process in processes { _ = try process.wait(.seconds(60)) }
        processes = []
        try reader.close()
        try writer.close()
      }
    }

    @Test func fiveHundredRunsAtOnceNeverShareARange() throws {
      let runs = try LiveRuns()
      var bases: [UInt32] = []
      do {
        // 20 begin together, and there are no more slots than runs, so that they contend for them;
        // nobody ends before all have begun.
        for _ in 0..<25 {
          for _ in 0..<20 { try runs.add(environment: ["ONEOFF_SLOTS": "500"]) }
          for _ in 0..<20 { bases.append(try runs.nextBase()) }
        }
        #expect(runs.processes.allSatisfy { kill($0.pid, 0) == 0 })
      } catch {
        try runs.end()
        throw error
      }
      try runs.end()
      #expect(bases.sorted() == (0..<500).map { 0x7000_0000 + 65536 * $0 })
    }

    @Test func whenAllSlotsAreTakenTheErrorSaysSo() throws {
      let pool = ["ONEOFF_ID_BASE": "1048576", "ONEOFF_SLOTS": "2"]
      let runs = try LiveRuns()
      for _ in 0..<2 { try runs.add(environment: pool) }
      let bases = [try runs.nextBase(), try runs.nextBase()]
      let third = try run([], environment: pool, "true")
      // Another pool over the same ids has no others to give; a larger one has.
      let overlapping = try run(
        [], environment: ["ONEOFF_ID_BASE": "1114112", "ONEOFF_SLOTS": "1"], "true")
      let larger = try run(
        [], environment: ["ONEOFF_ID_BASE": "1048576", "ONEOFF_SLOTS": "3"], "cat",
        "/proc/self/uid_map")
      try runs.end()
      #expect(Set(bases) == [1_048_576, 1_114_112])
      #expect(third.status == 125)
      #expect(third.errors.contains("all 2 slots in "), "\(third.errors)")
      #expect(third.errors.contains("hint: wait for one of them to end"))
      #expect(overlapping.status == 125)
      #expect(larger.output.contains(" 1179648 "), "\(larger.errors)")
      #expect(try run([], environment: pool, "true").status == 0)
    }

    @Test func aPoolThatCannotBeIsAnError() throws {
      let result = try run([], environment: ["ONEOFF_ID_BASE": "0"], "true")
      #expect(result.status == 125)
      #expect(result.errors.contains("ONEOFF_ID_BASE is '0'"))
      #expect(result.errors.contains("hint: give a multiple of 65536"))
    }
  }
}
