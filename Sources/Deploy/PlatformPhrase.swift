import ContainerSpec

/// What a platform does with a line, as a predicate.
public struct PlatformPhrase: Sendable, Hashable {
  private let verb: String
  private let object: String

  private init(_ verb: String, _ object: String) { (self.verb, self.object) = (verb, object) }

  /// After one platform: `ignores the line`.
  public var singular: String { "\(verb)\(verb.hasSuffix("sh") ? "es" : "s") \(object)" }

  /// After several: `ignore the line`.
  public var plural: String { "\(verb) \(object)" }

  /// It has no entry to read.
  static let noEntry = PlatformPhrase("read", "no entry")

  /// It gives the file up.
  init(_ failure: LineReading.Failure) {
    switch failure {
    case .error: self.init("refuse", "the file")
    case .crash: self.init("crash", "here, and reads nothing of the file")
    }
  }

  /// It reads a line in which we read `entry`, or none where that is nil.
  init(_ reading: LineReading, besides entry: Procfile.Entry?) {
    if let failure = reading.failure {
      self.init(failure)
    } else if reading.repetition == .first {
      self.init("keep", "the earlier entry of that name")
    } else if reading.repetition == .last {
      self.init("take", "this in place of the earlier entry of that name")
    } else if reading.repetition == .both {
      self.init("keep", "both entries of that name")
    } else if entry != nil, reading.agrees(with: entry) {
      self.init("read", "this entry only")
    } else if let first = reading.entries.first {
      self.init(first, of: reading.entries.count, besides: entry)
    } else {
      self.init("ignore", "the line")
    }
  }

  private init(_ first: LineReading.Entry, of count: Int, besides entry: Procfile.Entry?) {
    let name = String(quoting: first.name)
    let command = first.command.unicodeScalars.contains { !BlankSet.unicode.contains($0) }
    if count > 1 {
      self.init("read", "\(count) entries, of which \(name) is the first")
    } else if !command {
      self.init("read", "an entry \(name) without a command")
    } else if let entry, entry.name == first.name {
      let isReturn = first.runs == entry.command.description + "\r"
      self.init(
        isReturn ? "keep" : "read",
        isReturn
          ? "the carriage return as the command's end"
          : "the command \(String(quoting: first.runs))")
    } else if let entry, LineReading.Entry(entry).isSame(as: first, but: \.name) {
      self.init("name", "the entry \(name)")
    } else {
      self.init("read", "an entry \(name) with the command \(String(quoting: first.runs))")
    }
  }
}

extension LineReading.Entry {
  init(_ entry: Procfile.Entry) { self.init(name: entry.name, command: entry.command.description) }

  /// Whether a shell is given the same command.
  var runs: String {
    Array(command.unicodeScalars)[...].trimmed(.spaceAndTab).text
  }

  /// Whether it is the same but for blanks around the command, and for a member.
  func isSame(as other: Self, but member: KeyPath<Self, String>? = nil) -> Bool {
    (member == \.name || name == other.name) && runs == other.runs
  }
}

extension LineReading {
  /// Whether it is what we read: an entry, or none.
  func agrees(with entry: Procfile.Entry?) -> Bool {
    guard failure == nil, repetition == nil, entries.count == (entry == nil ? 0 : 1) else {
      return false
    }
    guard let entry, let own = entries.first else { return true }
    return Entry(entry).isSame(as: own)
  }
}
