import ContainerSpec
import SystemPackage
import Testing

@Suite struct UserTests {
  @Test(
    arguments: [
      ("0", UserReference(user: .id(0))), ("4294967294", UserReference(user: .id(4_294_967_294))),
      ("www-data", UserReference(user: .name("www-data"))),
      ("_apt:adm", UserReference(user: .name("_apt"), group: .name("adm"))),
      ("1000:0", UserReference(user: .id(1000), group: .id(0))),
      ("pc$:7", UserReference(user: .name("pc$"), group: .id(7))),
    ] as [(ByteString, UserReference)])
  func readsReferences(text: ByteString, reference: UserReference) throws {
    #expect(try UserReference(parsing: text) == reference)
  }

  @Test(
    arguments: [
      "", "-1", "+1", " 1", "1 ", "1abc", "4294967295", "4294967296", "18446744073709551616", "0x0",
      "00", "01", "1.5", ":", "a:", ":a", "1:-1", "1:4294967295", "root:1abc", "a b", "a/b", "é",
      "0:0:0", "-", "a\n", "٣",
    ] as [ByteString])
  func refusesOthersInsteadOfFallingBackToRoot(text: ByteString) {
    #expect(throws: SpecError.self) { try UserReference(parsing: text) }
  }

  static let passwd = """
    # comment:x:5:5
    root:x:0:0:root:/root:/bin/sh
    evil:x:-1:0::/:/bin/sh
    wide:x:4294967296:0::/:/bin/sh
    blank:x::::/:/bin/sh
    lead:x: 0:0::/:/bin/sh
    short:x
    +nis:x:0:0:::
    app:x:1000:1001:App:/home/app:/bin/bash
    app:x:0:0:second:/root:/bin/sh
    nohome:x:7:7
    relative:x:8:8::home:/bin/sh\r
    """
  static let group = """
    root:x:0:
    adm:x:4:syslog,app
    sudo:x:27:app
    also:x:27:app
    bad:x:-1:app
    own:x:1001:app
    most:x:50:apple
    last:x:60:x,app\r
    """

  func resolve(_ text: ByteString) throws -> ResolvedUser {
    try AccountDatabase(passwd: Array(Self.passwd.utf8), group: Array(Self.group.utf8))
      .resolve(UserReference(parsing: text))
  }

  @Test(
    arguments: [
      ("root", ResolvedUser(uid: 0, gid: 0, supplementaryGroups: [0], home: "/root")),
      (
        "app",
        ResolvedUser(
          uid: 1000, gid: 1001, supplementaryGroups: [1001, 4, 27, 60], home: "/home/app")
      ),
      (
        "1000",
        ResolvedUser(
          uid: 1000, gid: 1001, supplementaryGroups: [1001, 4, 27, 60], home: "/home/app")
      ),
      ("app:adm", ResolvedUser(uid: 1000, gid: 4, supplementaryGroups: [4], home: "/home/app")),
      ("app:77", ResolvedUser(uid: 1000, gid: 77, supplementaryGroups: [77], home: "/home/app")),
      ("4242", ResolvedUser(uid: 4242, gid: 0, supplementaryGroups: [0])),
      ("nohome", ResolvedUser(uid: 7, gid: 7, supplementaryGroups: [7])),
      ("relative", ResolvedUser(uid: 8, gid: 8, supplementaryGroups: [8])),
    ] as [(ByteString, ResolvedUser)])
  func looksUsersUp(text: ByteString, user: ResolvedUser) throws {
    #expect(try resolve(text) == user)
  }

  @Test(
    arguments: [
      ("apq", "no user 'apq'", "did you mean 'app'?"),
      ("nobody", "no user 'nobody'", "/etc/passwd"),
      ("evil", "no user 'evil'", "/etc/passwd"), ("wide", "no user 'wide'", "/etc/passwd"),
      ("blank", "no user", "/etc/passwd"), ("lead", "no user", "/etc/passwd"),
      ("short", "no user", "/etc/passwd"), ("nis", "no user", "/etc/passwd"),
      ("app:amd", "no group 'amd'", "did you mean 'adm'?"), ("app:bad", "no group", "/etc/group"),
    ] as [(ByteString, String, String)])
  func refusesUnknownAndMalformedAccounts(text: ByteString, message: String, remedy: String) {
    let error = #expect(throws: SpecError.self) { try resolve(text) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.remedy?.contains(remedy) == true, "\(error?.remedy ?? "")")
  }

  @Test func refusesHugeDatabases() throws {
    let huge = [UInt8](repeating: UInt8(ascii: "a"), count: AccountDatabase.maximumSize + 1)
    #expect(throws: SpecError.self) { try AccountDatabase(passwd: huge, group: []) }
    #expect(throws: SpecError.self) { try AccountDatabase(passwd: [], group: huge) }
  }

  @Test func refusesMoreGroupsThanAProcessCanHave() throws {
    let lines = (1...65_537).map { "g::\($0):u" }.joined(separator: "\n")
    let database = try AccountDatabase(
      passwd: Array("u:x:1:1".utf8), group: Array(lines.utf8))
    #expect(throws: SpecError.self) { _ = try database.resolve(.init(user: .name("u"))) }
    let user = try database.resolve(UserReference(user: .name("u"), group: .id(5)))
    #expect(user.supplementaryGroups == [5])
  }
}
