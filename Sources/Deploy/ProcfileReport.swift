public import ContainerSpec
public import SystemPackage

/// What is wrong with a Procfile, and what other platforms read differently in it.
public struct ProcfileReport: Sendable {
  /// A line, or the file, with what is the matter with it.
  public struct Finding: Sendable {
    /// Which rule of `oneoff lint` it is.
    public let rule: ProcfileRule
    /// Where it is.
    public let position: TextPosition
    /// What it is.
    public let message: String
    /// What to do about it.
    public let remedy: String
    /// The line as text, one column a character; empty where it is about the file.
    public let line: String
    /// What platforms do with the line; of a warning, those that read it differently.
    public internal(set) var readings: [ProcfilePlatform: PlatformPhrase] = [:]
  }

  /// The most findings that are kept; the rest is counted.
  public static let maximumFindings = 1000

  /// Where the file was read.
  public let path: FilePath
  /// The lines that name a command, in order; of duplicates, all.
  public private(set) var entries: [Procfile.Entry] = []
  /// The phases that `oneoff hook` would run, each with its entry.
  public private(set) var hooks: [(phase: Phase, entry: Procfile.Entry)] = []
  /// What was found, in the order of the lines.
  public private(set) var findings: [Finding] = []
  /// The findings for which oneoff does not take a line, or the file.
  public private(set) var errorCount = 0
  /// The other findings.
  public private(set) var warningCount = 0
  /// How many findings are counted, but not kept.
  public var omittedCount: Int { errorCount + warningCount - findings.count }

  /// The phases that are looked for.
  private static let phases = [Phase.postdeploy, .firstDeploy, .prPredestroy, .release]

  /// Looks at a Procfile; `path` is where its bytes are from.
  public init(on bytes: [UInt8], path: FilePath) {
    self.path = path
    guard bytes.count <= Procfile.maximumSize else {
      add(Self.tooLarge)
      return
    }
    guard !Procfile.isBlank(bytes) else {
      add(Self.empty(bytes))
      return
    }
    var reader = ProcfileReader()
    reader.read(bytes)
    entries = reader.entries
    var survey = LineSurvey(reader)
    survey.survey(bytes)
    var found = survey.findings
    if entries.isEmpty, !found.contains(where: \.rule.isError) { found.append(Self.noEntries) }
    let file = Procfile(path: path, reader)
    let isText = !file.diagnostics.contains { $0.kind == .notText }
    for phase in Self.phases {
      if isText, let entry = try? file.entry(for: phase) { hooks.append((phase, entry)) }
    }
    for phase in Self.phases {
      if let wrong = Self.wrongName(of: phase, in: file) {
        found.append(wrong)
      } else if [.postdeploy, .release].contains(phase),
        let slip = Self.slip(of: phase, in: file)
      {
        found.append(slip)
      }
    }
    // Swift's sort is stable: of one place, what was found first comes first.
    found.sort { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) }
    for finding in found { add(finding) }
    errorCount += survey.omittedErrors
    warningCount += survey.omittedWarnings
  }

  /// Says of a file that it is too large.
  public init(tooLarge path: FilePath) {
    self.path = path
    add(Self.tooLarge)
  }

  private mutating func add(_ finding: Finding) {
    if finding.rule.isError { errorCount += 1 } else { warningCount += 1 }
    if findings.count < Self.maximumFindings { findings.append(finding) }
  }

  private static var tooLarge: Finding {
    Finding(
      rule: .tooLarge, position: TextPosition(line: 1, column: 1),
      message: "the file is larger than 1 MiB", remedy: "check that it is a Procfile", line: "")
  }

  private static func empty(_ bytes: [UInt8]) -> Finding {
    var finding = Finding(
      rule: .empty, position: TextPosition(line: 1, column: 1), message: "the file is empty",
      remedy: Procfile.emptyRemedy, line: "")
    for platform in ProcfilePlatform.allCases {
      let failure = platform.reading(of: bytes).failure
      finding.readings[platform] = failure.map(PlatformPhrase.init) ?? .noEntry
    }
    return finding
  }

  private static var noEntries: Finding {
    var finding = Finding(
      rule: .noEntries, position: TextPosition(line: 1, column: 1),
      message: "the file has no entry", remedy: "add one, or remove the file", line: "")
    for platform in ProcfilePlatform.allCases where platform.dialect.needsEntries {
      finding.readings[platform] = PlatformPhrase(.error)
    }
    return finding
  }

  /// An entry for which a hook of that phase refuses the file.
  private static func wrongName(of phase: Phase, in file: Procfile) -> Finding? {
    guard !file.entries.contains(where: { $0.name == phase.name }),
      let entry = file.entries.first(where: { phase.resembles($0.name.utf8) })
    else { return nil }
    return Finding(
      rule: .wrongName, position: entry.position,
      message: "'\(entry.name)' is not '\(phase.name)', and oneoff hook refuses the file for it",
      remedy: "rename it to '\(phase.name)'", line: entry.shown)
  }

  /// An entry that is not the phase's, and may be meant to be.
  private static func slip(of phase: Phase, in file: Procfile) -> Finding? {
    guard !file.entries.contains(where: { $0.name == phase.name }) else { return nil }
    let similar = file.nearestName(to: phase).flatMap { name in
      // What comes before a deployment is no slip of what comes after it, nor is another phase.
      name.hasPrefix("pre") || phases.contains { $0.resembles(name.utf8) }
        ? nil : file.entries.first { $0.name == name }
    }
    return similar.map { entry in
      Finding(
        rule: .similarName, position: entry.position,
        message: "'\(entry.name)' may be a slip of '\(phase.name)'",
        remedy: "rename it to '\(phase.name)' if oneoff hook is to run it", line: entry.shown)
    }
  }
}

extension Procfile.Entry {
  /// Its line as text, one column a character.
  fileprivate var shown: String { ArraySlice("\(name): \(command)".utf8).shown }
}

extension ProcfilePlatform {
  /// What the platform reads in a whole file: its entries, or the line at which it gives up.
  package struct Reading: Sendable {
    package var entries: [(name: String, command: String)] = []
    var failure: LineReading.Failure?
    /// Whether it reads nothing of the file.
    package var isFailure: Bool { failure != nil }
  }

  /// What the platform reads in a file.
  package func reading(of bytes: [UInt8]) -> Reading {
    var reading = Reading()
    var reader = PlatformReader(dialect)
    for line in ProcfileLines(bytes) {
      let result = reader.read(line)
      guard result.failure == nil else { return Reading(failure: result.failure) }
      for entry in result.entries {
        if result.repetition == .last,
          let index = reading.entries.firstIndex(where: { $0.name == entry.name })
        {
          reading.entries[index].command = entry.command
        } else {
          reading.entries.append((entry.name, entry.command))
        }
      }
    }
    return reading.entries.isEmpty && dialect.needsEntries ? Reading(failure: .error) : reading
  }
}

/// The lines of a Procfile as they stand there, one after the other.
struct ProcfileLines: Sequence, IteratorProtocol {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func next() -> ProcfileLine? {
    guard !rest.isEmpty else { return nil }
    let end = rest.firstIndex(of: UInt8(ascii: "\n"))
    defer { rest = end.map { rest[($0 + 1)...] } ?? [] }
    return ProcfileLine(rest[..<(end ?? rest.endIndex)], hasLineFeed: end != nil)
  }
}
