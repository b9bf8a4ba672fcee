internal import CLaunch

/// This process's arguments where the kernel put them: what /proc/PID/cmdline shows.
@safe
enum ProcessArguments {
  /// Arguments and environment as one block of memory.
  static var memory: UnsafeMutableRawBufferPointer {
    // Safe: execve(2) laid the strings out in one block, and nothing moves them.
    unsafe UnsafeMutableRawBufferPointer(
      start: ol_argument_vector()?.pointee, count: ol_argument_memory())
  }
}
