import ContainerSpec
import LinuxSystem
import SystemPackage

/// Text for people: results on standard output, errors on standard error.
enum Printer {
  /// Prints text as it is.
  ///
  /// - Throws: the errnos of write(2), such as ENOSPC of a full disk.
  static func print(
    _ text: String, to target: FileDescriptor = .standardOutput
  ) throws(SystemError) {
    do {
      try target.writeAll(text.utf8)
    } catch {
      let name = target == .standardError ? "standard error" : "standard output"
      throw SystemError(
        call: "write(2)", subject: "to \(name)", errno: error as? Errno ?? .ioError,
        hint: "send it to a file that has space left, or to a reader that takes all of it")
    }
  }

  /// Prints what went wrong, with names from outside made harmless for a terminal and for a CI
  /// system.
  static func printError(_ text: String) {
    let lines = "oneoff: \(text)\n".inHarmlessLines.withoutRunnerCommands
    // Nothing is left to be told when standard error is gone.
    _ = try? FileDescriptor.standardError.writeAll(
      lines.utf8)
  }
}
