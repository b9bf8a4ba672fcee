package import ContainerSpec
import LinuxSystem

/// What masks the secrets of a run: `[masked:NAME]` stands in place of a value.
package struct SecretMask: Sendable {
  let scanner: SecretScanner
  private let placeholders: [[UInt8]]

  /// Makes the mask of a specification; nil where nothing is to be masked.
  init?(_ spec: RunSpec) { self.init(spec.maskedSecrets) }

  /// Masks these; nil when there are none.
  package init?(_ secrets: [Secret]) {
    guard !secrets.isEmpty else { return nil }
    var patterns: [(bytes: [UInt8], secret: UInt16)] = []
    for (index, secret) in secrets.enumerated() {
      for pattern in SecretPatterns(of: secret.value).patterns {
        patterns.append((bytes: pattern, secret: UInt16(clamping: index)))
      }
    }
    self.scanner = SecretScanner(patterns)
    self.placeholders = secrets.map { Array("[masked:\($0.name)]".utf8) }
  }

  /// What stands in place of a secret.
  func placeholder(of secret: UInt16) -> [UInt8] { placeholders[Int(secret)] }

  /// Bytes that are whole, masked.
  func masked(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    var stream = MaskedStream(self)
    stream.pass(bytes[...]) { output += $0 }
    _ = stream.end(isCut: false) { output += $0 }
    return output
  }

  /// A text, masked.
  func masked(_ text: String) -> String {
    String(decoding: masked(Array(text.utf8)), as: UTF8.self)
  }
}

extension SecretMask {
  /// What a result tells that the command, or what was to become it, has put there.
  func masked(_ result: RunResult) -> RunResult {
    var result = result
    result.error = result.error.map { masked($0) }
    if let paths = result.changes?.paths { result.changes?.paths = paths.map { masked($0) } }
    result.exports = result.exports.map { exports in
      exports.map { export in
        var export = export
        export.path = masked(export.path)
        export.to = masked(export.to)
        return export
      }
    }
    return result
  }

  /// The paths of a change.
  func masked(_ change: Change) -> Change {
    var change = change
    change.path = masked(change.path)
    change.origin = change.origin.map { masked($0) }
    return change
  }

  /// The words of an error.
  func masked(_ error: OneOffError) -> OneOffError {
    switch error {
    case .spec(let error):
      return .spec(SpecError(masked(error.message), remedy: error.remedy.map { masked($0) }))
    case .system(var error):
      error.subject = masked(error.subject)
      error.hint = error.hint.map { masked($0) }
      return .system(error)
    case .setup(var failure):
      failure.description = masked(failure.description)
      return .setup(failure)
    case .supervisor(let text): return .supervisor(masked(text))
    }
  }
}
