package import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

extension KeptApp {
  /// The secrets of the app of these names; those that are not there yet are made, and are on the
  /// disk when this returns. A secret is made once, and never again.
  ///
  /// Whoever asks at the same time waits, and gets the same. The app's own lock is not needed: a
  /// deployment has it while its hooks run.
  ///
  /// - Throws: ``SpecError`` where the file is not what oneoff has written; the errnos of
  ///   openat(2), flock(2), write(2) and renameat(2), such as ENOSPC and EROFS.
  package borrowing func secrets(named names: [String]) throws -> [EnvironmentVariable] {
    try SecretsFile.secrets(named: names, in: descriptor, of: path)
  }
}

/// The secrets that were made for an app: `secrets.json`, an object of names and values.
private enum SecretsFile {
  private static let name = "secrets.json"
  private static let draft = ".secrets.draft"
  private static let lock = "secrets.lock"
  /// The most bytes of the file: 4096 secrets and their names take less.
  private static let longest = 1 << 20
  /// The random bytes of a secret, which is twice as many hexadecimal digits.
  private static let entropy = 32

  static func secrets(
    named names: [String], in directory: borrowing OwnedDescriptor, of path: FilePath
  ) throws -> [EnvironmentVariable] {
    let lock = try directory.open(Self.lock, flags: [.readingAndWriting, .creating])
    try lock.waitForLock(.exclusive, subject: "of the secrets in \(path)")
    var secrets = try read(directory, path)
    let missing = names.filter { secrets[$0] == nil }
    for name in missing { secrets[name] = random() }
    if !missing.isEmpty { try write(secrets, directory) }
    return try names.map { name in
      try EnvironmentVariable(
        name: name, value: ByteString(secrets[name] ?? "", subject: "the secret \(name)"))
    }
  }

  private static func read(
    _ directory: borrowing OwnedDescriptor, _ path: FilePath
  ) throws -> [String: String] {
    guard let text = try directory.contents(of: name, limit: longest) else { return [:] }
    guard let secrets = StoredJSON.value([String: String].self, of: text) else {
      throw SpecError(
        "\(path.appending(name).string.onOneLine) is not what oneoff has written",
        remedy: "mend it, or move it away: other secrets are made then")
    }
    return secrets
  }

  private static func write(
    _ secrets: [String: String], _ directory: borrowing OwnedDescriptor
  ) throws(SystemError) {
    // What somebody has left who was killed may be longer, or have other permissions.
    try directory.removeFile(draft)
    try directory.open(draft, flags: [.writing, .creating, .exclusively], permissions: 0o600)
      .replaceContents(StoredJSON.text(secrets))
    try directory.rename(draft, to: name)
    try directory.synchronize()
  }

  private static func random() -> String {
    let digits = Array("0123456789abcdef".utf8)
    let bytes = randomBytes(entropy)
    precondition(bytes.count == entropy, "getrandom(2) gives so few bytes whole")
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
