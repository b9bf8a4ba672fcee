/// A value in which passwords may be: `scheme://user:PASSWORD@host`, `user:PASSWORD@tcp(host)`,
/// `host=db password=PASSWORD`.
struct ConnectionString {
  private let bytes: [UInt8]

  /// The names of members of connection strings whose values are secret, with their `=`.
  private static let members = [
    "password=", "passwd=", "pwd=", "accountkey=", "sharedaccesskey=", "token=",
  ]
  /// A user name so long, without a password, is a token: https://TOKEN@host
  private static let shortestToken = 20

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The passwords, as they stand and decoded where they are percent-encoded.
  ///
  /// - Parameter isConnection: whether the value is known to be one that connects: text without
  ///   `://` in it is then looked at, too.
  func passwords(isConnection: Bool) -> [[UInt8]] {
    var found: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    var isURL = false
    while let start = rest.endOfFirst("://") {
      isURL = true
      rest = rest[start...]
      if let password = Self.password(inAuthority: Self.authority(of: rest)) {
        found.append(password)
      }
    }
    if isConnection {
      if !isURL, let password = Self.password(inAuthority: bytes.prefix { !$0.isBlank }) {
        found.append(password)
      }
      found += members()
    }
    return found.flatMap { password in
      let raw = Array(password)
      return [raw] + (raw.percentDecoded.map { [$0] } ?? [])
    }
  }

  /// What is between `://` and the path, as far as a password with a `/` of its own lets one tell.
  private static func authority(of rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let word = rest.prefix { $0 > UInt8(ascii: " ") }
    let strict = word.prefix { byte in !"/?#".utf8.contains(byte) }
    return strict.contains(UInt8(ascii: "@")) ? strict : word
  }

  private static func password(
    inAuthority authority: ArraySlice<UInt8>
  ) -> ArraySlice<UInt8>? {
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return nil }
    let user = authority[..<at]
    guard let colon = user.firstIndex(of: UInt8(ascii: ":")) else {
      return user.count >= shortestToken ? user : nil
    }
    let password = user[(colon + 1)...]
    // GitHub's and others' way to give a token where a user is asked for.
    let isEmpty = password.isEmpty || password.elementsEqual("x-oauth-basic".utf8)
    return isEmpty ? user[..<colon] : password
  }

  /// The values of `password=…` and the like, up to a separator.
  private func members() -> [ArraySlice<UInt8>] {
    let lowercase = bytes.map(\.lowercased)
    var found: [ArraySlice<UInt8>] = []
    for member in Self.members {
      var rest = lowercase[...]
      while let start = rest.endOfFirst(member) {
        rest = rest[start...]
        let before = start - member.utf8.count - 1
        guard before < 0 || !bytes[before].isNameByte else { continue }
        found.append(Self.value(of: bytes[start...]))
      }
    }
    return found
  }

  private static func value(of rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    if let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
      return rest.dropFirst().prefix { $0 != quote }
    }
    return rest.prefix {
      $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "&")
    }
  }
}

extension ArraySlice<UInt8> {
  /// Where the first occurrence of a text ends.
  fileprivate func endOfFirst(_ text: String) -> Int? {
    let length = text.utf8.count
    guard count >= length else { return nil }
    for start in startIndex...(endIndex - length)
    where self[start..<(start + length)].elementsEqual(text.utf8) {
      return start + length
    }
    return nil
  }
}

extension [UInt8] {
  /// The bytes without their percent-encoding; nil where there is none.
  fileprivate var percentDecoded: [UInt8]? {
    guard contains(UInt8(ascii: "%")) else { return nil }
    var decoded: [UInt8] = []
    var rest = self[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy(\.isHexadecimalDigit),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        decoded.append(value)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return decoded
  }
}

extension UInt8 {
  fileprivate var isHexadecimalDigit: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(lowercased)
  }
}
