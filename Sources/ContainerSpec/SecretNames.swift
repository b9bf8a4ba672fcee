// Which variables are secret without anybody saying so. docs/masking.md has it for users.

extension EnvironmentVariable {
  /// Whether the name says that the value is secret, and the value looks like one.
  var isSecretByItself: Bool {
    let name = self.name.utf8.map(\.uppercased)
    guard SecretNames.contains(name) else { return false }
    let value = value.bytes
    if SecretNames.usualWords.contains(where: { $0.utf8.elementsEqual(value.map(\.lowercased)) }) {
      return false
    }
    // Where a secret is, is none: SECRET_KEY_FILE=/run/secrets/key
    let isPlace = SecretNames.places.contains { name.hasSuffix($0) }
    return !(isPlace && value.contains(UInt8(ascii: "/")))
  }

  /// The passwords inside of the value: of every URL, and of the connection string that a driver of
  /// a database takes where the name says that it is one.
  var embeddedPasswords: [[UInt8]] {
    let name = self.name.utf8.map(\.uppercased)
    let isConnection = SecretNames.connections.contains { name.hasSuffix($0) }
    return ConnectionString(value.bytes).passwords(isConnection: isConnection)
  }
}

/// The words in names, all in capitals.
private enum SecretNames {
  /// Anywhere in the name.
  static let words = [
    "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY", "PRIVATE_KEY",
  ]
  /// At the end of the name.
  static let endings = ["_KEY", "_PASS", "_PWD", "_AUTH"]
  /// The name itself.
  static let whole = ["PASS", "KEY"]
  /// Names of places, with these endings.
  static let places = ["_FILE", "_PATH", "_DIR", "_URL", "_URI", "_ENDPOINT"]
  /// Names of connection strings, with these endings.
  static let connections = ["URL", "URI", "DSN", "CONNECTION_STRING", "CONN_STR"]
  /// Values of variables that are named like secrets, long enough to be masked, and in every log.
  static let usualWords = [
    "production", "development", "disabled", "required", "optional", "undefined", "password",
    "postgres", "localhost", "changeme",
  ]

  static func contains(_ name: [UInt8]) -> Bool {
    words.contains { name.hasPart($0) } || endings.contains { name.hasSuffix($0) }
      || whole.contains { $0.utf8.elementsEqual(name) }
  }
}

extension [UInt8] {
  fileprivate func hasSuffix(_ text: String) -> Bool {
    suffix(text.utf8.count).elementsEqual(text.utf8)
  }

  fileprivate func hasPart(_ text: String) -> Bool {
    let part = text.utf8.count
    guard count >= part else { return false }
    return (0...(count - part)).contains { self[$0..<($0 + part)].elementsEqual(text.utf8) }
  }
}
