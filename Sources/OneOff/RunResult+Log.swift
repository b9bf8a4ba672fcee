import LinuxSystem

extension RunResult.Log {
  /// Where the output was passed on to, and what did not get there.
  public struct Sink: Sendable, Hashable, Codable {
    /// What it is: `syslog tcp://192.0.2.1:514`, `journald`, `json-file /var/log/hook.json`.
    public var name: String
    /// Lines, or pieces of long ones, that were thrown away.
    public var droppedLines: UInt64
    /// The bytes in them, line feeds included.
    public var droppedBytes: UInt64
    /// What went wrong last; nil when nothing did: then the sink was too slow, if anything.
    public var failure: String?

    enum CodingKeys: String, CodingKey {
      case name
      case droppedLines = "dropped_lines"
      case droppedBytes = "dropped_bytes"
      case failure
    }
  }

  /// Reads what this version writes, and what one has written that passed everything on.
  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    stdoutBytes = try members.decode(UInt64.self, forKey: .stdoutBytes)
    stderrBytes = try members.decode(UInt64.self, forKey: .stderrBytes)
    droppedBytes = try members.decodeIfPresent(UInt64.self, forKey: .droppedBytes) ?? 0
    unstoredBytes = try members.decodeIfPresent(UInt64.self, forKey: .unstoredBytes)
    sinks = try members.decodeIfPresent([Sink].self, forKey: .sinks) ?? []
  }

  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(stdoutBytes, forKey: .stdoutBytes)
    try members.encode(stderrBytes, forKey: .stderrBytes)
    try members.encode(droppedBytes, forKey: .droppedBytes)
    try members.encode(unstoredBytes, forKey: .unstoredBytes)
    try members.encode(sinks, forKey: .sinks)
  }
}

extension RunResult.Log.Sink {
  /// What has become of a channel.
  init(_ channel: RecordChannel) {
    self.init(
      name: channel.name, droppedLines: channel.dropped.records,
      droppedBytes: channel.dropped.bytes, failure: channel.failure?.description)
  }

  /// Writes every member, as `null` where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(name, forKey: .name)
    try members.encode(droppedLines, forKey: .droppedLines)
    try members.encode(droppedBytes, forKey: .droppedBytes)
    try members.encode(failure, forKey: .failure)
  }

  /// What was lost, for people; nil when nothing was.
  package var sentence: String? {
    guard droppedLines > 0 || failure != nil else { return nil }
    let loss =
      switch droppedLines {
      case 0: "lines may have been lost"
      case 1: "a line of \(droppedBytes) bytes was dropped"
      default: "\(droppedLines) lines (\(droppedBytes) bytes) were dropped"
      }
    return "\(name): \(loss): \(failure ?? "it takes them too slowly")"
  }
}
