import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// Apps in four languages, whose hooks migrate a database with what Debian has for it.
  @Suite(.requires(.fixture("rails"), .fixture("rails-app"), .postgres, .tool("/usr/bin/psql")))
  struct RealAppTests {
    /// An app of rootfs-fixtures.
    struct App: Sendable, CustomTestStringConvertible {
      var name: String
      /// What the log says about its hook.
      var hook: String
      /// Where in it the migrations are.
      var migrations: String
      /// The table that its first migration makes.
      var table: String
      /// The table of those that have been done, as far as they are the app's own.
      var done: String
      /// The status with which its language ends after an exception.
      var failure: Int32 = 1
      /// A name in what its hook writes into the release.
      var leaves: String?
      var testDescription: String { name }
    }

    static let apps = [
      App(
        name: "rails-app", hook: "the Procfile: bundle exec rake db:migrate",
        migrations: "db/migrate", table: "users", done: "schema_migrations"),
      App(
        name: "node-app", hook: "the Procfile: node migrate.js", migrations: "migrations",
        table: "node_users", done: "node_migrations"),
      App(
        name: "django-app",
        hook: "app.json (scripts.postdeploy): python3 manage.py migrate --no-input",
        migrations: "notes/migrations", table: "notes_note",
        done: "django_migrations where app = 'notes'", leaves: "__pycache__"),
      App(
        name: "php-app", hook: "the Procfile: php migrate.php", migrations: "migrations",
        table: "php_users", done: "php_migrations", failure: 255),
    ]

    /// A migration that fails keeps its release from going live, and changes nothing; once it is
    /// mended, the same release can be deployed.
    @Test(arguments: apps) func migrationDecidesWhetherAReleaseGoesLive(app: App) throws {
      try Database.with { database in
        let releases = try Releases(of: app, database)
        try releases.make("v1")
        let before = try releases.contents("v1")
        let changes = Workspace.current.path.appending("files/changes").string
        let first = try releases.deploy("v1", ["--changes", changes])
        #expect(first.end == .code(0), "\(first.output)\(first.errors)")
        #expect(
          first.lines.contains("-----> Running postdeploy hook of \(app.hook)"), "\(first.output)")
        #expect(releases.current == "v1")
        #expect(try database.query("select count(*) from \(app.table)") == "0")
        #expect(try database.query("select count(*) from \(app.done)") == "1")
        // What the hook has written into the release is thrown away.
        if let leaves = app.leaves {
          #expect(try String(contentsOfFile: changes, encoding: .utf8).contains(leaves))
        }
        #expect(try releases.contents("v1") == before)

        try releases.make("v2", failing: true)
        let schema = try releases.schema()
        let refused = try releases.deploy("v2")
        #expect(refused.end == .code(app.failure), "\(refused.output)\(refused.errors)")
        #expect(
          refused.lines.last?.hasPrefix(
            " !     v2 was not deployed (hook-error): The postdeploy hook failed with status "
              + "\(app.failure); v1 stays live") == true, "\(refused.output)")
        #expect(releases.current == "v1")
        #expect(try releases.schema() == schema)
        #expect(try releases.lastLog().contains("no_such_table"))

        try releases.mend("v2")
        let mended = try perform(["retry", "--app", app.name])
        #expect(mended.end == .code(0), "\(mended.output)\(mended.errors)")
        #expect(releases.current == "v2")
        #expect(try database.query("select count(nickname) from \(app.table)") == "0")
        #expect(try database.query("select count(*) from \(app.done)") == "2")

        let back = try perform(["rollback", "--app", app.name])
        #expect(back.end == .code(0), "\(back.output)\(back.errors)")
        #expect(releases.current == "v1")
        #expect(
          try releases.deployments().map(\.state) == [
            "success", "success", "hook-error", "success",
          ]
        )
      }
    }
  }
}

/// The releases of an app, in the workspace and in a database.
private struct Releases {
  let app: IntegrationTests.RealAppTests.App
  let database: Database
  private let environmentFile: String

  /// What `oneoff deploys --json` says about one of them.
  struct Deployment: Decodable {
    struct Phase: Decodable { var run: String? }
    var state: String
    var phases: [Phase]
  }

  init(of app: IntegrationTests.RealAppTests.App, _ database: Database) throws {
    self.app = app
    self.database = database
    try Workspace.current.make("files/releases")
    environmentFile = try Workspace.current.write(
      "environment", "DATABASE_URL=\(database.address)\nRAILS_ENV=production\n", mode: 0o600)
  }

  private var source: String { Built.package.appending("rootfs-fixtures/\(app.name)").string }

  private func directory(of version: String) -> String {
    Workspace.current.path.appending("files/releases/\(version)").string
  }

  /// Makes one, which is user 1000's.
  func make(_ version: String, failing: Bool = false) throws {
    let directory = directory(of: version)
    let isBuilt = app.name == "rails-app"
    try succeed("cp", "-R", isBuilt ? Built.fixture(app.name) : source, directory)
    if failing { try succeed("cp", "-R", "\(source)/failing/.", "\(directory)/\(app.migrations)") }
    try succeed("chown", "-R", "1000:1000", directory)
  }

  /// Has the failing migration change what is there.
  func mend(_ version: String) throws {
    let migrations = "\(directory(of: version))/\(app.migrations)"
    for name in HostSnapshot.entries("\(source)/failing") {
      try succeed(
        "sed", "-i", "-e", "/:no_such_table/d", "-e", "s/no_such_table/\(app.table)/",
        "\(migrations)/\(name)")
    }
  }

  private func succeed(_ arguments: String...) throws {
    let done = try RunningProcess.completion(arguments)
    try #require(done.end == .code(0), "\(arguments): \(done.errors)")
  }

  /// Every file of a release with its checksum and its owner.
  func contents(_ version: String) throws -> String {
    let script =
      "cd \"$1\" && find . -printf '%p %u %m %T@\\n' | sort && "
      + "find . -type f -exec cksum {} + | sort"
    let done = try RunningProcess.completion(["sh", "-c", script, "sh", directory(of: version)])
    #expect(done.end == .code(0), "\(done.errors)")
    return done.output
  }

  func deploy(_ version: String, _ more: [String] = []) throws -> Completion {
    try perform(
      [
        "deploy", "--app", app.name, "--release", version, "--rootfs", Built.fixture("rails"),
        "--app-dir", directory(of: version), "--env-file", environmentFile,
      ] + more)
  }

  /// The release that is live.
  var current: String? {
    let link = Workspace.current.state.appending("apps/\(app.name)/current").string
    let path = try? RunningProcess.output(["readlink", "-e", link])
    return path.flatMap { FilePath($0.trimmingCharacters(in: .newlines)).lastComponent?.string }
  }

  /// All of them, the newest first.
  func deployments() throws -> [Deployment] {
    let done = try perform(["deploys", "--app", app.name, "--json"])
    return try decodedLines(of: done.output, as: Deployment.self)
  }

  /// What the last hook has written, as it is kept.
  func lastLog() throws -> String {
    let run = try #require(try deployments().first?.phases.last?.run)
    let done = try perform(["logs", run])
    return done.output + done.errors
  }

  /// All tables with their columns, and which migrations have been done.
  func schema() throws -> String {
    try database.query(
      """
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' order by 1, 2
      """) + database.query("select * from \(app.done)")
  }
}
