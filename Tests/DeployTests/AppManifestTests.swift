import ContainerSpec
import Deploy
import SystemPackage
import Testing

@Suite struct AppManifestTests {
  private func parse(_ text: String) throws -> AppManifest {
    try AppManifest.parse(Array(text.utf8), path: "/srv/app/app.json")
  }

  private func error(_ bytes: [UInt8]) throws -> SpecError {
    try #require(throws: SpecError.self) { try AppManifest.parse(bytes, path: "/srv/app/app.json") }
  }

  private func error(_ text: String) throws -> SpecError { try error(Array(text.utf8)) }

  // MARK: Scripts

  @Test func commandsOfPhases() throws {
    let manifest = try parse(
      #"""
      {"name": "shop", "formation": {"web": {"quantity": 1}}, "scripts": {
        "postdeploy": "bundle exec rake db:migrate && echo \"$X\"", "first-deploy": "rake db:setup",
        "pr-predestroy": "rake clean", "test": ["something", "else"],
        "dokku": {"predeploy": "one\ntwo", "postdeploy": " three \n", "more": 5}}}
      """#)
    let found = manifest.scripts.map { [$0.phase.name, $0.jsonPath, $0.command.description] }
    #expect(
      found == [
        ["postdeploy", "scripts.postdeploy", #"bundle exec rake db:migrate && echo "$X""#],
        ["first-deploy", "scripts.first-deploy", "rake db:setup"],
        ["dokku-predeploy", "scripts.dokku.predeploy", "one\ntwo"],
        ["dokku-postdeploy", "scripts.dokku.postdeploy", "three"],
        ["pr-predestroy", "scripts.pr-predestroy", "rake clean"],
      ])
    #expect(manifest.script(for: .prPredestroy)?.command == "rake clean")
    #expect(manifest.variables.isEmpty)
  }

  @Test(arguments: [
    "{}", #"{"scripts": null, "env": null}"#, #"{"scripts": {}, "env": {}}"#,
    #"{"scripts": {"postdeploy": null, "dokku": null, "release": "x"}}"#,
  ])
  func whatIsNotThereIsFine(text: String) throws {
    let manifest = try parse(text)
    #expect(manifest.scripts.isEmpty)
    #expect(manifest.variables.isEmpty)
  }

  @Test func everyPhaseOfAManifestIsANameThatCanBeAskedFor() throws {
    let phases: [Phase] = [
      .postdeploy, .firstDeploy, .prPredestroy, .dokkuPredeploy, .dokkuPostdeploy,
    ]
    for phase in phases {
      #expect(try Phase(parsing: ByteString(phase.name)) == phase)
    }
  }

  @Test(arguments: [
    (#"{"scripts": {"postdeploy": 5}}"#, "scripts.postdeploy: expected a string, found a number"),
    (#"{"scripts": {"postdeploy": true}}"#, "scripts.postdeploy: expected a string, found true or"),
    (
      #"{"scripts": {"postdeploy": ["a"]}}"#,
      "scripts.postdeploy: expected a string, found an array"
    ),
    (
      #"{"scripts": {"dokku": {"predeploy": {"command": "a"}}}}"#,
      "scripts.dokku.predeploy: expected a string, found an object"
    ),
    (#"{"scripts": {"dokku": "x"}}"#, "scripts.dokku: expected an object, found a string"),
    (#"{"scripts": ["postdeploy"]}"#, "scripts: expected an object, found an array"),
    (#"{"scripts": {"postdeploy": " \n"}}"#, "scripts.postdeploy: there is no command"),
    (#"{"scripts": {"postdeploy": "a\u0000b"}}"#, "scripts.postdeploy: contains the control"),
    (#"{"scripts": {"postdeploy": "a\u001b[2J"}}"#, "scripts.postdeploy: contains the control"),
    (#"{"scripts": {"postdeploy": "\ud800"}}"#, "scripts.postdeploy: is no text"),
    (#"{"env": ["A"]}"#, "env: expected an object, found an array"),
    (#"{"env": {"A": 5}}"#, "env.A: expected a string or an object, found a number"),
    (#"{"env": {"A": null}}"#, "env.A: expected a string or an object, found null"),
    (#"{"env": {"A": {"value": 5}}}"#, "env.A.value: expected a string, found a number"),
    (#"{"env": {"A": {"required": "no"}}}"#, "env.A.required: expected true or false, found a str"),
    (#"{"env": {"A": {"generator": true}}}"#, "env.A.generator: expected a string, found true"),
    (#"{"env": {"A": {"description": []}}}"#, "env.A.description: expected a string, found an arr"),
    (#"{"env": {"A B": ""}}"#, "env.'A B': cannot be the name of a variable"),
    (#"{"env": {"1A": ""}}"#, "env.1A: cannot be the name of a variable"),
    (#"{"env": {"": ""}}"#, "env.'': cannot be the name of a variable"),
    (#"{"env": {"A": "x\u0000"}}"#, "env.A: contains a NUL byte"),
    ("[]", "expected an object"), ("\"x\"", "expected an object"), ("null", "expected an object"),
    ("", "is not JSON"), ("{", "is not JSON"), (#"{"a": tru}"#, "is not JSON"),
    ("{} x", "is not JSON"), ("{'a': 1}", "is not JSON"),
  ])
  func faultIsSaidWithItsPlace(text: String, message: String) throws {
    let error = try error(text)
    #expect(error.message.hasPrefix("/srv/app/app.json: \(message)"), "\(error.message)")
    #expect(error.remedy?.isEmpty == false)
  }

  @Test func whatIsHugeIsRefusedAtOnce() throws {
    let megabytes = [UInt8](repeating: UInt8(ascii: "{"), count: 10 << 20)
    #expect(try error(megabytes).message.contains("larger than 1 MiB"))
    let largest = [UInt8](repeating: UInt8(ascii: "{"), count: AppManifest.maximumSize)
    #expect(try error(largest).message.contains("is not JSON"))
    let nested = String(repeating: #"{"scripts":"#, count: 50_000)
    #expect(try error(nested).message.contains("is not JSON, or nested too deeply"))
    let many = (0...RunSpec.maximumVariables).map { "\"A\($0)\":\"\"" }.joined(separator: ",")
    #expect(try error(#"{"env": {\#(many)}}"#).message.contains("has more than 4096 variables"))
  }

  @Test func ofEqualKeysTheFirstCounts() throws {
    let manifest = try parse(#"{"scripts": {"postdeploy": "a", "postdeploy": "b"}}"#)
    #expect(manifest.scripts.map(\.command) == ["a"])
  }

  @Test func encodingIsUTF8() throws {
    for bytes in [Array("{\"env\": {\"A\": \"\u{0}\"}}".utf8), [0x22, 0xff, 0x22]] {
      #expect(try error(bytes).message == "/srv/app/app.json: is not UTF-8")
    }
    let wide = #"{"env": {}}"#.utf8.flatMap { (byte: UInt8) -> [UInt8] in [byte, 0] }
    #expect(try error(wide).message == "/srv/app/app.json: is not UTF-8")
  }

  @Test func byteOrderMarkIsTaken() throws {
    #expect(try parse("\u{feff}{\"env\": {\"A\": \"b\"}}").variables.map(\.name) == ["A"])
  }

  // MARK: Variables

  private func variables(_ names: String...) throws -> [EnvironmentVariable] {
    try names.map { try EnvironmentVariable(name: $0, value: "x") }
  }

  @Test func defaultsAreThoseWithAValue() throws {
    let manifest = try parse(
      #"""
      {"env": {"B": {"value": "two\nlines", "generator": "secret"}, "A": "1", "E": "",
        "C": {"required": true}, "D": {}, "S": {"generator": "secret", "value": null}}}
      """#)
    #expect(
      try manifest.defaults() == [
        EnvironmentVariable(name: "A", value: "1"),
        EnvironmentVariable(name: "B", value: "two\nlines"),
        EnvironmentVariable(name: "E", value: ""),
      ])
    #expect(manifest.secretsNeeded(beside: []) == ["S"])
    #expect(manifest.secretsNeeded(beside: try variables("S")) == [])
  }

  @Test func namesAndValuesAreLimited() throws {
    let name = String(repeating: "A", count: 64)
    let value = String(repeating: "x", count: 32_768)
    #expect(try parse("{\"env\": {\"\(name)\": \"\(value)\"}}").variables.count == 1)
    let longName = try error("{\"env\": {\"\(name)A\": \"\"}}").message
    #expect(longName.contains("cannot be the name of a variable"))
    let longValue = try error("{\"env\": {\"A\": {\"value\": \"\(value)x\"}}}").message
    #expect(longValue == "/srv/app/app.json: env.A.value: has 32769 bytes")
  }

  @Test func requiredVariablesAreThere() throws {
    let manifest = try parse(
      #"""
      {"env": {"A": {"description": "The address\nof it"}, "B": {"required": false}, "C": {},
        "D": "default", "E": {"generator": "secret"}, "U": {"generator": "url"}}}
      """#)
    let error = try #require(throws: SpecError.self) {
      try manifest.checkRequired(in: try variables("C"))
    }
    #expect(
      error.message == """
        /srv/app/app.json requires variables that have no value:
            A: The address\u{FFFD}of it
            D
            U
        """)
    #expect(error.remedy?.contains("--env-file") == true)
    try manifest.checkRequired(in: try variables("A", "C", "D", "U"))
  }

  @Test func ofManyMissingVariablesSomeAreNamed() throws {
    let all = (100..<125).map { "\"A\($0)\": {}" }.joined(separator: ",")
    let manifest = try parse("{\"env\": {\(all)}}")
    let error = try #require(throws: SpecError.self) { try manifest.checkRequired(in: []) }
    #expect(error.message.contains("A119"))
    #expect(!error.message.contains("A120"))
    #expect(error.message.hasSuffix("and 5 more"))
  }
}
