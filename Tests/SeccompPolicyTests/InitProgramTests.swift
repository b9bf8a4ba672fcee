import CLaunch
import SeccompPolicy
import Testing

@Suite struct InitProgramTests {
  private let program = unsafe [BPFInstruction](ol_seccomp_init())
  private let native = Architecture.native
  private let allow: UInt32 = 0x7FFF_0000
  private let killProcess: UInt32 = 0x8000_0000

  @Test func isValid() {
    #expect(program.jumpsAreValid)
  }

  @Test func allowsExactlyWhatPID1Needs() throws {
    let names = [
      "read", "write", "poll", "ppoll", "close", "wait4", "waitid", "kill", "exit", "exit_group",
      "getrusage", "openat", "rt_sigreturn", "restart_syscall",
    ]
    let allowed = Set(names.compactMap(native.number))
    #expect(allowed.count == (native == .x86_64 ? 14 : 13))
    let low = Array(UInt32(0)...1023)
    let x32 = low.map { $0 | 0x4000_0000 }
    for number in low + x32 + [0x3FFF_FFFF, 0x8000_0000, .max] {
      let call = Call(architecture: native.auditValue, number: number)
      let expected = allowed.contains(number) ? allow : killProcess
      #expect(try program.verdict(on: call) == expected, "\(number)")
    }
  }

  @Test func opensOnlyForReading() throws {
    let openat = try #require(native.number(of: "openat"))
    let closeOnExec: UInt64 = 0o2000000
    for bit in 0..<64 {
      let flags = UInt64(1) << bit
      let call = Call(
        architecture: native.auditValue, number: openat, arguments: [0, 0, flags, 0, 0, 0])
      // The kernel reads the flags as an int: the high half is not there for it.
      let expected = flags == closeOnExec || bit >= 32 ? allow : killProcess
      #expect(try program.verdict(on: call) == expected, "\(flags)")
    }
  }

  @Test func killsForeignArchitectures() throws {
    for foreign in [0x4000_0003, 0x4000_0028, native.auditValue ^ 1] as [UInt32] {
      for number in 0...UInt32(1023) {
        let call = Call(architecture: foreign, number: number)
        #expect(try program.verdict(on: call) == killProcess)
      }
    }
  }
}
