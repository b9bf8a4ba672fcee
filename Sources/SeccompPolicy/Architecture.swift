// The architectures that programs are compiled for, and libseccomp's names of their system calls.
//
// This module calls libseccomp itself, although LinuxSystem is the one that calls C: it has to be
// usable at build time, for a program that LinuxSystem is then built with.

internal import CSeccomp
internal import Glibc

/// An architecture that a filter can be compiled for.
public enum Architecture: String, CaseIterable, Sendable {
  case x86_64
  case aarch64

  /// The architecture that this process has.
  public static var native: Architecture {
    #if arch(x86_64)
      .x86_64
    #else
      .aarch64
    #endif
  }

  /// What the kernel calls it in `seccomp_data.arch`: AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64.
  public var auditValue: UInt32 {
    switch self {
    case .x86_64: 0xC000_003E
    case .aarch64: 0xC000_00B7
    }
  }

  /// Its name in the `archMap` of a profile.
  var libseccompName: String {
    switch self {
    case .x86_64: "SCMP_ARCH_X86_64"
    case .aarch64: "SCMP_ARCH_AARCH64"
    }
  }

  /// Its name in the `includes` and `excludes` of a profile.
  var goName: String {
    switch self {
    case .x86_64: "amd64"
    case .aarch64: "arm64"
    }
  }

  /// What libseccomp knows about the name of a system call.
  enum Lookup {
    case number(UInt32)
    case otherArchitectures
    case unknown
  }

  /// Looks the name of a system call up in libseccomp's table.
  func lookUp(_ name: String) -> Lookup {
    // C would see a name only up to a NUL, and so another one.
    guard !name.utf8.contains(0) else { return .unknown }
    // Safe: the string lives for the length of the call, which only reads it.
    let number = unsafe seccomp_syscall_resolve_name_arch(auditValue, name)
    if number == __NR_SCMP_ERROR { return .unknown }
    // libseccomp has negative numbers for system calls that this architecture does not have.
    return UInt32(exactly: number).map(Lookup.number) ?? .otherArchitectures
  }

  /// The name of a system call, when libseccomp knows one.
  public func syscallName(_ number: UInt32) -> String? {
    guard let number = Int32(exactly: number) else { return nil }
    // Safe: the result is null or a string of the caller's own, ended by zero, freed below.
    guard let name = unsafe seccomp_syscall_resolve_num_arch(auditValue, number) else { return nil }
    defer { unsafe free(name) }
    return unsafe String(cString: name)
  }
}
