package import ContainerSpec
package import LinuxSystem

/// How it is found out whether a new version is ready for requests.
package enum Readiness: Sendable, Hashable {
  /// Somebody accepts connections there.
  case tcp(SocketAddress, text: String)
  /// A GET of this URL is answered with a status below 400.
  case http(url: String)
  /// This command of the host's succeeds.
  case exec(ByteString)

  /// How long it may take, unless somebody says otherwise.
  package static let defaultTimeout = Duration.seconds(60)

  /// Reads `tcp:HOST:PORT`, `http:URL` or `exec:COMMAND`.
  ///
  /// - Throws: ``SpecError`` for anything else, and for a host name: oneoff resolves none.
  package init(parsing text: ByteString) throws(SpecError) {
    let words = text.description
    if words.hasPrefix("tcp:") {
      self = try Self.tcp(parsing: String(words.dropFirst("tcp:".count)))
    } else if words.hasPrefix("http://") || words.hasPrefix("https://") {
      self = .http(url: words)
    } else if words.hasPrefix("http:http://") || words.hasPrefix("http:https://") {
      self = .http(url: String(words.dropFirst("http:".count)))
    } else if words.hasPrefix("exec:"), words.utf8.count > "exec:".utf8.count {
      self = .exec(
        try ByteString(
          bytes: Array(text.bytes.dropFirst("exec:".utf8.count)), subject: "the command"))
    } else {
      throw SpecError(
        "\(String(quoting: text.bytes)) does not say when the new version is ready",
        remedy:
          "write tcp:127.0.0.1:3000, http:http://127.0.0.1:3000/health or exec:COMMAND")
    }
  }

  private static func tcp(parsing text: String) throws(SpecError) -> Readiness {
    let colon = text.lastIndex(of: ":")
    var host = colon.map { String(text[..<$0]) } ?? ""
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    if host == "localhost" { host = "127.0.0.1" }
    guard let colon, let port = UInt16(text[text.index(after: colon)...]), port > 0,
      let address = SocketAddress(host: host, port: port)
    else {
      throw SpecError(
        "\(String(quoting: text)) is not an address and a port",
        remedy: "give numbers, such as tcp:127.0.0.1:3000 or tcp:[::1]:3000")
    }
    return .tcp(address, text: text)
  }

  /// What it is, for people.
  package var text: String {
    switch self {
    case .tcp(_, let text): "a connection to \(text)"
    case .http(let url): Notifier.shown(url)
    case .exec(let command): command.description
    }
  }
}

/// Waits until a new version is ready.
package struct ReadinessWait {
  /// How a wait ended.
  package enum End: Sendable, Hashable {
    case ready
    /// The time is over; what the last trial has said.
    case timedOut(String)
    /// A signal has come.
    case cancelled
  }

  private static let firstPause = Duration.milliseconds(100)
  private static let longestPause = Duration.seconds(1)
  /// How long one trial may take.
  private static let trialTime = Duration.seconds(5)
  private static let tookTooLong = "it took too long"

  private let readiness: Readiness
  private let timeout: Duration
  private let variables: [EnvironmentVariable]
  private let heartbeat: AttendedProcess.Heartbeat?

  package init(
    _ readiness: Readiness, timeout: Duration, variables: [EnvironmentVariable],
    heartbeat: AttendedProcess.Heartbeat?
  ) {
    self.readiness = readiness
    self.timeout = timeout
    self.variables = variables
    self.heartbeat = heartbeat
  }

  /// Tries again and again.
  ///
  /// - Throws: EMFILE, EAGAIN and the like; ENOENT where `curl` is needed and not there.
  package func wait(_ interruptions: Interruptions) throws -> End {
    let started = monotonicClock()
    var pause = Self.firstPause
    var lastBeat = started
    var lastFault: String?
    while true {
      let rest = timeout - (monotonicClock() - started)
      let time = max(.milliseconds(1), min(rest, Self.trialTime))
      let fault = try trial(interruptions, atMost: time)
      if interruptions.first != nil { return .cancelled }
      guard let fault else { return .ready }
      // The last trial may have had hardly any time: that is not why it is not ready.
      if fault != Self.tookTooLong || time == Self.trialTime { lastFault = fault }
      let now = monotonicClock()
      guard now - started < timeout else { return .timedOut(lastFault ?? fault) }
      if let heartbeat, now - lastBeat >= heartbeat.interval {
        lastBeat = now
        heartbeat.beat(now - started)
      }
      if try interruptions.wait(atMost: min(pause, timeout - (now - started))) {
        return .cancelled
      }
      pause = min(pause * 2, Self.longestPause)
    }
  }

  /// Tries once; nil when it is ready, else why not.
  private func trial(
    _ interruptions: Interruptions, atMost time: Duration
  ) throws -> String? {
    switch readiness {
    case .tcp(let address, _):
      return try tryConnection(to: address, atMost: time).map { "\($0.errno)" }
    case .http(let url):
      let seconds = max(1, Int(time / .seconds(1)))
      return try outcome(
        of: HostCommand(
          Curl.command, variables: [], timeout: time + .seconds(1), grace: .zero),
        input: Curl.input(
          [("url", url), ("output", "/dev/null"), ("max-time", "\(seconds)")], ["fail"]),
        interruptions)
    case .exec(let command):
      return try outcome(
        of: HostCommand(command, variables: variables, timeout: time, grace: .seconds(1)),
        interruptions)
    }
  }

  private func outcome(
    of command: HostCommand, input: [UInt8]? = nil, _ interruptions: Interruptions
  ) throws -> String? {
    var lastLine: [UInt8] = []
    let end = try command.run(interruptions, input: input) { bytes in
      lastLine = (lastLine + bytes).suffix(256)
    }
    let notFound: Int32 = 127
    switch end {
    case .ended(.code(0)), .cancelled: return nil
    case .ended(.code(notFound)):
      if case .http = readiness {
        throw SpecError(
          "curl is not installed, which asks for the URL", remedy: "install it, or use tcp:")
      }
      return "its command was not found"
    case .timedOut: return Self.tookTooLong
    case .ended(let way):
      let said = String(decoding: lastLine, as: UTF8.self).split(separator: "\n").last ?? ""
      return said.isEmpty ? way.text : "\(way.text): \(said)".onOneLine
    }
  }
}

extension CommandExit.Way {
  /// For people.
  package var text: String {
    switch self {
    case .code(let code): "status \(code)"
    case .signal(let number): "killed by \(Signal.name(number))"
    }
  }

  /// As the exit status of a shell.
  package var status: Int32 {
    switch self {
    case .code(let code): code
    case .signal(let number): 128 + number
    }
  }
}
