import CLaunch
import SeccompPolicy
import Testing

@Suite struct InitProgramTests {
  private let program = unsafe [BPFInstruction](ol_seccomp_init())
  private let native = Architecture.native
  private let allow: UInt32 = 0x7FFF_0000
  private let killProcess: UInt32 = 0x8000_0000

  @Test func isValid() {
    #expect(program.isValid)
  }

  @Test func allowsExactlyWhatPID1Needs() throws {
    let names = [
      "read", "write", "poll", "ppoll", "close", "wait4", "waitid", "kill", "exit", "exit_group",
      "getrusage", "rt_sigreturn", "restart_syscall",
    ]
    let allowed = Set(names.compactMap(native.number))
    #expect(allowed.count == (native == .x86_64 ? 13 : 12))
    let low = Array(UInt32(0)...1023)
    let x32 = low.map { $0 | 0x4000_0000 }
    for number in low + x32 + [0x3FFF_FFFF, 0x8000_0000, .max] {
      let call = Call(architecture: native.auditValue, number: number)
      let expected = allowed.contains(number) ? allow : killProcess
      #expect(try program.verdict(on: call) == expected, "\(number)")
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
