/// `oneoff version`: which oneoff this is.
enum VersionVerb {
  /// The version of the program, by semver.org.
  static let version = "0.1.0"

  static let verb = Verb(
    name: "version",
    summary: "Print the version of oneoff"
  ) { _ in
    try Printer.print("oneoff \(version)\n")
    return 0
  }
}
