extension UserReference {
  /// Reads `NAME`, `UID`, `NAME:GROUP`, `UID:GID` and their mixtures.
  ///
  /// What starts with a digit is an id and nothing else, so that a slip such as `1abc` or
  /// `4294967296` can never be taken for another user (compare CVE-2024-40635).
  ///
  /// - Throws: ``SpecError`` for an id outside of 0…4294967294 and for what is neither id nor name.
  public init(parsing text: ByteString) throws(SpecError) {
    let parts = text.bytes.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    self.init(user: try Account(parsing: parts[0], kind: "user"))
    if parts.count == 2 {
      group = try Account(parsing: parts[1], kind: "group")
    }
  }
}

extension UserReference.Account {
  init(parsing bytes: ArraySlice<UInt8>, kind: String) throws(SpecError) {
    if let id = UInt32(id: bytes) {
      self = .id(id)
    } else if bytes.isAccountName {
      self = .name(String(decoding: bytes, as: UTF8.self))
    } else {
      throw SpecError(
        "\(String(quoting: bytes)) is neither a \(kind) id nor a \(kind) name",
        remedy: "use a number from 0 to 4294967294, or a name from the image's /etc/"
          + (kind == "user" ? "passwd" : "group"))
    }
  }
}

extension ArraySlice<UInt8> {
  /// Whether this can be the name of a user or group: `[A-Za-z_][A-Za-z0-9_.-]*` with an optional
  /// `$` at the end, at most 255 bytes (LOGIN_NAME_MAX less its NUL). See useradd(8).
  fileprivate var isAccountName: Bool {
    guard let first, first.isAlphanumeric || first == UInt8(ascii: "_"), !first.isDigit,
      count <= 255
    else { return false }
    let body = last == UInt8(ascii: "$") ? dropLast() : self
    return body.allSatisfy(\.isNameByte)
  }
}
