import ContainerSpec
import Deploy
import SystemPackage

extension FuzzTarget {
  /// An app manifest.
  static let manifest = FuzzTarget(name: "manifest") { bytes in
    let path: FilePath = "/app/app.json"
    let manifest: AppManifest
    do throws(SpecError) {
      manifest = try AppManifest.parse(bytes, path: path)
    } catch {
      try checkError(error, in: bytes)
      return
    }
    try checkScripts(manifest)
    try checkVariables(manifest)
    try hold(
      try AppManifest.parse([32, 10] + bytes.droppingMark + [10], path: path) == manifest,
      "blanks around it change nothing")
    try hold(
      try AppManifest.parse(printed(manifest), path: path).summary == manifest.summary,
      "print and read again")
  }

  /// An error says which file and what to do; keys that are in it are harmless.
  private static func checkError(_ error: SpecError, in bytes: [UInt8]) throws {
    try hold(error.remedy != nil, "an error says what to do")
    try hold(error.message.hasPrefix("/app/app.json: "), "an error says where")
    try hold(
      error.message.unicodeScalars.allSatisfy(\.isHarmless), "an error is shown harmless")
  }

  private static func checkScripts(_ manifest: AppManifest) throws {
    for script in manifest.scripts {
      let command = script.command.bytes
      try hold(!command.isEmpty, "a command is not empty")
      try hold(
        command.allSatisfy { ($0 >= 32 && $0 != 127) || $0 == 9 || $0 == 10 },
        "a command has no control characters but tabs and line feeds")
      try hold(script.jsonPath.hasPrefix("scripts."), "a command has a place")
      let files = try ReleaseFiles(procfile: nil, manifest: manifest, of: "/app")
      let found = try files.command(for: script.phase, isFirstDeployment: false)
      try hold(found?.command == script.command, "a command can be asked for")
      let source = PhaseCommand.Source.manifest(fileName: "app.json", jsonPath: script.jsonPath)
      try hold(found?.source == source, "a command says where it is from")
    }
  }

  private static func checkVariables(_ manifest: AppManifest) throws {
    let names = manifest.variables.map(\.name)
    try hold(names == names.sorted(), "variables are in the order of their names")
    try hold(Set(names).count == names.count, "a variable is there once")
    for variable in manifest.variables {
      let name = Array(variable.name.utf8)
      try hold((1...64).contains(name.count), "a name has 1 to 64 bytes")
      try hold(
        name.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "_") } && !name[0].isDigit,
        "a name is of letters, digits and _")
      try hold(
        variable.defaultValue.map { $0.bytes.count <= 32_768 } ?? true,
        "a value has at most 32768 bytes")
      try hold(
        !(variable.isGenerated && variable.defaultValue != nil), "a value is given or made")
    }
    let defaults = try manifest.defaults()
    let secrets = manifest.secretsNeeded(beside: defaults)
    try hold(
      Set(defaults.map(\.name)).isDisjoint(with: secrets), "a secret has no default")
    do throws(SpecError) {
      try manifest.checkRequired(in: defaults)
    } catch {
      try checkError(error.atItsFile, in: [])
    }
    let all = try names.map { try EnvironmentVariable(name: $0, value: "") }
    try manifest.checkRequired(in: all)
  }

  /// What was taken of a manifest, as JSON that has nothing else in it.
  private static func printed(_ manifest: AppManifest) -> [UInt8] {
    var scripts: [String] = []
    var dokku: [String] = []
    for script in manifest.scripts {
      let key = script.jsonPath.split(separator: ".").last ?? ""
      let member = "\"\(key)\":\(quoted(script.command.description))"
      if script.jsonPath.hasPrefix("scripts.dokku.") {
        dokku.append(member)
      } else {
        scripts.append(member)
      }
    }
    scripts.append("\"dokku\":{\(dokku.joined(separator: ","))}")
    let variables = manifest.variables.map { variable in
      var members = ["\"required\":\(variable.isRequired)"]
      if let value = variable.defaultValue {
        members.append("\"value\":\(quoted(value.description))")
      }
      if variable.isGenerated { members.append("\"generator\":\"secret\"") }
      return "\"\(variable.name)\":{\(members.joined(separator: ","))}"
    }
    return Array(
      """
      {"scripts":{\(scripts.joined(separator: ","))},"env":{\(variables.joined(separator: ","))}}
      """.utf8)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 32:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension AppManifest {
  /// What decides about a hook.
  fileprivate var summary: [String] {
    scripts.map { "\($0.phase.name) \($0.jsonPath) \($0.command)" }
      + variables.map { "\($0.name) \($0.defaultValue as Any) \($0.isGenerated) \($0.isRequired)" }
  }
}

extension SpecError {
  /// The error with a place like the others, and its list on one line.
  fileprivate var atItsFile: SpecError {
    SpecError(
      message.replacing("/app/app.json requires", with: "/app/app.json: requires")
        .replacing("\n", with: " "), remedy: remedy)
  }
}

extension [UInt8] {
  fileprivate var droppingMark: [UInt8] {
    starts(with: [0xef, 0xbb, 0xbf]) ? Array(dropFirst(3)) : self
  }
}
