import SystemPackage
import Testing

@testable import ContainerSpec

@Suite struct MaskingTests {
  private static let value = "s3cr3t-value"

  private func spec(
    _ variables: [(String, String)], masking: Masking = .auto, secrets: [String] = []
  ) throws -> RunSpec {
    var spec = RunSpec(layers: ["/srv/image"], command: ["true"])
    for (name, value) in variables {
      spec.environment.append(try EnvironmentVariable(name: name, value: ByteString(value)))
    }
    spec.masking = masking
    spec.secrets = secrets
    return spec
  }

  private func masked(
    _ variables: [(String, String)], masking: Masking = .auto, secrets: [String] = []
  ) throws -> [String] {
    try spec(variables, masking: masking, secrets: secrets).maskedSecrets
      .map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
  }

  @Test(arguments: [
    "TOKEN", "ROLLBAR_TOKEN", "github_token", "Token2", "SECRET_KEY_BASE", "PGPASSWORD",
    "DB_PASSWD",
    "SSH_PASSPHRASE", "AWS_CREDENTIALS", "STRIPE_APIKEY", "STRIPE_API_KEY", "rails_master_key",
    "MYSQL_PWD", "SMTP_PASS", "NPM_AUTH", "PASS", "KEY", "PRIVATE_KEY_PEM",
  ])
  func namesLikeThisAreSecret(name: String) throws {
    #expect(try masked([(name, Self.value)]) == ["\(name)=\(Self.value)"])
  }

  @Test(arguments: [
    "PATH", "PWD", "OLDPWD", "HOME", "APP", "KEYBOARD", "MONKEY", "PASSENGER_ROOT", "AUTHOR",
    "RAILS_ENV", "LANG", "COMPASS",
  ])
  func othersAreNot(name: String) throws {
    #expect(try masked([(name, Self.value)]).isEmpty)
  }

  @Test(arguments: [
    ("TOKEN", "short77"), ("JWT_TOKEN_ENV", "production"), ("USE_TOKEN", "Required"),
    ("DB_PASSWORD", "password"), ("PGPASSWORD", "postgres"),
    ("SECRET_KEY_FILE", "/run/secrets/key"), ("TOKEN_URL", "https://example.com/token"),
    ("CREDENTIALS_PATH", "config/gcp.json"),
  ])
  func valuesThatShowNothingAreNot(name: String, value: String) throws {
    #expect(try masked([(name, value)]).isEmpty)
    // Whoever names it means it.
    if value.utf8.count >= 8 {
      #expect(try masked([(name, value)], secrets: [name]) == ["\(name)=\(value)"])
    }
  }

  @Test(arguments: [
    ("DATABASE_URL", "postgres://app:pa55word-1@db:5432/shop?x=y@z", ["pa55word-1"]),
    ("REDIS", "redis://:pa55word-1@redis:6379", ["pa55word-1"]),
    ("BROKERS", "amqp://u:pa55word-1@a,amqp://u:pa55word-2@b/x", ["pa55word-1", "pa55word-2"]),
    ("DATABASE_URL", "mysql://u:p%40ss%2Fword@db/x", ["p%40ss%2Fword", "p@ss/word"]),
    ("DATABASE_URL", "mysql://u:pa55/word#1@db/x", ["pa55/word#1"]),
    ("ORIGIN", "https://ghp_0123456789abcdef@example.com/x", ["ghp_0123456789abcdef"]),
    ("ORIGIN", "https://0123456789:x-oauth-basic@example.com/x", ["0123456789"]),
    ("MYSQL_DSN", "app:pa55word-1@tcp(db:3306)/shop", ["pa55word-1"]),
    ("PG_DSN", "host=db user=u password='pa55 word' dbname=x", ["pa55 word"]),
    ("X_CONNECTION_STRING", "Server=a;User Id=b;Pwd=pa55word-1;", ["pa55word-1"]),
    ("JDBC_URL", "jdbc:postgresql://db/x?user=u&password=pa55word-1&ssl=true", ["pa55word-1"]),
    ("DATABASE_URL", "postgres://a-user-of-a-db@db/x", []),
    ("DATABASE_URL", "postgres://app:short@db/x", []),
    ("SITE_URL", "https://example.com/a:b@c", []),
    ("ADMIN", "mail:someone@example.com", []),
  ])
  func passwordsInConnectionsAreSecret(name: String, value: String, passwords: [String]) throws {
    #expect(try masked([(name, value)]) == passwords.map { "\(name)=\($0)" })
  }

  @Test func modesSayWhatIsMasked() throws {
    let variables = [("TOKEN", Self.value), ("OTHER", "of-no-name")]
    #expect(try masked(variables, masking: .named).isEmpty)
    #expect(try masked(variables, masking: .named, secrets: ["OTHER"]) == ["OTHER=of-no-name"])
    #expect(
      try masked(variables, secrets: ["OTHER"]) == ["TOKEN=\(Self.value)", "OTHER=of-no-name"])
    #expect(try masked(variables, masking: .none, secrets: ["OTHER"]).isEmpty)
  }

  @Test func whatIsTooShortIsToldOnlyWhereItWasNamed() throws {
    let variables = [("TOKEN", "short77"), ("PIN", "1234"), ("EMPTY", ""), ("LONG", "12345678")]
    let names = ["PIN", "EMPTY", "LONG"]
    #expect(try spec(variables, secrets: names).unmaskableSecrets == ["PIN"])
    #expect(try spec(variables, masking: .none, secrets: names).unmaskableSecrets.isEmpty)
  }

  @Test func secretThatIsNotThereIsRefused() throws {
    try spec([("API_TOKEN", "x")], secrets: ["API_TOKEN"]).validate()
    let error = #expect(throws: SpecError.self) {
      try spec([("API_TOKEN", "x")], secrets: ["API_TOKNE"]).validate()
    }
    #expect(error?.message == "there is no variable 'API_TOKNE' to be secret")
    #expect(error?.remedy == "did you mean 'API_TOKEN'?")
  }
}
