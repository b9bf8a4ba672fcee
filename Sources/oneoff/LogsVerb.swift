import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// `oneoff logs`: what a recorded run has written.
enum LogsVerb {
  static let verb = Verb(
    name: "logs",
    summary: "Print what a recorded run has written",
    operands: "ID",
    operandCompletion: .nothing,
    details: [
      "What the command wrote to its standard output goes to standard output, what it wrote to "
        + "standard error to standard error, byte for byte. A terminal is shown it made harmless, "
        + "as by run. With --stream, and in other formats than text, all goes to standard output.",
      "In a format of lines (json, syslog) a line is printed when it is complete, or when the log "
        + "ends. When the reader of standard output is gone, logs ends with 0.",
    ],
    groups: [selection, presentation],
    examples: [
      .init(command: "oneoff logs -f deploy-42", purpose: "watch a run until it is over"),
      .init(
        command: "oneoff logs --tail 20 --stream stderr --timestamps deploy-42",
        purpose: "the last errors, and when they came"),
      .init(
        command: "oneoff logs --format syslog deploy-42 | nc -N drain.example.com 5000",
        purpose: "hand a log to a drain that takes RFC 5424 with octet counting"),
    ],
    exitStatuses: [
      .success, ExitStatus(status: "1", meaning: "there is no such run"), .failure,
    ]
  ) { invocation in
    guard let operand = invocation.operands.first, invocation.operands.count == 1 else {
      throw SpecError(
        "oneoff logs takes the id of one run", remedy: "as in: oneoff logs deploy-42")
    }
    return try printLog(of: withRun(operand) { $1 }, invocation.options.logs)
  }

  private static let selection = OptionGroup(
    "Which lines",
    [
      CommandOption(
        name: "follow", letter: "f", help: "wait for more until the run is over"
      ) { options, _ in options.logs.follows = true },
      CommandOption(
        name: "since", value: .init(metavariable: "TIME|DURATION"),
        help: "only lines from a time on (2026-01-02T03:04:05Z), or so far back (10m)"
      ) { options, value throws(SpecError) in
        options.logs.selection.since = try since(parsing: value)
      },
      CommandOption(
        name: "tail", value: .init(metavariable: "N"), help: "only the last N lines",
        defaultText: "all"
      ) { options, value throws(SpecError) in
        options.logs.selection.tail = Int(
          try Int32(parsing: value, "a number of lines", in: 0...Int32.max))
      },
      CommandOption(
        name: "stream",
        value: .init(
          metavariable: "stdout|stderr", completion: .words(OutputStream.allCases.map(\.rawValue))),
        help: "only what the command wrote there; it goes to standard output", defaultText: "both"
      ) { options, value throws(SpecError) in
        guard let stream = OutputStream(rawValue: value.description) else {
          throw SpecError(
            "\(String(quoting: value.bytes)) is not a stream", remedy: "give stdout or stderr")
        }
        options.logs.selection.stream = stream
      },
    ])

  private static let presentation = OptionGroup(
    "How",
    [
      CommandOption(
        name: "format",
        value: .init(
          metavariable: "text|json|cri|syslog",
          completion: .words(LogOptions.Format.allCases.map(\.rawValue))),
        help: "as it was written, as log events, as stored, or as RFC 5424 with octet counting",
        defaultText: "text"
      ) { options, value throws(SpecError) in
        guard let format = LogOptions.Format(rawValue: value.description) else {
          throw SpecError(
            "\(String(quoting: value.bytes)) is not a format",
            remedy: "give text, json, cri or syslog")
        }
        options.logs.format = format
      },
      CommandOption(
        name: "timestamps", letter: "t",
        help: "text: begin each line with the time at which it was read; other formats have it"
      ) { options, _ in options.logs.hasTimes = true },
    ])

  private static func since(parsing text: ByteString) throws(SpecError) -> Duration {
    if let time = Duration(timestamp: text.bytes) { return time }
    guard let past = try? Duration(parsing: text) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is neither a time nor a duration",
        remedy: "give a time such as 2026-01-02T03:04:05Z or 2026-01-02T05:04:05+02:00, "
          + "or how far back, such as 90s or 2h")
    }
    return max(.zero, wallClock() - past)
  }

  private static func printLog(of id: RunID, _ options: LogOptions) throws -> Int32 {
    guard let log = try StoredLog.ofRun(id) else {
      Printer.printError("there is no recorded run \(id.text)")
      return 1
    }
    let stdout = OutputWriter(1)
    let printer = LogPrinter(
      options.printed(source: log.syslogSource(of: id)), stdout: stdout,
      stderr: options.selection.stream == nil ? OutputWriter(2) : stdout)
    do {
      let unreadable = try log.print(options.selection, to: printer, follows: options.follows)
      if unreadable > 0 {
        Printer.printError("passed over what is no record of a log: \(unreadable) lines")
      }
    } catch let error as SystemError where error.errno == .brokenPipe {
      // A reader that has seen enough is not worth a word.
    }
    return 0
  }
}

/// The options of `oneoff logs`.
struct LogOptions: Sendable {
  /// How a log is printed.
  enum Format: String, Sendable, CaseIterable { case text, json, cri, syslog }

  var selection = LogSelection()
  var follows = false
  var hasTimes = false
  var format = Format.text

  /// The format as the printer takes it.
  fileprivate func printed(source: @autoclosure () -> SyslogSource) -> LogPrinter.Format {
    switch format {
    case .text: .text(withTimes: hasTimes)
    case .json: .json
    case .cri: .cri
    case .syslog: .syslog(source())
    }
  }
}
