package import ContainerSpec
import LinuxSystem

/// Tells others of a deployment. That this fails changes nothing of it: it is a warning.
package struct Notifier: Sendable {
  /// How often an address is tried, and how long is waited before it is tried again.
  private static let pauses = [Duration.seconds(1), .seconds(2)]
  /// How long one trial may take.
  private static let trialTime = Duration.seconds(5)
  /// How long all trials of one address may take.
  private static let totalTime = Duration.seconds(15)
  /// How long a command may take.
  private static let commandTime = Duration.seconds(15)

  private let targets: NotificationTargets
  private let gitHub: NotificationTargets.GitHub?
  private let gitHubToken: String
  private let gitHubAddress: String
  private let userAgent: String

  /// Takes whom to tell, and from the caller's environment GITHUB_TOKEN and GITHUB_API_URL.
  ///
  /// - Throws: ``SpecError`` when they cannot be told: GitHub's token is missing, or where to send
  ///   it is no address.
  package init(_ targets: NotificationTargets, userAgent: String) throws(SpecError) {
    self.targets = targets
    self.userAgent = userAgent
    self.gitHub = try targets.gitHub()
    self.gitHubToken = Self.variable("GITHUB_TOKEN") ?? ""
    self.gitHubAddress = gitHub == nil ? "" : try Self.address()
    let isToken = gitHubToken.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    guard gitHub == nil || !gitHubToken.isEmpty && isToken else {
      throw SpecError(
        "--github takes a token", remedy: "set GITHUB_TOKEN to one that may write deployments")
    }
  }

  /// Where GitHub's API is; GitHub Actions says so, of GitHub Enterprise Server, too.
  private static func address() throws(SpecError) -> String {
    let name = "GITHUB_API_URL"
    guard let address = variable(name) else { return "https://api.github.com" }
    guard let bytes = try? ByteString(address), let url = try? NotificationTargets.url(bytes) else {
      throw SpecError(
        "\(name) is \(String(quoting: address)), and no URL of http or https",
        remedy: "unset it for https://api.github.com")
    }
    return url.last == "/" ? String(url.dropLast()) : url
  }

  private static func variable(_ name: String) -> String? {
    Caller.environmentValue(name).map { String(decoding: $0, as: UTF8.self) }
      .flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Tells everybody, one after the other. A signal that comes meanwhile cuts it short, also for
  /// those whose turn has not come.
  ///
  /// - Parameter receive: takes the output of commands.
  /// - Returns: what went wrong.
  package func send(
    _ report: DeploymentReport, _ interruptions: Interruptions,
    receive: (ArraySlice<UInt8>) -> Void
  ) -> [String] {
    var warnings: [String] = []
    let signals = interruptions.count
    func tell(_ who: String, _ send: () -> String?) {
      let fault = interruptions.count == signals ? send() : Self.cutShort
      if let fault { warnings.append("\(who) was not told: \(fault)".onOneLine) }
    }
    for url in targets.urls {
      tell(Self.shown(url)) { post(event(report, to: url), interruptions) }
    }
    if let gitHub {
      tell("GitHub") { post(status(report, of: gitHub), interruptions) }
    }
    for command in targets.commands {
      tell("--notify-exec") { run(command, report, interruptions, receive) }
    }
    return warnings
  }

  private static let cutShort = "it was cut short"

  /// Whose URL it is. The rest may be secret: a password, a parameter, and where a path is all that
  /// keeps others from sending, the path.
  static func shown(_ url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return url }
    let rest = url[scheme.upperBound...]
    let authority = rest.prefix { !"/?#\\".contains($0) }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
    let hasMore = rest.count > authority.count && rest.dropFirst(authority.count) != "/"
    return url[..<scheme.upperBound] + (host ?? authority) + (hasMore ? "/…" : "")
  }

  // MARK: Requests

  private struct Request {
    var url: String
    var headers: [String]
    var body: [UInt8]
    /// What may be the matter when it is answered with a status.
    var hint: @Sendable (Int) -> String = { _ in "" }
  }

  private func event(_ report: DeploymentReport, to url: String) -> Request {
    let body = report.cloudEvent
    var headers = ["Content-Type: \(DeploymentReport.mediaType)"]
    if let secret = targets.secret {
      let code = HMACSHA256.code(of: body, key: secret)
      let digits = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      headers.append("X-Oneoff-Signature-256: sha256=\(digits)")
    }
    return Request(url: url, headers: headers, body: body)
  }

  private func status(
    _ report: DeploymentReport, of gitHub: NotificationTargets.GitHub
  ) -> Request {
    Request(
      url: "\(gitHubAddress)/repos/\(gitHub.repository)/deployments/\(gitHub.deployment)/statuses",
      headers: [
        "Accept: application/vnd.github+json", "Authorization: Bearer \(gitHubToken)",
        "Content-Type: application/json", "X-GitHub-Api-Version: 2022-11-28",
      ],
      body: report.gitHubStatus(logURL: targets.logURL),
      hint: { code in
        switch code {
        case 401: ": the token in GITHUB_TOKEN is not valid"
        case 403, 404: ": check repository and deployment, and that the token may write deployments"
        case 301, 307, 308: ": the repository has another name now"
        default: ""
        }
      })
  }

  /// Sends a request until it is taken, or will not be; returns why not. Whoever has asked for the
  /// end waits for one trial at most.
  private func post(_ request: Request, _ interruptions: Interruptions) -> String? {
    let end = monotonicClock() + Self.totalTime
    var pauses = interruptions.first == nil ? Self.pauses[...] : []
    while true {
      let time = max(.seconds(1), min(Self.trialTime, end - monotonicClock()))
      let (fault, isWorthRepeating) = send(request, atMost: time, interruptions)
      guard let fault else { return nil }
      guard isWorthRepeating, let pause = pauses.popFirst(),
        monotonicClock() + pause + .seconds(1) < end
      else { return fault }
      if (try? interruptions.wait(atMost: pause)) != false { return fault }
    }
  }

  /// Has curl send a request. Everything is in its input: arguments can be seen by everybody.
  private func send(
    _ request: Request, atMost time: Duration, _ interruptions: Interruptions
  ) -> (fault: String?, isWorthRepeating: Bool) {
    let seconds = Int(time / .seconds(1))
    let input = Curl.input(
      [
        ("url", request.url), ("user-agent", userAgent), ("output", "/dev/null"),
        ("write-out", "\n%{http_code}"), ("max-time", "\(seconds)"),
        ("data-binary", String(decoding: request.body, as: UTF8.self)),
      ] + request.headers.map { ("header", $0) })
    var said: [UInt8] = []
    do {
      let end = try HostCommand(
        Curl.command, variables: [], timeout: time + .seconds(1), grace: .zero
      ).run(interruptions, input: input) { said = (said + $0).suffix(4096) }
      return Self.verdict(end, String(decoding: said, as: UTF8.self), hint: request.hint)
    } catch {
      return ("\(error)", false)
    }
  }

  private static func verdict(
    _ end: AttendedProcess.End, _ said: String, hint: (Int) -> String
  ) -> (fault: String?, isWorthRepeating: Bool) {
    let notFound: Int32 = 127
    let lines = said.split(separator: "\n")
    switch end {
    case .cancelled: return (cutShort, false)
    case .timedOut: return ("no answer in time", true)
    case .ended(.code(notFound)):
      return ("curl, which does it, is not installed: install it, or use --notify-exec", false)
    case .ended(.code(0)):
      let code = lines.last.flatMap { Int($0) } ?? 0
      let isPassing = code == 408 || code == 429 || code >= 500
      return (200..<300).contains(code)
        ? (nil, false) : ("it answered with status \(code)\(hint(code))", isPassing)
    case .ended(let way):
      let reason = lines.first { $0.hasPrefix("curl:") }.map(String.init) ?? "curl: \(way.text)"
      return (reason, !lastingFaults.contains(way))
    }
  }

  /// How curl ends when nothing gets better by waiting: 1 to 4 are faults of its input, 26 is input
  /// that it cannot read, and the others are certificates. See curl(1), EXIT CODES.
  private static let lastingFaults = Set(
    [1, 2, 3, 4, 26, 58, 60, 77, 83, 90, 91].map(CommandExit.Way.code))

  // MARK: Commands

  private func run(
    _ command: ByteString, _ report: DeploymentReport, _ interruptions: Interruptions,
    _ receive: (ArraySlice<UInt8>) -> Void
  ) -> String? {
    do {
      let end = try HostCommand(
        command, variables: [], timeout: Self.commandTime, grace: .seconds(1)
      ).run(interruptions, input: report.cloudEvent + [UInt8(ascii: "\n")], receive: receive)
      switch end {
      case .ended(.code(0)): return nil
      case .ended(let way): return way.text
      case .cancelled: return Self.cutShort
      case .timedOut: return "it took longer than \(Self.commandTime.shortText)"
      }
    } catch {
      return "\(error)"
    }
  }
}
