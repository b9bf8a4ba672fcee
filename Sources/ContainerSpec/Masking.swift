/// Which values of the environment are masked in whatever a run writes or tells.
public enum Masking: String, Sendable, Hashable, Codable, CaseIterable {
  /// Those of the variables that ``RunSpec/secrets`` names, of those whose own names say that they
  /// are secret, and the passwords inside of URLs.
  case auto
  /// Those of the variables that ``RunSpec/secrets`` names.
  case named
  /// None, whatever is named.
  case none
}

extension Masking {
  /// Reads `auto`, `named` or `none`.
  package init(parsing text: ByteString) throws(SpecError) {
    guard let masking = Masking(rawValue: text.description) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a way to mask",
        remedy: "use auto (what is named, and names such as *TOKEN*), named or none")
    }
    self = masking
  }
}

/// A value that nobody may see.
package struct Secret: Sendable, Hashable {
  /// The variable that has it; it is shown in place of the value.
  package var name: String
  /// The value, at least ``RunSpec/shortestSecret`` bytes.
  package var value: [UInt8]

  /// Names a value.
  package init(name: String, value: some Sequence<UInt8>) {
    self.name = name
    self.value = Array(value)
  }
}

extension RunSpec {
  /// The least bytes of a value that is masked: shorter ones would shred the output, and guessing
  /// them takes no log.
  public static let shortestSecret = 8

  /// The values to mask, in the order of their variables; empty where nothing is masked.
  package var maskedSecrets: [Secret] {
    guard masking != .none, masking == .auto || !secrets.isEmpty else { return [] }
    var masked: [Secret] = []
    for variable in environment {
      let isNamed = secrets.contains(variable.name)
      guard isNamed || masking == .auto else { continue }
      var values: [[UInt8]] = []
      if isNamed || variable.isSecretByItself { values.append(variable.value.bytes) }
      values += variable.embeddedPasswords
      for value in values where value.count >= Self.shortestSecret {
        masked.append(Secret(name: variable.name, value: value))
      }
    }
    return masked
  }

  /// The variables that were named as secret, and whose values are too short to be masked. An empty
  /// value has nothing to hide.
  package var unmaskableSecrets: [String] {
    guard masking != .none else { return [] }
    return environment.filter { variable in
      (1..<Self.shortestSecret).contains(variable.value.bytes.count)
        && secrets.contains(variable.name)
    }.map(\.name)
  }

  /// Checks that what is named as secret is there.
  func validateSecrets() throws(SpecError) {
    for name in secrets where !environment.contains(where: { $0.name == name }) {
      throw SpecError(
        "there is no variable \(String(quoting: name)) to be secret",
        remedy: suggestion(
          for: name, in: environment.map(\.name),
          otherwise: "set it with --env or --env-file, or leave out --secret"))
    }
  }
}
