import Testing

@testable import SeccompPolicy

@Suite struct StrictJSONTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

  @Test(arguments: [
    ("null", JSONValue.null), (" true\n", .bool(true)), ("false", .bool(false)),
    ("0", .number(0)), ("18446744073709551615", .number(.max)),
    ("18446744073709551616", .number(nil)), ("-1", .number(nil)), ("1.5", .number(nil)),
    ("1e3", .number(nil)), ("1E+03", .number(nil)), ("\"\"", .string("")),
    (#""a\"\\\/\b\f\n\r\t""#, .string("a\"\\/\u{8}\u{c}\n\r\t")),
    (#""\u00e9\uD83D\uDEA2""#, .string("é🚢")), ("\"日本\"", .string("日本")),
    ("[]", .array([])), ("[1,[2]]", .array([.number(1), .array([.number(2)])])),
    ("{}", .object([])),
    (
      #"{"a":1,"":[{}]}"#,
      .object([.init(key: "a", value: .number(1)), .init(key: "", value: .array([.object([])]))])
    ),
  ])
  func readsEveryKindOfValue(text: String, value: JSONValue) throws {
    #expect(try parse(text) == value)
  }

  @Test(arguments: [
    ("", "line 1, column 1: the text ends too early"),
    ("{", "line 1, column 2: a key in double quotes"),
    ("{\"a\": 1,\n}", "line 2, column 1: a key in double quotes"),
    ("[1,]", "line 1, column 4: a value was expected"),
    ("[1\n2]", "line 2, column 1: a comma or ]"),
    ("{\"a\":1 2}", "line 1, column 8: a comma or }"),
    ("{\"a\" 1}", "line 1, column 6: a colon"),
    (#"{"a":1,"a":2}"#, #"the key "a" is there twice"#),
    ("1 x", "line 1, column 3: something follows"),
    ("01", "a number begins with 0"), ("-", "a digit was expected"), ("1.", "a digit was"),
    ("1e", "a digit was expected"), ("nul", "a value was expected"),
    ("\"日本", "line 1, column 4: a string without an end"),
    ("\"a\nb\"", "a control character"), (#""\x""#, "an unknown escape"),
    (#""\u12""#, "four hexadecimal digits"), (#""\u12g4""#, "four hexadecimal digits"),
    (#""\ud800""#, "half a surrogate pair"), (#""\ud800\u0041""#, "half a surrogate pair"),
    (#""\udc00""#, "half a surrogate pair"), ("\u{FEFF}{}", "a value was expected"),
    ("\"\\", "a string without an end"),
  ])
  func saysWhereTheTextGoesWrong(text: String, problem: String) throws {
    let error = try #require(throws: ProfileError.self) { try parse(text) }
    #expect(error.description.hasPrefix("is not JSON: line "))
    #expect(error.description.contains(problem), "\(error)")
  }

  @Test func refusesBytesThatAreNotUTF8() {
    #expect(throws: ProfileError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  /// The stack would end long before the text does.
  @Test func refusesDeepNesting() throws {
    for open in ["[", #"{"a":"#] {
      let text = String(repeating: open, count: 100_000)
      let error = try #require(throws: ProfileError.self) { try parse(text) }
      #expect(error.problem.contains("nested too deeply"))
    }
    let bearable = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
    #expect(throws: Never.self) { try parse(bearable) }
  }
}
