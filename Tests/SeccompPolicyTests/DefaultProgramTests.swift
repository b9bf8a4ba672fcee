import CLaunch
import FoundationEssentials
import SeccompPolicy
import Testing

private let killProcess: UInt32 = 0x8000_0000
private let allow: UInt32 = 0x7FFF_0000
private let done: UInt32 = 0x0005_0000
private let eperm: UInt32 = 0x0005_0001
private let eacces: UInt32 = 0x0005_000D
private let eio: UInt32 = 0x0005_0005
private let enosys: UInt32 = 0x0005_0026

/// The newest system call that the default profile names: futex_requeue, of Linux 6.7.
private let newestNumber: UInt32 = 456

@Suite struct DefaultProgramTests {
  @Test func headerIsGeneratedFromTheProfile() throws {
    let header = packageDirectory.appending(path: "Sources/CLaunch/seccomp_default.h")
    let committed = try String(contentsOf: header, encoding: .utf8)
    #expect(try CHeader(defaultProfile()).text == committed)
  }

  @Test func linkedProgramIsTheGeneratedOne() throws {
    let policy = try SyscallPolicy(defaultProfile(), for: FilterTarget(architecture: .native))
    #expect(try unsafe [BPFInstruction](ol_seccomp_default()) == IntervalTree(policy).program())
  }

  @Test(arguments: Architecture.allCases)
  func isValidAndSmall(architecture: Architecture) throws {
    let program = try defaultProgram(architecture)
    #expect(program.isValid)
    #expect(program.count <= 145)
  }

  /// What libseccomp's program says, but for numbers that are newer than the profile: there it
  /// says EPERM, the default, and ours must say ENOSYS.
  private func expected(
    _ call: Call, _ reference: [BPFInstruction], _ architecture: Architecture
  ) throws -> UInt32 {
    let verdict = try reference.verdict(on: call)
    let isX32 = architecture == .x86_64 && (0x4000_0000..<UInt32.max).contains(call.number)
    guard call.number > newestNumber, !isX32 else { return verdict }
    #expect(verdict == eperm)
    return enosys
  }

  @Test(arguments: Architecture.allCases)
  func agreesWithLibseccompOnEveryNumber(architecture: Architecture) throws {
    let program = try defaultProgram(architecture)
    let reference = try libseccompProgram(defaultProfile(), architecture)
    let edges: [UInt32] = [
      0x3FFF_FFFE, 0x3FFF_FFFF, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xBFFF_FFFF,
      0xC000_0000, .max - 1, .max,
    ]
    let low = Array(UInt32(0)...1023)
    let x32 = low.map { $0 | 0x4000_0000 }
    // Each program is the same for all numbers between those that it compares with, so that these
    // stand for every number there is.
    let compared = program.numbersAroundComparisons.union(reference.numbersAroundComparisons)
    for number in low + x32 + edges + compared.sorted() {
      for fill in [UInt64.min, .max] {
        let call = Call(
          architecture: architecture.auditValue, number: number,
          arguments: Array(repeating: fill, count: 6))
        #expect(
          try program.verdict(on: call) == expected(call, reference, architecture), "\(call)")
      }
    }
  }

  @Test(arguments: Architecture.allCases)
  func agreesWithLibseccompOnEveryBoundary(architecture: Architecture) throws {
    let program = try defaultProgram(architecture)
    let profile = try defaultProfile()
    let reference = try libseccompProgram(profile, architecture)
    var conditions: [String: [SeccompProfile.Condition]] = [:]
    for rule in profile.syscalls {
      for name in rule.names { conditions[name, default: []] += rule.args ?? [] }
    }
    var tried = 0
    for (name, conditions) in conditions where !conditions.isEmpty {
      guard let number = architecture.number(of: name) else { continue }
      for arguments in boundaryArguments(conditions) {
        let call = Call(
          architecture: architecture.auditValue, number: number, arguments: arguments)
        let verdict = try program.verdict(on: call)
        if try verdict != expected(call, reference, architecture) {
          Issue.record("\(name) \(arguments): \(verdict)")
        }
        tried += 1
      }
    }
    #expect(tried > 10_000)
  }

  @Test(arguments: Architecture.allCases)
  func killsForeignArchitectures(architecture: Architecture) throws {
    let program = try defaultProgram(architecture)
    let reference = try libseccompProgram(defaultProfile(), architecture)
    let audit = Architecture.allCases.filter { $0 != architecture }.map(\.auditValue)
    // AUDIT_ARCH_I386, AUDIT_ARCH_ARM, the own one with a bit turned, and nonsense.
    for foreign in audit + [0x4000_0003, 0x4000_0028, architecture.auditValue ^ 1, 0, .max] {
      for number in 0...UInt32(1023) {
        let call = Call(architecture: foreign, number: number)
        #expect(try program.verdict(on: call) == killProcess)
        #expect(try reference.verdict(on: call) == killProcess)
      }
    }
  }

  /// The attacks of docs/security.md, by hand: that both compilers agree does not say that the
  /// policy is the right one.
  @Test(arguments: Architecture.allCases)
  func refusesWhatItIsThereToRefuse(architecture: Architecture) throws {
    let program = try defaultProgram(architecture)
    func verdict(_ name: String, _ arguments: UInt64...) throws -> UInt32? {
      guard let number = architecture.number(of: name) else { return nil }
      let rest = Array(repeating: UInt64(0), count: 6 - arguments.count)
      return try program.verdict(
        on: Call(
          architecture: architecture.auditValue, number: number, arguments: arguments + rest))
    }
    for name in removedSyscalls { #expect(try verdict(name) ?? eperm == eperm, "\(name)") }
    for name in ["clone3", "openat2", "fchmodat2"] { #expect(try verdict(name) == enosys) }
    for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x4000_0000] {
      #expect(try verdict("clone", UInt64(flag) | 17) == eperm)
    }
    #expect(try verdict("clone", 0x3D_0F00) == allow)  // pthread_create
    for command: UInt64 in [0x5412, 0x541C, 0x1_0000_5412, 0xFFFF_FFFF_0000_541C] {
      #expect(try verdict("ioctl", 0, command) == eio)
    }
    #expect(try verdict("ioctl", 0, 0x5413) == allow)  // TIOCGWINSZ
    for command: UInt64 in [1024, 1040, 0x1_0000_0400] {
      #expect(try verdict("fcntl", 0, command) == eacces)
    }
    for command: UInt64 in [0, 1, 1025, 1032] { #expect(try verdict("fcntl", 0, command) == allow) }
    let core: UInt64 = 4
    for resource in [core, 0x1_0000_0000 | core] {
      #expect(try verdict("setrlimit", resource) ?? done == done)
      #expect(try verdict("prlimit64", 0, resource, 1) == done)
      #expect(try verdict("prlimit64", 0, resource, 0x1_0000_0000) == done)
      #expect(try verdict("prlimit64", 0, resource, 0) == allow)
    }
    #expect(try verdict("prlimit64", 0, 7, 1) == allow)
    for family: UInt64 in [38, 40, 0x1_0000_0026, 0x1_0000_0028, 21, 30, 44] {
      #expect(try verdict("socket", family) == eperm)
      #expect(try verdict("socketpair", family) == eperm)
    }
    for family: UInt64 in [1, 2, 10, 16] { #expect(try verdict("socket", family) == allow) }
    for mode: UInt64 in [0o4755, 0o2755, 0o6755, 0x1_0000_0000 | 0o4000] {
      #expect(try verdict("chmod", 0, mode) ?? eperm == eperm)
      #expect(try verdict("fchmod", 0, mode) == eperm)
      #expect(try verdict("fchmodat", 0, 0, mode) == eperm)
      #expect(try verdict("mknodat", 0, 0, mode) == eperm)
      #expect(try verdict("mkdirat", 0, 0, mode) == eperm)
      #expect(try verdict("creat", 0, mode) ?? eperm == eperm)
      for creating: UInt64 in [0o100, 0o1101, 0o20200002, 0o20040002, 0o20000000] {
        #expect(try verdict("open", 0, creating, mode) ?? eperm == eperm)
        #expect(try verdict("openat", 0, 0, creating, mode) == eperm)
      }
      // Without O_CREAT or O_TMPFILE the mode is whatever the register held.
      #expect(try verdict("openat", 0, 0, 0o200000, mode) == allow)
    }
    #expect(try verdict("openat", 0, 0, 0o101, 0o1777) == allow)
    #expect(try verdict("fchmodat", 0, 0, 0o1777) == allow)
  }

  private let removedSyscalls = [
    "mount", "umount2", "fsopen", "fsmount", "fsconfig", "fspick", "move_mount", "open_tree",
    "mount_setattr", "pivot_root", "chroot", "unshare", "setns", "keyctl", "add_key",
    "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf",
    "perf_event_open", "userfaultfd", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp",
    "pidfd_getfd", "process_madvise", "kexec_load", "kexec_file_load", "init_module",
    "finit_module", "delete_module", "open_by_handle_at", "reboot", "swapon", "syslog", "acct",
    "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "sethostname", "modify_ldt",
    "iopl", "ioperm", "fanotify_init",
  ]
}
