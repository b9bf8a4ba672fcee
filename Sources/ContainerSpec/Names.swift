/// The name of a run: `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}` without `..`, so that it is safe as a file
/// name.
public struct RunID: Sendable, Hashable {
  /// The name.
  public let text: String

  /// Checks a name.
  public init(_ text: String) throws(SpecError) {
    let bytes = Array(text.utf8)
    let isSafe =
      (1...64).contains(bytes.count) && bytes[0].isAlphanumeric
      && bytes.allSatisfy { $0.isNameByte }
      && !zip(bytes, bytes.dropFirst()).contains { $0 == UInt8(ascii: ".") && $1 == $0 }
    guard isSafe else {
      throw SpecError(
        "\(String(quoting: text)) cannot be the name of a run",
        remedy: "use 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit, without '..'")
    }
    self.text = text
  }
}

/// A host name, as sethostname(2) and RFC 1123 allow: at most 64 of `[A-Za-z0-9.-]`.
public struct Hostname: Sendable, Hashable {
  /// The name.
  public let text: String

  /// Checks a name.
  public init(_ text: String) throws(SpecError) {
    let bytes = Array(text.utf8)
    let isSafe =
      (1...64).contains(bytes.count) && bytes[0].isAlphanumeric
      && bytes.allSatisfy {
        $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
      }
    guard isSafe else {
      throw SpecError(
        "\(String(quoting: text)) cannot be a host name",
        remedy: "use 1 to 64 of A-Z a-z 0-9 . -, the first a letter or digit")
    }
    self.text = text
  }
}

/// One variable of the command's environment.
public struct EnvironmentVariable: Sendable, Hashable, Codable {
  /// The name: not empty, without `=` or NUL.
  public let name: String
  /// The value; may be empty and may span lines.
  public let value: ByteString

  enum CodingKeys: String, CodingKey { case name, value }

  /// Checks the name and makes a variable.
  public init(name: String, value: ByteString) throws(SpecError) {
    guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0) else {
      throw SpecError(
        "\(String(quoting: name)) cannot be the name of an environment variable",
        remedy: "give a name that is not empty and has no '=' or NUL in it")
    }
    self.name = name
    self.value = value
  }
}

extension UInt8 {
  var isNameByte: Bool {
    isAlphanumeric || self == UInt8(ascii: "_") || self == UInt8(ascii: ".")
      || self == UInt8(ascii: "-")
  }
}
