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
      String(repeating: "a", count: 64),
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
    ),
  ]) func digestIsThatOfTheStandard(message: String, digest: String) {
    #expect(Self.hex(SHA256.digest(of: Array(message.utf8))) == digest)
  }

  /// RFC 4231, test cases 1, 2 and 6.
  @Test func codeIsThatOfTheStandard() {
    let cases: [([UInt8], String, String)] = [
      (
        [UInt8](repeating: 0x0b, count: 20), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131),
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
    ]
    for (key, message, code) in cases {
      #expect(Self.hex(HMACSHA256.code(of: Array(message.utf8), key: key)) == code)
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
  }
}
