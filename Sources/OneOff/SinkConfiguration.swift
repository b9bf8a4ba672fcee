public import LinuxSystem
public import SystemPackage

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
