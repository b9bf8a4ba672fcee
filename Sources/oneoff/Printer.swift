import ContainerSpec
import SystemPackage

/// Text for people: results on standard output, errors on standard error.
enum Printer {
  /// Prints text as it is; - Throws: `Errno` when it cannot be written, such as to a full disk.
  static func print(_ text: String, to target: FileDescriptor = .standardOutput) throws {
    try target.writeAll(text.utf8)
  }

  /// Prints what went wrong, with names from outside made harmless for a terminal.
  static func printError(_ text: String) {
    let lines = "oneoff: \(text)\n".inHarmlessLines
    // Nothing is left to be told when standard error is gone.
    _ = try? FileDescriptor.standardError.writeAll(
      lines.utf8)
  }
}
