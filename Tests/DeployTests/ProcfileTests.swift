import ContainerSpec
import Deploy
import SystemPackage
import Testing

@Suite struct ProcfileTests {
  func parse(_ text: String) throws -> Procfile {
    try Procfile.parse(Array(text.utf8), path: "/srv/app/Procfile")
  }

  @Test(arguments: [
    ("postdeploy: bundle exec rake db:migrate", "bundle exec rake db:migrate"),
    ("web: x\npostdeploy:run\n", "run"),
    ("postdeploy:\t a  b \t\n", "a  b"),
    ("\u{FEFF}postdeploy: x\r\nweb: y\r\n", "x"),
    ("# postdeploy rake\n  # postdeploy\n\npostdeploy: x", "x"),
    (
      "postdeploy: newrelic deployments --revision=$CONTAINER_VERSION",
      "newrelic deployments --revision=$CONTAINER_VERSION"
    ),
    (
      "postdeploy: ./postdeploy-step1.sh && ./postdeploy-step2.sh",
      "./postdeploy-step1.sh && ./postdeploy-step2.sh"
    ),
    ("postdeploy: echo '#a' # b \"c\"", "echo '#a' # b \"c\""),
    ("postdeploy: a \\\\", "a \\\\"),
    ("postdeploy: é", "é"),
    ("web: x\nweb: y\nweb\n web: z\npostdeploy: q", "q"),
    ("post-deploy: no\npostdeploy: yes", "yes"),
    ("web: a \\\npostdeploy: b", "b"),
  ])
  func findsTheHook(text: String, command: String) throws {
    #expect(try parse(text).entry(for: .postdeploy)?.command.description == command)
  }

  @Test(arguments: [
    "web: x", "# nothing\n", "web: postdeploy\npredeploy: y", "web: x\nbroken line",
    "postdeplyo: x", "post: deploy \\",
  ])
  func saysThatThereIsNoHook(text: String) throws {
    #expect(try parse(text).entry(for: .postdeploy) == nil)
  }

  @Test(arguments: [
    ("web: x\npostdeploy rake db:migrate", 2, 11, "expected ':' right after 'postdeploy'"),
    ("postdeploy", 1, 11, "expected ':' right after 'postdeploy'"),
    ("postdeploy = rake", 1, 11, "expected ':'"),
    ("postdeploy=rake", 1, 11, "expected ':'"),
    (" postdeploy : x", 1, 1, "a blank stands before the name"),
    ("\tpostdeploy: x", 1, 1, "a blank stands before the name"),
    ("\u{a0}postdeploy: x", 1, 1, "a line cannot start with this character"),
    ("\"postdeploy\": \"x\"", 1, 1, "a line cannot start with this character"),
    ("- postdeploy: x", 1, 2, "expected ':' right after '-'"),
    ("postdeploy : x", 1, 11, "expected ':'"),
    ("postdeploy:", 1, 12, "there is no command after 'postdeploy:'"),
    ("web: x\r\npostdeploy:  \r\n", 2, 12, "there is no command"),
    ("postdeploy: # later", 1, 12, "there is no command"),
    ("postdeploy: a\nweb: x\npostdeploy: b", 3, 1, "line 1 names 'postdeploy' already"),
    ("postdeploy: a && \\\n  b", 1, 18, "a command cannot go on"),
    ("Postdeploy: x", 1, 1, "the entry is named 'Postdeploy', not 'postdeploy'"),
    ("web: x\npost-deploy: x", 2, 1, "the entry is named 'post-deploy'"),
    ("post_deploy x", 1, 12, "expected ':'"),
    ("postdeploy;echo a", 1, 11, "expected ':'"),
    ("postdeploy\u{ff1b}echo a", 1, 11, "expected ':'"),
    ("post deploy: echo a", 1, 5, "expected ':'"),
    ("web: x\npostdeploy.echo: x", 2, 11, "a name cannot have this character"),
    ("postdeploy/echo", 1, 11, "expected ':'"),
  ])
  func stopsWhereALineSeemsToBeTheHook(
    text: String, line: Int, column: Int, message: String
  ) throws {
    let file = try parse(text)
    let error = #expect(throws: SpecError.self) { try file.entry(for: .postdeploy) }
    let expected = "/srv/app/Procfile:\(line):\(column): \(message)"
    #expect(error?.message.hasPrefix(expected) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func pointsAtTheFault() throws {
    let file = try parse("web: x\npostdeploy rake db:migrate")
    let error = #expect(throws: SpecError.self) { try file.entry(for: .postdeploy) }
    #expect(
      error?.description == """
        /srv/app/Procfile:2:11: expected ':' right after 'postdeploy'
            postdeploy rake db:migrate
                      ^
        hint: write 'postdeploy: command'
        """)
  }

  @Test(arguments: [
    ("", "is empty"), (" \n\t\r\n", "is empty"), ("\u{FEFF}\n", "is empty"),
    ("web: x\nweb: \u{0}", "/srv/app/Procfile:2:6: the Procfile contains the control character 0"),
    ("# \u{1b}[31m", ":1:3: the Procfile contains the control character 27"),
    ("web: x\rpostdeploy: y", ":1:7: the Procfile contains the control character 13"),
    ("\u{7f}ELF", ":1:1: the Procfile contains the control character 127"),
  ])
  func refusesWhatIsNoText(text: String, message: String) {
    let error = #expect(throws: SpecError.self) { try parse(text) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func refusesInvalidUTF8OutsideOfComments() throws {
    let path: FilePath = "/a/Procfile"
    #expect(throws: SpecError.self) {
      try Procfile.parse(Array("web: x".utf8) + [0xe9], path: path)
    }
    let file = try Procfile.parse(Array("# caf".utf8) + [0xe9] + Array("\nweb: x".utf8), path: path)
    #expect(file.entries.map(\.name) == ["web"])
  }

  @Test func refusesHugeFiles() {
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 10_000_000)
    let error = #expect(throws: SpecError.self) { try Procfile.parse(bytes, path: "/a/Procfile") }
    #expect(error?.message == "the Procfile '/a/Procfile' is larger than 1 MiB")
  }

  @Test(
    arguments: [
      ("\u{FEFF}web: x", .portability, 1, 1), ("web: x\r\n", .portability, 1, 7),
      ("web:x", .portability, 1, 5), ("web: é # y", .portability, 1, 8),
      ("web: x\nweb: y", .duplicate, 2, 1), ("web: x\n\nbroken", .malformed, 3, 7),
      ("\(String(repeating: "n", count: 64)): x", .malformed, 1, 1),
    ] as [(String, Procfile.Diagnostic.Kind, Int, Int)])
  func keepsWhatOthersWouldReadDifferently(
    text: String, kind: Procfile.Diagnostic.Kind, line: Int, column: Int
  ) throws {
    let diagnostics = try parse(text).diagnostics
    #expect(diagnostics.map(\.kind) == [kind])
    #expect(diagnostics.first?.position == TextPosition(line: line, column: column))
  }

  @Test func hasNothingToSayAboutACleanFile() throws {
    #expect(try parse("# x\nweb: a\npostdeploy: b\n").diagnostics.isEmpty)
  }

  @Test func findsSlips() throws {
    #expect(try parse("postdeply: x").nearestName(to: .postdeploy) == "postdeply")
    #expect(try parse("web: x").nearestName(to: .postdeploy) == nil)
  }

  @Test(arguments: ["", "a b", "a:", "../x", String(repeating: "x", count: 64)])
  func refusesPhasesThatNoEntryCanHave(name: String) {
    #expect(throws: SpecError.self) { try Phase(parsing: ByteString(name)) }
  }
}
