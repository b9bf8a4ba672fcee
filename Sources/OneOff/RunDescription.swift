package import ContainerSpec

/// What a recorded run was to be: the content of its `spec.json`. No secret is in it.
package struct RunDescription: Sendable, Hashable, Codable {
  /// What has asked for a run.
  package enum Kind: String, Sendable, Hashable, Codable {
    /// `oneoff run`.
    case run
    /// `oneoff hook`.
    case hook
  }

  /// The version of the format.
  package private(set) var version = 1
  /// The name of the run, and of its record.
  package var id: RunID
  /// When the record was begun, as RFC 3339 with nanoseconds, UTC.
  package var started: String
  /// What has asked for it.
  package var kind: Kind
  /// The app whose hook it is; nil for a run.
  package var app: String?
  /// The command as its author wrote it, before any shell has looked at it.
  package var command: [ByteString]
  /// The specification, with what stands in place of secrets.
  package var spec: RunSpec

  enum CodingKeys: String, CodingKey {
    case version = "v"
    case id, started, kind, app, command, spec
  }

  /// Describes a run that begins now.
  package init(
    id: RunID, started: String, kind: Kind, app: String?, command: [ByteString], spec: RunSpec
  ) {
    self.id = id
    self.started = started
    self.kind = kind
    self.app = app
    self.command = spec.masking(command)
    self.spec = spec.withoutSecrets
  }

  /// Whether it was begun later; of two at once, the later name.
  func isNewer(than other: RunDescription) -> Bool {
    (started, id.text) > (other.started, other.id.text)
  }

  /// Writes every member, as `null` where it is nil.
  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(version, forKey: .version)
    try members.encode(id, forKey: .id)
    try members.encode(started, forKey: .started)
    try members.encode(kind, forKey: .kind)
    try members.encode(app, forKey: .app)
    try members.encode(command, forKey: .command)
    try members.encode(spec, forKey: .spec)
  }
}

extension RunSpec {
  /// The specification as it may be kept, whatever is masked of the output: what is named secret,
  /// or looks like it, is not in it.
  var withoutSecrets: RunSpec {
    var spec = self
    spec.masking = .auto
    let mask = SecretMask(spec.maskedSecrets)
    spec.masking = masking
    spec.environment = environment.compactMap { variable in
      let value =
        secrets.contains(variable.name)
        ? (try? ByteString(bytes: Array("[masked:\(variable.name)]".utf8), subject: "a value"))
          ?? ""
        : variable.value.masked(by: mask)
      return try? EnvironmentVariable(name: variable.name, value: value)
    }
    spec.command = command.map { $0.masked(by: mask) }
    spec.fallbackCommand = fallbackCommand?.map { $0.masked(by: mask) }
    return spec
  }

  /// Words, without the secrets of this specification.
  func masking(_ words: [ByteString]) -> [ByteString] {
    var spec = self
    spec.command = words
    return spec.withoutSecrets.command
  }
}

extension ByteString {
  fileprivate func masked(by mask: SecretMask?) -> ByteString {
    guard let mask else { return self }
    // No byte of it is new but those of a name, which has no NUL.
    return (try? ByteString(bytes: mask.masked(bytes), subject: "a word")) ?? ""
  }
}

/// How far a recorded run is.
package enum RunState: Sendable, Hashable {
  /// Its supervisor lives.
  case running
  /// It has ended, and its supervisor has said how.
  case ended(RunResult)
  /// Its supervisor was killed, and the container with it.
  case lost(RunResult)

  /// The word for it.
  package var name: String {
    switch self {
    case .running: "running"
    case .ended: "ended"
    case .lost: "lost"
    }
  }

  /// How it ended; nil while it runs.
  package var result: RunResult? {
    switch self {
    case .running: nil
    case .ended(let result), .lost(let result): result
    }
  }
}

/// A recorded run, as it was found.
package struct RecordedRun: Sendable, Hashable {
  /// What it was to be.
  package var description: RunDescription
  /// How far it is.
  package var state: RunState
}
