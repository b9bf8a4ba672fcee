public import ContainerSpec
public import LinuxSystem
public import SystemPackage

/// Where messages of syslog go.
public struct SyslogTarget: Sendable, Hashable {
  /// As it was given, such as `udp://192.0.2.1:514`.
  public let text: String
  let peer: SocketPeer

  /// Reads `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix:PATH`; an IPv6 address has brackets.
  ///
  /// - Throws: ``SpecError`` for anything else, and for a host that is a name.
  public init(parsing text: ByteString) throws(SpecError) {
    self.text = text.description
    let form = "write it as udp://192.0.2.1:514, tcp://[2001:db8::1]:601 or unix:/dev/log"
    if let path = text.bytes.after("unix:") {
      let path = FilePath(try ByteString(bytes: Array(path), subject: "a socket's path"))
      guard !path.isEmpty, let address = SocketAddress(path) else {
        throw SpecError(
          "\(String(quoting: text.bytes)) has no path that a socket can have",
          remedy: "name a path of at most \(SocketAddress.longestPath) bytes, such as /dev/log")
      }
      self.peer = .unix(address)
    } else if let place = text.bytes.after("udp://") {
      self.peer = .udp(try Self.address(place, of: text, form))
    } else if let place = text.bytes.after("tcp://") {
      self.peer = .tcp(try Self.address(place, of: text, form))
    } else {
      throw SpecError("\(String(quoting: text.bytes)) is not where syslog could be", remedy: form)
    }
  }

  private static func address(
    _ place: ArraySlice<UInt8>, of text: ByteString, _ form: String
  ) throws(SpecError) -> SocketAddress {
    guard let colon = place.lastIndex(of: UInt8(ascii: ":")),
      let port = UInt16(String(decoding: place[(colon + 1)...], as: UTF8.self)), port > 0,
      place[colon + 1] != UInt8(ascii: "+")
    else { throw SpecError("\(String(quoting: text.bytes)) has no port", remedy: form) }
    var host = place[..<colon]
    let hasBrackets = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
    if hasBrackets { host = host.dropFirst().dropLast() }
    let isVersion6 = host.contains(UInt8(ascii: ":"))
    if hasBrackets == isVersion6,
      let address = SocketAddress(host: String(decoding: host, as: UTF8.self), port: port)
    {
      return address
    }
    throw SpecError(
      "\(String(quoting: place[..<colon])) is not the number of a host; oneoff resolves no names",
      remedy: "\(form); getent hosts NAME tells the address of a name")
  }
}

extension SyslogTarget: Codable {
  /// Reads the text of a target.
  public init(from decoder: any Decoder) throws {
    self = try SyslogTarget(parsing: ByteString(decoder.singleValueContainer().decode(String.self)))
  }

  /// Writes the text of the target.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Array<UInt8> {
  /// What follows a beginning; nil when they begin otherwise.
  fileprivate func after(_ beginning: String) -> ArraySlice<UInt8>? {
    starts(with: beginning.utf8) ? dropFirst(beginning.utf8.count) : nil
  }
}

/// Where a run's output goes besides its caller, and what becomes of it where that is slow.
public struct SinkConfiguration: Sendable, Hashable, Codable {
  /// Receivers of syslog.
  public var syslog: [SyslogTarget] = []
  /// Whether journald gets it.
  public var journald = false
  /// Files as Docker's json-file driver writes them.
  public var jsonFiles: [FilePath] = []
  /// What becomes of what a sink does not take; nil for what fits it: files let the run wait,
  /// sockets drop.
  public var overflow: RecordChannel.Overflow?
  /// Who the output comes from.
  public var application = "oneoff"
  /// Which of its processes that is.
  public var process = "run.1"

  /// No sinks.
  public init() {}

  private static let journalSocket: FilePath = "/run/systemd/journal/socket"

  /// Begins the connections, and opens the files, of which each is made unless it is there.
  ///
  /// That somebody cannot be reached is no error: the result says so.
  ///
  /// - Throws: a `SystemError` when a file cannot be written.
  package func makeSinks() throws -> [any RunSink] {
    // A run without sinks is not to pay for them.
    guard !syslog.isEmpty || journald || !jsonFiles.isEmpty else { return [] }
    var sinks: [any RunSink] = []
    for path in jsonFiles {
      let file = try Self.open(path)
      let channel = try RecordChannel(
        owning: file, name: "json-file \(path)", overflow: overflow ?? .block)
      sinks.append(ForwardingSink(DockerLogEncoding(), to: channel))
    }
    let source = SyslogSource(hostname: hostName(), application: application, process: process)
    for target in syslog {
      let channel = try RecordChannel(
        to: target.peer, name: "syslog \(target.text)", overflow: overflow ?? .drop)
      let encoding = SyslogEncoding(source: source, longestLine: target.longestLine)
      sinks.append(ForwardingSink(encoding, to: channel))
    }
    if journald, let address = SocketAddress(Self.journalSocket) {
      let channel = try RecordChannel(
        to: .journal(address), name: "journald", overflow: overflow ?? .drop)
      let encoding = JournalEncoding(application: application, process: process)
      sinks.append(ForwardingSink(encoding, to: channel))
    }
    return sinks
  }

  private static func open(_ path: FilePath) throws(SystemError) -> OwnedDescriptor {
    do throws(SystemError) {
      return try OwnedDescriptor(
        opening: path, flags: [.writing, .creating, .appending, .nonBlocking])
    } catch {
      var explained = error
      explained.subject = "of the JSON log file \(path)"
      explained.hint =
        error.errno == .noSuchAddressOrDevice
        ? "nobody reads from that named pipe: start its reader first"
        : "name a file that you may write, in a directory that exists"
      throw explained
    }
  }
}

extension SyslogTarget {
  /// How much of a line goes into one message.
  fileprivate var longestLine: Int {
    if case .udp = peer { return SyslogEncoding.longestTextOfDatagram }
    return SyslogSource.longestText
  }
}
