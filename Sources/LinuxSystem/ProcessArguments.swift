internal import CLaunch
import Glibc

/// This process's arguments where the kernel put them: what /proc/PID/cmdline shows.
@safe
public enum ProcessArguments {
  /// The arguments as bytes, the program's name first. `CommandLine` would repair them to UTF-8.
  public static var all: [[UInt8]] {
    guard let vector = unsafe ol_argument_vector() else { return [] }
    return (0..<Int(ol_argument_count())).map { index in
      // Safe: argv holds `argc` strings that live as long as the process.
      guard let argument = unsafe vector[index] else { return [] }
      return unsafe Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
    }
  }

  /// Arguments and environment as one block of memory.
  static var memory: UnsafeMutableRawBufferPointer {
    // Safe: execve(2) laid the strings out in one block, and nothing moves them.
    unsafe UnsafeMutableRawBufferPointer(
      start: ol_argument_vector()?.pointee, count: ol_argument_memory())
  }
}
