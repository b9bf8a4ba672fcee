public import ContainerSpec

/// The name of a Procfile entry that a deployment runs, such as `postdeploy`.
public struct Phase: Sendable, Hashable {
  /// The name: 1 to 63 of `[A-Za-z0-9_-]`.
  public let name: String

  /// The phase that runs at the end of a deployment.
  public static let postdeploy = Phase(checked: "postdeploy")
  /// What runs in place of ``postdeploy`` until a first deployment has succeeded.
  public static let firstDeploy = Phase(checked: "first-deploy")
  /// What runs before a review app is taken down.
  public static let prPredestroy = Phase(checked: "pr-predestroy")
  /// `scripts.dokku.predeploy` of a manifest.
  public static let dokkuPredeploy = Phase(checked: "dokku-predeploy")
  /// `scripts.dokku.postdeploy` of a manifest.
  public static let dokkuPostdeploy = Phase(checked: "dokku-postdeploy")
  /// What Heroku runs at the end of a deployment.
  public static let release = Phase(checked: "release")

  private init(checked name: String) { self.name = name }

  /// Checks a name.
  ///
  /// - Throws: ``SpecError`` for a name that no Procfile entry can have.
  public init(parsing text: ByteString) throws(SpecError) {
    guard (1...Procfile.maximumNameLength).contains(text.bytes.count),
      text.bytes.allSatisfy(\.isProcfileNameByte)
    else {
      throw SpecError(
        "\(String(quoting: text.bytes)) cannot be the name of a phase",
        remedy: "use 1 to 63 of A-Z a-z 0-9 _ -, such as postdeploy")
    }
    name = text.description
  }

  /// Whether `word` is this phase's name but for case, punctuation and what is not ASCII: nobody
  /// calls something else `Postdeploy`, `post-deploy` or `"postdeploy"`.
  func resembles(_ word: some Sequence<UInt8>) -> Bool {
    Self.skeleton(word) == Self.skeleton(name.utf8)
  }

  /// Whether a line that is no entry begins with this phase's name, whatever follows, but for the
  /// same differences: `postdeploy;echo` and `post deploy: echo` are meant for it.
  func begins(_ line: String) -> Bool {
    let beforeColon = line.utf8.prefix { $0 != UInt8(ascii: ":") }
    return Self.skeleton(beforeColon).starts(with: Self.skeleton(name.utf8))
  }

  private static func skeleton(_ word: some Sequence<UInt8>) -> [UInt8] {
    word.filter(\.isAlphanumeric).map(\.lowercased)
  }
}

extension UInt8 {
  /// Whether it can be part of an entry's name: `[A-Za-z0-9_-]`, as foreman has it.
  var isProcfileNameByte: Bool {
    isAlphanumeric || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
  }
}
