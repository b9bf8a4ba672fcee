import Foundation
import Glibc
import SystemPackage

/// A person at a terminal who runs the program there, as the terminal's session and foreground job.
final class Dialogue {
  let terminal: Terminal
  let process: RunningProcess
  /// How the terminal was set before the program ran.
  let attributesBefore: termios
  private(set) var shown: [UInt8] = []

  /// Everything that the terminal has shown, but for what was asked for already.
  var text: String { String(decoding: shown, as: UTF8.self) }

  /// Runs the program with these arguments; its standard streams are the terminal, but for those
  /// that are given.
  init(
    _ arguments: [String], environment: [String: String] = [:], stdin: FileDescriptor? = nil,
    stdout: FileDescriptor? = nil
  ) throws {
    terminal = try Terminal()
    attributesBefore = Self.attributes(of: terminal)
    process = try start(
      arguments, environment: ["TERM": "vt100"].merging(environment) { $1 },
      stdin: stdin ?? terminal.device, stdout: stdout ?? terminal.device, stderr: terminal.device)
  }

  /// A shell inside, whose prompt has come.
  static func withShell(_ options: [String] = []) throws -> Dialogue {
    let dialogue = try Dialogue(
      runArguments(["-it", "-e", "PS1=ready> "] + options, command: ["sh"]))
    try dialogue.wait(for: "ready> ")
    return dialogue
  }

  /// Types.
  func type(_ text: String) throws {
    _ = try terminal.controller.writeAll(Array(text.utf8))
  }

  /// Waits until the terminal shows a text, and forgets it and what was before it.
  @discardableResult
  func wait(for wanted: String) throws -> String {
    let needle = Data(wanted.utf8)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let data = Data(shown)
      if let found = data.range(of: needle) {
        shown = Array(data[found.upperBound...])
        return String(decoding: data[..<found.lowerBound], as: UTF8.self)
      }
      var waiting = pollfd(fd: terminal.controller.rawValue, events: Int16(POLLIN), revents: 0)
      guard unsafe Glibc.poll(&waiting, 1, 10_000) == 1 else {
        struct NotShown: Error {
          var wanted: String
          var shown: String
        }
        throw NotShown(wanted: wanted, shown: text)
      }
      let count = try unsafe buffer.withUnsafeMutableBytes {
        try unsafe terminal.controller.read(into: $0)
      }
      shown += buffer[..<count]
    }
  }

  /// How the terminal is set.
  var attributes: termios { Self.attributes(of: terminal) }

  private static func attributes(of terminal: Terminal) -> termios {
    var attributes = termios()
    // Safe: the call fills the structure.
    unsafe _ = tcgetattr(terminal.device.rawValue, &attributes)
    return attributes
  }

  /// Whether it passes on every key.
  var isRaw: Bool { attributes.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0 }

  /// Changes its size, as a window manager does.
  func resize(rows: UInt16, columns: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    // Safe: the call reads the structure.
    unsafe _ = ioctl(terminal.controller.rawValue, UInt(TIOCSWINSZ), &size)
  }

  /// Waits for the program's end, and gives the terminal up.
  func end() throws -> RunningProcess.End {
    let end = try process.wait()
    try close()
    return end
  }

  /// Gives the terminal up.
  func close() throws {
    try? terminal.device.close()
    try? terminal.controller.close()
  }
}
