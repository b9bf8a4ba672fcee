import Foundation
import Glibc
import SystemPackage
import Testing

/// A pseudoterminal, and what a program writes to it.
struct Terminal {
  let controller: FileDescriptor
  let device: FileDescriptor

  init(columns: UInt16 = 80) throws {
    var (controller, device): (Int32, Int32) = (-1, -1)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    // Safe: the kernel writes two integers and reads one structure; the others may be null.
    guard unsafe openpty(&controller, &device, nil, nil, &size) == 0 else {
      throw Errno(rawValue: errno)
    }
    for end in [controller, device] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (self.controller, self.device) = (.init(rawValue: controller), .init(rawValue: device))
  }

  /// Everything that was written by the time that nobody holds the device open any more.
  func contents() throws -> String {
    try device.close()
    defer { try? controller.close() }
    var bytes: [UInt8] = []
    do {
      try controller.forEachChunk { bytes += $0 }
    } catch Errno.ioError {
      // A controller's way of saying that the other end is closed. See pty(7).
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What a run of the program shows.
  static func output(
    of arguments: [String], environment: [String: String] = [:], columns: UInt16 = 80
  ) throws -> String {
    let terminal = try Terminal(columns: columns)
    let process = try start(
      arguments, environment: environment, stdout: terminal.device, stderr: terminal.device)
    let output = try terminal.contents()
    _ = try process.wait()
    return output
  }
}

extension IntegrationTests {
  /// What a person sees of a command that would like to control the terminal.
  @Suite struct TerminalOutputTests {
    /// Clears the screen, sets the title, goes up a line, forges a step, colours and rings.
    private static let attack =
      "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[1A\r-----> Released\u{9b}5m\u{202e}\u{1b}[31mred\u{8}\n"
    private static let digits = attack.utf8.map { String(UInt16($0) + 256, radix: 16).dropFirst() }
      .joined()

    @Test func runShowsAPersonWhatWouldControlTheTerminal() throws {
      let shown = try Terminal.output(
        of: runArguments([], command: ["probe", "bytes", Self.digits]))
      let expected =
        "^[[2J^[]0;title^G^[[1A\r-----> Released<U+009B>5m<U+202E>\u{1b}[31mred^H\u{1b}[0m\r\n"
      #expect(shown == expected)
    }

    @Test func hookKeepsItsLinesBelowItsSteps() throws {
      let app = try Workspace.current.make("app")
      let octal = Self.attack.utf8
        .map { "\\" + String(UInt16($0) + 0o1000, radix: 8).dropFirst() }.joined()
      try Data("postdeploy: printf '\(octal)' >&2; printf '\\033[32mgreen'\n".utf8)
        .write(to: URL(fileURLWithPath: app + "/Procfile"))
      let shown = try Terminal.output(of: ["hook", "--rootfs", Built.tiny, "--app-dir", app])
      let lines = shown.split(separator: "\r\n").map(String.init)
      #expect(lines.count == 4)
      #expect(
        lines.first?.hasPrefix("-----> Running postdeploy hook of the Procfile: printf ") == true)
      #expect(
        lines.contains(
          "       ^[[2J^[]0;title^G^[[1A\r       -----> Released<U+009B>5m<U+202E>\u{1b}[31mred^H"
            + "\u{1b}[0m"))
      #expect(lines.contains("       \u{1b}[32mgreen\u{1b}[0m"))
    }

    @Test func aColourThatEndsAfterTheLastLineMakesNoLineOfItsOwn() throws {
      let app = try Workspace.current.make("app")
      try Data("postdeploy: printf '\\033[32mgreen\\n\\033[0m'\n".utf8)
        .write(to: URL(fileURLWithPath: app + "/Procfile"))
      let shown = try Terminal.output(of: ["hook", "--rootfs", Built.tiny, "--app-dir", app])
      #expect(
        shown.contains("\r\n       \u{1b}[32mgreen\u{1b}[0m\r\n-----> The postdeploy hook succ"),
        "\(shown.debugDescription)")
    }

    @Test func aPersonIsToldWhatIsWaitedFor() throws {
      let terminal = try Terminal()
      let script = "trap '' INT; echo ready; sleep 60"
      let process = try start(
        runArguments(["--grace", "500ms"], command: ["sh", "-c", script]),
        stdout: terminal.device, stderr: terminal.device)
      #expect(try terminal.controller.readLine() == "ready\r")
      process.send(SIGINT)
      let output = try terminal.contents()
      #expect(
        output.hasPrefix(
          "oneoff: waiting for the command to end, at most 500ms (--grace)\r\n"), "\(output)")
      #expect(output.contains("killed by signal 9"))
      #expect(try process.wait() == .code(137))
    }

    @Test func everythingElseGetsEveryByte() throws {
      let attack = Array(Self.attack.utf8)
      let events = try Events(try run(["--events", "-"], "probe", "bytes", Self.digits).output)
      #expect(events.all[1]["text"] as? String == String(Self.attack.dropLast()))
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["probe", "bytes", Self.digits]), stdout: writer,
        stderr: .standardError)
      try writer.close()
      var bytes: [UInt8] = []
      try reader.forEachChunk { bytes += $0 }
      #expect(bytes == attack)
      #expect(try process.wait() == .code(0))
      #expect(try run([], "probe", "bytes", Self.digits).stdout == attack)
    }
  }
}
