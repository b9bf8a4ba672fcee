import ContainerSpec
import FoundationEssentials
import Testing

@testable import Deploy

@Suite struct ReportTests {
  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// FIPS 180-4's examples, and lengths around those at which another block is needed, whose
  /// digests are sha256sum's.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 55),
      "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
        + "lmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
    (
      String(repeating: "a", count: 56),
      "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"
    ),
    (
      String(repeating: "a", count: 63),
      "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"
    ),
    (
      String(repeating: "a", count: 64),
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
    ),
  ]) func digestIsThatOfTheStandard(message: String, digest: String) {
    #expect(Self.hex(SHA256.digest(of: Array(message.utf8))) == digest)
  }

  /// RFC 4231, but for test case 5, whose code is cut.
  @Test func codeIsThatOfTheStandard() {
    let cases: [([UInt8], [UInt8], String)] = [
      (
        [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
      ),
      (
        Array(1...25), [UInt8](repeating: 0xcd, count: 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131),
        Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131),
        Array(
          ("This is a test using a larger than block-size key and a larger than block-size data. "
            + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
      ),
    ]
    for (key, message, code) in cases {
      #expect(Self.hex(HMACSHA256.code(of: message, key: key)) == code)
    }
  }

  private func deployment(
    _ state: Deployment.State, message: String? = nil, release: String = "v42"
  ) -> Deployment {
    var deployment = Deployment(
      number: 12, app: "shop", release: release, reason: .deploy, attempt: 1, previous: "v41",
      started: "2026-01-02T03:04:05.000000000Z")
    deployment.state = state
    deployment.message = message
    if state != .starting { deployment.finished = "2026-01-02T03:05:05.000000000Z" }
    return deployment
  }

  private func members(_ json: [UInt8]) throws -> [String: String] {
    struct Members: Decodable {
      var values: [String: String] = [:]
      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
          values[key.stringValue] = (try? container.decode(String.self, forKey: key)) ?? "an object"
        }
      }
    }
    return try JSONDecoder().decode(Members.self, from: Data(json)).values
  }

  @Test func eventIsACloudEvent() throws {
    for (occasion, time) in [
      (DeploymentReport.Occasion.started, "2026-01-02T03:04:05.000000000Z"),
      (.finished, "2026-01-02T03:05:05.000000000Z"),
    ] {
      let report = DeploymentReport(deployment(.success), occasion)
      let event = try members(report.cloudEvent)
      #expect(event["specversion"] == "1.0")
      #expect(event["type"] == "dev.oneoff.deployment.\(occasion.rawValue).v1")
      #expect(event["source"]?.hasSuffix("/apps/shop") == true)
      #expect(event["id"] == "12-\(occasion.rawValue)-2026-01-02T03:04:05.000000000Z")
      #expect(event["time"] == time)
      #expect(event["datacontenttype"] == "application/json")
      #expect(event["data"] == "an object")
      #expect(report.cloudEvent == DeploymentReport(deployment(.success), occasion).cloudEvent)
      let names = try #require(event.keys.first.map { _ in event.keys })
      #expect(names.allSatisfy { $0.utf8.allSatisfy { $0.isAlphanumeric } })
    }
  }

  @Test(arguments: [
    (Deployment.State.success, "success"), (.hook, "failure"), (.crashed, "failure"),
    (.timeout, "failure"), (.activate, "failure"), (.aborted, "error"), (.interrupted, "error"),
  ]) func stateIsOneOfGitHubs(state: Deployment.State, expected: String) throws {
    let finished = DeploymentReport(deployment(state), .finished)
    let status = try members(finished.gitHubStatus(logURL: "https://ci.example/7"))
    #expect(status["state"] == expected)
    #expect(status["log_url"] == "https://ci.example/7")
    let started = DeploymentReport(deployment(.starting), .started)
    #expect(
      try members(started.gitHubStatus(logURL: nil)) == [
        "state": "in_progress", "description": "Deploying v42",
      ])
  }

  @Test func descriptionIsNotTooLongForGitHub() throws {
    let failed = deployment(.hook, message: String(repeating: "ü\n", count: 200))
    let status = try members(DeploymentReport(failed, .finished).gitHubStatus(logURL: nil))
    let description = try #require(status["description"])
    #expect(description.count == 140)
    #expect(description.hasPrefix("v42: hook-error: ü"))
    #expect(description.hasSuffix("…") && !description.contains("\n"))
  }

  /// GitHub does not say whether it counts characters, code points or what they take in UTF-16.
  @Test(arguments: ["👨‍👩‍👧", "e\u{301}", "🚚"])
  func descriptionIsCutBetweenCharacters(character: Character) throws {
    let failed = deployment(.hook, message: String(repeating: character, count: 200))
    let status = try members(DeploymentReport(failed, .finished).gitHubStatus(logURL: nil))
    let description = try #require(status["description"])
    #expect(description.utf16.count <= 140)
    #expect(description.utf16.count > 140 - String(character).utf16.count)
    #expect(
      description.dropFirst("v42: hook-error: ".count).dropLast().allSatisfy { $0 == character })
    #expect(description.last == "…")
  }

  @Test func sourceIsAURIReferenceWhateverTheMachineIsCalled() {
    #expect(
      DeploymentReport.source(host: "web-1.example", app: "shop")
        == "/oneoff/web-1.example/apps/shop")
    #expect(
      DeploymentReport.source(host: "a b/%é?", app: "shop")
        == "/oneoff/a%20b%2F%25%C3%A9%3F/apps/shop")
  }

  @Test(arguments: [
    ("https://example.org", "https://example.org"),
    ("https://example.org:8443/", "https://example.org:8443"),
    ("https://hooks.example/services/T0/s3cret", "https://hooks.example/…"),
    ("https://hooks.example?key=s3cret", "https://hooks.example/…"),
    ("https://user:s3c@ret@example.org/#x", "https://example.org/…"),
    ("http://s3cret@[::1]:80", "http://[::1]:80"),
  ]) func warningsNameTheHostAlone(url: String, shown: String) {
    #expect(Notifier.shown(url) == shown)
  }

  @Test(arguments: ["", "ftp://x", "http://", "http:///x", "http://a b", "http://a\"\nurl=x", "x"])
  func whatIsNoURLIsRefused(text: String) throws {
    let text = try ByteString(text)
    #expect(throws: SpecError.self) { try NotificationTargets.url(text) }
  }

  @Test(arguments: ["", "a", "a/b/c", "a/", "/b", "a/..", "a b/c", "a/b?c"])
  func whatIsNoRepositoryIsRefused(text: String) throws {
    let text = try ByteString(text)
    #expect(throws: SpecError.self) { try NotificationTargets.repository(text) }
  }

  @Test func halfOfAGitHubDeploymentIsRefused() throws {
    var targets = NotificationTargets()
    #expect(try targets.gitHub() == nil)
    targets.repository = "a/b"
    #expect(throws: SpecError.self) { try targets.gitHub() }
    targets.gitHubDeployment = 7
    #expect(try targets.gitHub() == .init(repository: "a/b", deployment: 7))
    targets.repository = nil
    #expect(throws: SpecError.self) { try targets.gitHub() }
    targets.forgetGitHub()
    #expect(try targets.gitHub() == nil)
    targets.logURL = "https://ci.example/7"
    #expect(throws: SpecError.self) { try targets.gitHub() }
  }
}
