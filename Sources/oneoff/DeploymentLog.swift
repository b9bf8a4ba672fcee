import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// What people see of a deployment, and the CI system that shows it to them: its steps, what went
/// wrong, and around the output of commands the marks by which that system folds it.
///
/// What steps, lines and failures begin with is that of ``OutputSink/Style/indented``, which shows
/// the output of commands between them. That nothing can be written any more ends no deployment: it
/// is kept in ``writeFailure``.
final class DeploymentLog {
  /// What is open between a begin and an end.
  private struct Section {
    /// For GitHub, by which the runner obeys again; for GitLab, the section's name.
    let name: String
  }

  /// Which CI system's marks are written.
  let dialect: LogDialect
  /// After how long without output it is said that something still runs; nil for never.
  let heartbeat: Duration?
  private let target: FileDescriptor
  private let name: String
  private let isQuiet: Bool
  private let hasColours: Bool
  private var section: Section?
  /// The first failure to write.
  private(set) var writeFailure: SystemError?

  /// A log that goes to a descriptor.
  ///
  /// - Parameter name: what a CI system calls the origin of a failure.
  init(
    to target: FileDescriptor, named name: String, isQuiet: Bool = false,
    dialect: LogDialect = .none, hasColours: Bool = false, heartbeat: Duration? = nil
  ) {
    self.target = target
    self.name = name
    self.isQuiet = isQuiet
    self.dialect = dialect
    self.hasColours = hasColours
    self.heartbeat = heartbeat
  }

  /// The log of what a verb does, as its options and the caller's environment want it; not between
  /// the events.
  convenience init(of verb: String, _ options: Options) {
    let target: FileDescriptor =
      options.run.events == .descriptor(1) ? .standardError : .standardOutput
    self.init(
      to: target, named: "oneoff \(verb)", isQuiet: options.look.isQuiet,
      dialect: options.look.dialect ?? .ofCaller(writingTo: target.rawValue),
      hasColours: Self.hasColours(target.rawValue), heartbeat: options.look.heartbeat)
  }

  /// Colours are for a terminal that has them, and whose user wants them. See https://no-color.org.
  private static func hasColours(_ descriptor: CInt) -> Bool {
    guard isTerminal(descriptor) else { return false }
    if let refusal = Caller.environmentValue("NO_COLOR"), !refusal.isEmpty { return false }
    let terminal = Caller.environmentValue("TERM") ?? []
    return !terminal.isEmpty && !terminal.elementsEqual("dumb".utf8)
  }

  // MARK: Lines

  /// Says what is done next, or what has succeeded.
  ///
  /// - Parameter time: how long it took.
  func step(_ text: String, after time: Duration? = nil) {
    guard !isQuiet else { return }
    write(stepLine(text + Self.text(time)))
  }

  /// Writes lines that belong to a step.
  func line(_ text: String) {
    if !isQuiet { output(text) }
  }

  /// Writes lines that a command of the host's has written; also where steps are not wanted.
  func output(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      write("\(Self.style.indent)\(harmless(String(line)))\n")
    }
  }

  /// Says that something that others do is not over yet.
  func stillRunning(after time: Duration) {
    if !isQuiet || heartbeat != nil { output(OutputSink.Style.stillRunning(after: time)) }
  }

  /// Says what somebody should know; also where steps are not wanted.
  func warning(_ text: String) {
    write(markedLine("warning: \(text)", colour: "33"))
    annotate("warning", text)
  }

  /// Says what went wrong. A section ends before it, so that it is not folded away.
  ///
  /// - Parameter time: how long it took.
  func failure(_ text: String, after time: Duration? = nil) {
    endSection()
    let text = text + Self.text(time)
    write(markedLine(text, colour: "1;31"))
    annotate("error", text)
  }

  // MARK: Sections

  /// Begins a step with the output of a command, which may be folded.
  ///
  /// On GitHub, nothing until the end of the section is obeyed by the runner.
  func beginSection(_ title: String) {
    endSection()
    switch dialect {
    case .none: step(title)
    case .github:
      let token = Self.randomName()
      if !isQuiet { write(command("group", data: harmless(title))) }
      write(command("stop-commands", data: token))
      section = Section(name: token)
    case .gitlab:
      guard !isQuiet else { return }
      let name = "\(Self.sectionName(title))_\(Self.randomName().prefix(8))"
      write("\u{1b}[0Ksection_start:\(Self.now):\(name)\r\u{1b}[0K\(stepLine(title))")
      section = Section(name: name)
    }
  }

  /// Ends the section, if there is one.
  func endSection() {
    guard let section else { return }
    self.section = nil
    switch dialect {
    case .none: break
    case .github:
      write("::\(section.name)::\n")
      if !isQuiet { write(command("endgroup", data: "")) }
    case .gitlab: write("\u{1b}[0Ksection_end:\(Self.now):\(section.name)\r\u{1b}[0K\n")
    }
  }

  // MARK: Writing

  private static let style = OutputSink.Style.indented

  /// ` (4.2 s)`, or ` (34 ms)`.
  private static func text(_ time: Duration?) -> String {
    time.map { " (\($0.elapsedText))" } ?? ""
  }

  private func stepLine(_ text: String) -> String {
    "\(coloured(Self.style.usagePrefix, "1;34")) \(harmless(text))\n"
  }

  private func markedLine(_ text: String, colour: String) -> String {
    "\(coloured(Self.style.prefix, colour)) \(harmless(text))\n"
  }

  private func coloured(_ text: String, _ colour: String) -> String {
    hasColours ? "\u{1b}[\(colour)m\(text)\u{1b}[0m" : text
  }

  /// The text on one line, without anything that a terminal or a CI system would obey.
  private func harmless(_ text: String) -> String {
    dialect == .github ? text.onOneLine.withoutRunnerCommands : text.onOneLine
  }

  /// Has GitHub show a text beside the job.
  private func annotate(_ kind: String, _ text: String) {
    guard dialect == .github, section == nil else { return }
    write(command("\(kind) title=\(name.escapedProperty)", data: text.onOneLine))
  }

  private func command(_ command: String, data: String) -> String {
    "::\(command)::\(data.escapedData)\n"
  }

  private func write(_ text: String) {
    do throws(SystemError) {
      try Printer.print(text, to: target)
    } catch {
      writeFailure = writeFailure ?? error
    }
  }

  /// Nobody can guess it: 128 random bits.
  private static func randomName() -> String {
    let digits = Array("0123456789abcdef".utf8)
    let bytes = randomBytes(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The characters that GitLab allows in a section's name.
  private static func sectionName(_ title: String) -> String {
    let allowed = title.lowercased().utf8.map { byte in
      let isAllowed = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte.isDigit
      return isAllowed ? byte : UInt8(ascii: "_")
    }
    return String(decoding: allowed.prefix(40), as: UTF8.self)
  }

  private static var now: Int64 { wallClock().components.seconds }
}

/// The CI systems whose marks a log can have.
enum LogDialect: String, Sendable, CaseIterable {
  case none, github, gitlab

  /// That of the system in which the caller runs. A file is read by other programs, later.
  static func ofCaller(writingTo descriptor: CInt) -> LogDialect {
    let isRead: Bool =
      switch try? FileStatus(of: descriptor).kind {
      case .pipe, .socket: true
      default: isTerminal(descriptor)
      }
    guard isRead else { return .none }
    if Caller.environmentValue("GITHUB_ACTIONS")?.elementsEqual("true".utf8) == true {
      return .github
    }
    return Caller.environmentValue("GITLAB_CI")?.elementsEqual("true".utf8) == true
      ? .gitlab : .none
  }
}

/// What the options say of a deployment's log.
struct LogLook: Sendable {
  /// Only output, warnings and failures.
  var isQuiet = false
  /// nil for that of the caller's CI system.
  var dialect: LogDialect?
  /// Two levels: not given, and given as `none`.
  var givenHeartbeat: Duration??

  /// After how long without output it is said that a command still runs; nil for never.
  var heartbeat: Duration? { givenHeartbeat ?? (isQuiet ? nil : .seconds(60)) }
}

extension String {
  /// The text without what GitHub's runner takes for a command: `::` after the blanks at the
  /// beginning of a line, and `##[` anywhere. See actions/runner, ActionCommand.cs.
  var withoutRunnerCommands: String {
    var text = ""
    var isAtStart = true
    for scalar in unicodeScalars {
      if isAtStart, scalar == ":", text.unicodeScalars.last == ":" { text += " " }
      if scalar == "[", text.hasSuffix("##") { text += " " }
      text.unicodeScalars.append(scalar)
      isAtStart = scalar == "\n" || isAtStart && (scalar == ":" || scalar.properties.isWhitespace)
    }
    return text
  }

  /// The text as the data of a command of GitHub's runner. See @actions/core, command.ts.
  fileprivate var escapedData: String { escaped { "%\r\n".unicodeScalars.contains($0) } }

  /// The text as a property of a command of GitHub's runner.
  fileprivate var escapedProperty: String { escaped { "%\r\n:,".unicodeScalars.contains($0) } }

  private func escaped(where isEscaped: (Unicode.Scalar) -> Bool) -> String {
    var text = ""
    for scalar in unicodeScalars {
      if isEscaped(scalar) {
        let code = String(scalar.value, radix: 16, uppercase: true)
        text += code.count == 1 ? "%0\(code)" : "%\(code)"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
