/// What GitHub's runner does with what a step prints, as far as it obeys it: a model of its
/// ActionCommand.cs and ActionCommandManager.cs.
public struct GitHubRunner {
  /// A command that it has obeyed.
  public struct Command: Hashable {
    /// In small letters; `resume` for the end of `stop-commands`.
    public var name: String
    /// As they are written.
    public var properties = ""
    /// As it is written.
    public var data = ""

    /// A command without more than it is given.
    public init(_ name: String, properties: String = "", data: String = "") {
      self.name = name
      self.properties = properties
      self.data = data
    }
  }

  private static let known: Set = [
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
    "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
  ]

  /// What it has obeyed so far, `stop-commands` and the end of that too.
  public private(set) var obeyed: [Command] = []
  private var token: String?

  /// Whether it obeys nothing but the end of that.
  public var isStopped: Bool { token != nil }

  /// A runner at the beginning of a step.
  public init() {}

  /// The names of what it obeys in a text.
  public static func names(in text: String) -> [String] {
    var runner = GitHubRunner()
    runner.read(text)
    return runner.obeyed.map(\.name)
  }

  /// Reads lines, which a carriage return ends too.
  public mutating func read(_ text: String) {
    for line in text.unicodeScalars.split(whereSeparator: { $0 == "\n" || $0 == "\r" }) {
      let scalars = Array(line)
      guard let command = newForm(scalars) ?? oldForm(scalars) else { continue }
      if let token {
        guard command.name == token else { continue }
        self.token = nil
        obeyed.append(Command("resume"))
      } else {
        if command.name == "stop-commands" { token = command.data.lowercased() }
        obeyed.append(command)
      }
    }
  }

  /// `::name properties::data`, after blanks.
  private func newForm(_ line: [Unicode.Scalar]) -> Command? {
    let text = Array(line.drop { $0.properties.isWhitespace })
    guard text.starts(with: "::".unicodeScalars) else { return nil }
    let rest = text.dropFirst(2)
    let end = rest.indices.dropLast().first { rest[$0] == ":" && rest[$0 + 1] == ":" }
    guard let end else { return nil }
    return command(rest[..<end], data: rest[(end + 2)...])
  }

  /// `##[name properties]data`, anywhere in a line.
  private func oldForm(_ line: [Unicode.Scalar]) -> Command? {
    let prefix = Array("##[".unicodeScalars)
    guard let begin = line.indices.first(where: { line[$0...].starts(with: prefix) }) else {
      return nil
    }
    let rest = line[(begin + prefix.count)...]
    guard let end = rest.firstIndex(of: "]") else { return nil }
    return command(rest[..<end], data: rest[(end + 1)...])
  }

  private func command(
    _ words: ArraySlice<Unicode.Scalar>, data: ArraySlice<Unicode.Scalar>
  ) -> Command? {
    let name = Self.text(words.prefix { $0 != " " }).lowercased()
    guard Self.known.contains(name) || name == token else { return nil }
    return Command(
      name, properties: Self.text(words.drop { $0 != " " }.dropFirst()), data: Self.text(data))
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(scalars))
  }
}
