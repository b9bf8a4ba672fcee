public import ContainerSpec

/// The name of an app: a safe file name, `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}` without `..`.
public struct AppName: Sendable, Hashable {
  /// The name.
  public let text: String

  /// Checks a name.
  ///
  /// - Throws: ``SpecError`` for one that no app can have.
  public init(_ text: String) throws(SpecError) {
    guard text.isSafeFileName(also: [], atMost: 64) else {
      throw SpecError(
        "\(String(quoting: text)) cannot be the name of an app",
        remedy: "use 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit, without '..'")
    }
    self.text = text
  }
}

/// The version of a release, such as `v42` or a commit's id: a safe file name,
/// `[A-Za-z0-9][A-Za-z0-9_.+:@-]{0,127}` without `..`.
public struct ReleaseVersion: Sendable, Hashable {
  /// The version.
  public let text: String

  /// Checks a version.
  ///
  /// - Throws: ``SpecError`` for one that no release can have.
  public init(_ text: String) throws(SpecError) {
    guard text.isSafeFileName(also: Array("+:@".utf8), atMost: 128) else {
      throw SpecError(
        "\(String(quoting: text)) cannot be the version of a release",
        remedy:
          "use 1 to 128 of A-Z a-z 0-9 _ . + : @ -, the first a letter or digit, without '..'")
    }
    self.text = text
  }
}

extension String {
  fileprivate func isSafeFileName(also more: [UInt8], atMost limit: Int) -> Bool {
    let allowed = Array("_.-".utf8) + more
    return (1...limit).contains(utf8.count)
      && utf8.first.map(\.isAlphanumeric) == true
      && utf8.allSatisfy { $0.isAlphanumeric || allowed.contains($0) } && !contains("..")
  }
}
