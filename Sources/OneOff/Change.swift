public import LinuxSystem

extension RunResult {
  /// What the run has changed in the layers that are thrown away; volumes are not among them.
  ///
  /// It is found out once every process of the container is dead, in at most 5 seconds and for at
  /// most a million entries; docs/changes.md.
  public struct Changes: Sendable, Hashable, Codable {
    /// How many files, directories and everything else the layers below did not have.
    public var created = 0
    /// How much of what they had has another content, owner or permissions.
    public var modified = 0
    /// How much of what they had was removed; a directory with all that is in it counts once.
    public var deleted = 0
    /// The content of regular files that were created or modified, in bytes; holes are none.
    public var bytes: UInt64 = 0
    /// The first paths, at most 20 and at most 4 of one directory; `DIR/…` stands for further ones
    /// there. U+FFFD stands for what is not UTF-8.
    public var paths: [String] = []
    /// Whether there are paths that `paths` does not name.
    public var truncated = false
    /// Whether everything was counted; otherwise there is at least this.
    public var complete = true

    /// The number of changes.
    public var count: Int { created + modified + deleted }

    /// Nothing.
    public init() {}
  }
}

/// One thing that a run has changed.
public struct Change: Sendable, Hashable {
  /// What was done to it.
  public enum Kind: String, Sendable, Hashable {
    case created, modified, deleted
  }

  /// What was done to it.
  public var kind: Kind
  /// The path as the command saw it; not necessarily UTF-8.
  public var path: [UInt8]
  /// What it is now; nil for what was deleted.
  public var type: FileStatus.Kind?
  /// The content of a regular file in bytes, without holes; 0 for everything else.
  public var bytes: UInt64
  /// The path from which a directory of the layers was moved; nil for everything else.
  public var origin: [UInt8]?
}

extension Change {
  /// The change as one line of JSON, with its line feed; the format is in docs/changes.md.
  func appendLine(to output: inout [UInt8]) {
    output += Array(#"{"change":"\#(kind.rawValue)","#.utf8)
    JSONText.append(path[...], as: "path", orBase64As: "path_base64", to: &output)
    if let type { output += Array(#","type":"\#(type.word)","bytes":\#(bytes)"#.utf8) }
    if let origin {
      output.append(UInt8(ascii: ","))
      JSONText.append(origin[...], as: "from", orBase64As: "from_base64", to: &output)
    }
    output += Array("}\n".utf8)
  }
}

extension FileStatus.Kind {
  /// The kind in a list of changes, and in messages.
  var word: String {
    switch self {
    case .directory: "directory"
    case .regular: "file"
    case .symbolicLink: "link"
    case .characterDevice, .blockDevice: "device"
    case .pipe: "pipe"
    case .socket: "socket"
    case .other: "other"
    }
  }
}
