import ContainerSpec
import Testing

@Suite struct EnvironmentFileTests {
  func parse(_ text: String) throws -> [String] {
    try EnvironmentFile.parse(Array(text.utf8), fileName: "app.env")
      .map { "\($0.name)=\($0.value.description)" }
  }

  @Test(
    arguments: [
      ("A=1\nB=2", ["A=1", "B=2"]),
      ("", []), ("\n\n# x\n  # y\n", []),
      ("export A=1\n export\tB=2\nexport=3", ["A=1", "B=2", "export=3"]),
      ("A=  b c  \nB = d", ["A=b c", "B=d"]),
      ("A=b # c\nB=b#c\nC=#c\nD= #c\nE=\t# c", ["A=b", "B=b#c", "C=#c", "D=", "E="]),
      ("A=\nB=", ["A=", "B="]),
      ("A='x $Y \\n \"z\"' # c\nB=''", ["A=x $Y \\n \"z\"", "B="]),
      (#"A="a\nb\tc\"d\\e\$f\g $h `i`""#, ["A=a\nb\tc\"d\\e$f\\g $h `i`"]),
      ("A=\"-----BEGIN\nx\n-----END\"\nB='1\n\n2'", ["A=-----BEGIN\nx\n-----END", "B=1\n\n2"]),
      ("\u{FEFF}A=1\r\nB=\"x\r\ny\"\r\nC='z'\r\n\r\n", ["A=1", "B=x\ny", "C=z"]),
      ("A=\"x\\\r\ny\\\nz\"", ["A=x\\\ny\\\nz"]),
      ("A=it's\nB=$(id) ${A} `id`\nC=a=b", ["A=it's", "B=$(id) ${A} `id`", "C=a=b"]),
      ("A=1\nA=2", ["A=1", "A=2"]),
      ("A=é日本", ["A=é日本"]),
      (
        "A=\"\(String(repeating: "x", count: 32_768))\"",
        ["A=\(String(repeating: "x", count: 32_768))"]
      ),
    ] as [(String, [String])])
  func readsWhatPeopleWrite(text: String, variables: [String]) throws {
    #expect(try parse(text) == variables)
  }

  @Test(arguments: [
    ("A=1\nB", "app.env:2:2: expected '=' after 'B'"),
    ("A=1\n\nnot a line", "app.env:3:5: expected '='"),
    ("A: 1", "app.env:1:2: expected '='"),
    ("export A", "app.env:1:9: expected '='"),
    ("A-B=1", "app.env:1:2: expected '='"),
    ("é=1", "app.env:1:1: a variable's name is missing"),
    ("=1", "app.env:1:1: a variable's name is missing"),
    ("A=1\n  1A=2", "app.env:2:3: a variable's name is missing"),
    ("B='1\n2'\nA=\"x", "app.env:3:3: the quote that begins the value of A is never closed"),
    ("A='x", "app.env:1:3: the quote"),
    ("A=\"x\\", "app.env:1:3: the quote"),
    ("A=\"x\"y", "app.env:1:6: unexpected text after the quoted value of A"),
    ("A='é' 'y'", "app.env:1:7: unexpected text"),
    ("A='x'#y", "app.env:1:6: unexpected text"),
    ("\u{FEFF}=", "app.env:1:1: a variable's name"),
    ("A=x\u{0}y", "app.env:1:3: the value of A contains a NUL byte"),
    ("A\u{0}=x", "app.env:1:2: expected '='"),
    ("\(String(repeating: "N", count: 65))=1", "app.env:1:1: the name"),
    ("A=\(String(repeating: "x", count: 32_769))", "app.env:1:3: the value of A has 32769 bytes"),
  ])
  func namesThePlaceOfBadLines(text: String, message: String) {
    let error = #expect(throws: SpecError.self) { try parse(text) }
    #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy?.isEmpty == false)
  }

  @Test func neverShowsAValue() {
    for text in ["A=\"hunter2\"x", "A='hunter2", "A=hunter2\u{0}"] {
      let error = #expect(throws: SpecError.self) { try parse(text) }
      #expect(error?.description.contains("hunter2") == false)
    }
  }

  @Test func refusesHugeFiles() {
    let error = #expect(throws: SpecError.self) {
      try EnvironmentFile.parse([UInt8](repeating: 10, count: 1 << 20 + 1), fileName: "app.env")
    }
    #expect(error?.message == "app.env is larger than 1 MiB")
  }
}

@Suite struct EnvironmentTests {
  @Test func readsVariables() throws {
    let variable = try EnvironmentVariable(parsing: "A=b=c")
    #expect(variable.name == "A")
    #expect(variable.value == "b=c")
    #expect(try EnvironmentVariable(parsing: "A=").value == "")
  }

  @Test(arguments: ["", "=x", "A"] as [ByteString])
  func refusesWhatIsNoVariable(text: ByteString) {
    #expect(throws: SpecError.self) { try EnvironmentVariable(parsing: text) }
  }

  @Test(arguments: ["", "A=B", "A\0B"])
  func refusesNamesThatTheKernelCannotPassOn(name: String) {
    #expect(throws: SpecError.self) { try EnvironmentVariable(name: name, value: "") }
  }

  @Test func refusesNULInValues() {
    #expect(throws: SpecError.self) { try ByteString(bytes: [1, 0, 2], subject: "x") }
  }

  @Test func lastValueWinsInTheFirstPlace() throws {
    var environment = try [
      EnvironmentVariable(parsing: "A=1"), EnvironmentVariable(parsing: "B=2"),
    ]
    environment.set(
      try [EnvironmentVariable(parsing: "A=3"), EnvironmentVariable(parsing: "C=4")])
    #expect(environment.map { "\($0.name)\($0.value)" } == ["A3", "B2", "C4"])
  }
}
