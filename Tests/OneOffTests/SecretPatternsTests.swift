import ContainerSpec
import FoundationEssentials
import Testing

@testable import OneOff

@Suite struct SecretPatternsTests {
  private func masked(_ text: String, _ secrets: (name: String, value: String)...) -> String {
    let secrets = secrets.map { Secret(name: $0.name, value: $0.value.utf8) }
    return SecretMask(secrets)?.masked(text) ?? text
  }

  private static let secret = "s3cr3t/välue+ \"x\" <&>'"

  @Test(arguments: [
    secret,
    // The same by ECMAScript, Python, Go, Ruby and PHP.
    "s3cr3t%2Fv%C3%A4lue%2B%20%22x%22%20%3C%26%3E'",
    "s3cr3t%2fv%c3%a4lue%2b%20%22x%22%20%3c%26%3e'",
    "s3cr3t%2Fv%C3%A4lue%2B+%22x%22+%3C%26%3E%27",
    "s3cr3t/v%C3%A4lue%2B%20%22x%22%20%3C%26%3E%27",
    "s3cr3t%2Fv%C3%A4lue%2B%20%22x%22%20%3C%26%3E%27",
    "s3cr3t/v%C3%A4lue+%20%22x%22%20%3C&%3E'",
    #"s3cr3t/välue+ \"x\" <&>'"#,
    #"s3cr3t\/välue+ \"x\" <&>'"#,
    #"s3cr3t/v\u00e4lue+ \"x\" <&>'"#,
    #"s3cr3t/välue+ \"x\" \u003c\u0026\u003e'"#,
    #"s3cr3t/välue+ "x" <&>'\''"#,
    #"s3cr3t/välue+ "x" <&>\'"#,
  ])
  func formIsMasked(form: String) {
    #expect(masked("a=\(form);", ("S", Self.secret)) == "a=[masked:S];")
  }

  @Test(arguments: [0, 1, 2], [0, 1, 2])
  func base64IsMaskedInEveryAlignment(before: Int, after: Int) {
    // Both alphabets differ in these.
    let secret = "\u{3f}\u{7e}??>>~~?>secret>>??~~"
    let plain =
      String(repeating: "a", count: before + 30) + secret
      + String(repeating: "b", count: after + 30)
    let standard = Data(plain.utf8).base64EncodedString()
    let url = standard.replacing("+", with: "-").replacing("/", with: "_")
    for text in [standard, url] {
      let result = masked(text, ("S", secret))
      let parts = result.split(separator: "[masked:S]", omittingEmptySubsequences: false)
      #expect(parts.count == 2)
      // What is left tells at most of the bits that share a character with a neighbour.
      let left = parts.reduce(0) { $0 + $1.utf8.count }
      let own = secret.utf8.count * 8 / 6 - 2
      #expect(left <= text.utf8.count - own)
      #expect(parts[0] == text.prefix(parts[0].count))
    }
  }

  @Test func base64ThatIsWrappedIsMasked() {
    let secret = (0..<200).map { "k\($0)/" }.joined()
    for (width, options) in [
      (64, Data.Base64EncodingOptions.lineLength64Characters),
      (76, .lineLength76Characters),
    ] {
      let text = Data(secret.utf8).base64EncodedString(options: [options, .endLineWithLineFeed])
      let lines = masked(text, ("S", secret)).split(separator: "\n")
      #expect(lines.count == text.split(separator: "\n").count)
      // Of the last line the characters that belong to the last group may stay.
      #expect(lines.dropLast().allSatisfy { $0 == "[masked:S]" }, "\(width)")
      #expect(lines.last?.hasPrefix("[masked:S]") == true)
      #expect(lines.last?.utf8.count ?? 99 <= "[masked:S]".utf8.count + 4)
    }
  }

  private static let key = """
    -----BEGIN PRIVATE KEY-----
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7
    VJTUt9Us8cKjMzEfYyjiWA4R4mVnsVq
      indented line
    short
    -----END PRIVATE KEY-----

    """

  @Test func linesOfAValueAreMasked() {
    let key = ("K", Self.key)
    #expect(masked(Self.key, key) == "[masked:K]")
    #expect(masked("\(Self.key)and more", key) == "[masked:K]and more")
    #expect(masked("VJTUt9Us8cKjMzEfYyjiWA4R4mVnsVq", key) == "[masked:K]")
    #expect(masked("x: indented line.", key) == "x: [masked:K].")
    // With CRLF the whole is one, too, and without its end.
    let crlf = Self.key.replacing("\n", with: "\r\n")
    #expect(masked(crlf, key) == "[masked:K]")
    // The frame hides nothing, and too short a line would mask a word.
    #expect(masked("-----BEGIN PRIVATE KEY----- short", key) == "-----BEGIN PRIVATE KEY----- short")
  }

  @Test func linesOfAKeyOnOneLineAreMasked() {
    let key = ("K", Self.key.replacing("\n", with: #"\n"#))
    #expect(masked("VJTUt9Us8cKjMzEfYyjiWA4R4mVnsVq\n", key) == "[masked:K]\n")
    #expect(masked("x: indented line.", key) == "x: [masked:K].")
    #expect(masked(key.1, key) == "[masked:K]")
    // Another backslash before it does not matter: as in the JSON of a cloud's credentials.
    let json = ("J", #"{\"key\":\""# + key.1 + #"\"}"#)
    #expect(masked("VJTUt9Us8cKjMzEfYyjiWA4R4mVnsVq\n", json) == "[masked:J]\n")
  }

  @Test func valueIsMaskedWithoutItsLineEnd() {
    let secret = ("S", " t0k3n-value\n")
    #expect(masked("<t0k3n-value>", secret) == "<[masked:S]>")
    #expect(masked(Data("t0k3n-value".utf8).base64EncodedString(), secret).hasPrefix("[masked:S]"))
  }

  @Test func longValueIsMaskedAlsoInPart() {
    let secret = (0..<400).map { "\($0 * 7919)-" }.joined()
    #expect(masked("<\(secret)>", ("S", secret)) == "<[masked:S]>")
    let foreign = String(repeating: "\u{4e2d}\u{6587}", count: 40)
    #expect(masked("<\(foreign)>", ("S", foreign)) == "<[masked:S]>")
    let part = secret.prefix(500)
    let result = masked("<\(part)>", ("S", secret))
    #expect(result.hasPrefix("<[masked:S]"))
    #expect(result.utf8.count < 100)
  }

  @Test func everyPatternFitsTheScanner() {
    let values: [[UInt8]] = [
      Array("12345678".utf8), Array(Self.secret.utf8), Array(Self.key.utf8),
      [UInt8](repeating: 0xff, count: 8), [UInt8](repeating: 0xff, count: 40_000),
      Array(repeating: Array("a\"/ ".utf8), count: 5000).flatMap { $0 },
      (1...255).map { UInt8($0) },
    ]
    for value in values {
      let patterns = SecretPatterns(of: value).patterns
      #expect(!patterns.isEmpty)
      #expect(
        patterns.allSatisfy {
          (RunSpec.shortestSecret...SecretPatterns.longest).contains($0.count)
        })
    }
  }
}
