import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct AppSecretTests {
    private let manifest = #"{"env": {"SIGNING": {"generator": "secret"}}}"#
    private let hash = "printf %s \"$SIGNING\" | sha256sum"

    private func app(_ command: String, manifest: String? = nil) throws -> String {
      try Workspace.current.release([
        "Procfile": "postdeploy: \(command)\n", "app.json": manifest ?? self.manifest,
      ])
    }

    private func hook(_ release: String, app: String = "shop", _ options: String...) throws
      -> Completion
    {
      try perform(
        ["hook", "--rootfs", Built.tiny, "--app-dir", release, "--app", app] + options)
    }

    private func directory(_ app: String) -> FilePath {
      Workspace.current.state.appending("apps").appending(app)
    }

    private func secrets(_ app: String) throws -> [String: String] {
      let file = directory(app).appending("secrets.json").string
      return try JSONDecoder().decode(
        [String: String].self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    }

    /// What the command prints of a value, which cannot be printed itself.
    private func hash(of value: String) throws -> String {
      try RunningProcess.output(["sh", "-c", "printf %s \(value) | sha256sum"])
        .split(separator: "\n").joined()
    }

    @Test func secretIsMadeOnceAndKeptWithTheApp() throws {
      let app = try app(hash)
      let first = try hook(app)
      #expect(first.end == .code(0), "\(first.errors)")
      let secret = try #require(try secrets("shop")["SIGNING"])
      #expect(secret.count == 64)
      #expect(secret.allSatisfy { "0123456789abcdef".contains($0) })
      #expect(first.written == [try hash(of: secret)])
      #expect(try hook(app).written == first.written)
      #expect(try hook(app, app: "other").written != first.written)
      let listing = try RunningProcess.output(["ls", "-A", directory("shop").string])
      #expect(!listing.contains("draft"), "\(listing)")
      for file in ["secrets.json", "secrets.lock"] {
        let mode = try RunningProcess.output(
          ["stat", "-c", "%a %U", directory("shop").appending(file).string])
        #expect(mode == "600 root\n", "\(file)")
      }
    }

    @Test func secretIsShownNowhere() throws {
      let app = try app("echo \"it is $SIGNING\"; env")
      let events = Workspace.current.path.appending("files/events").string
      let result = try hook(app, "--events", events)
      let secret = try #require(try secrets("shop")["SIGNING"])
      #expect(result.written.contains("it is [masked:SIGNING]"))
      #expect(result.written.contains("SIGNING=[masked:SIGNING]"))
      let told = try String(contentsOfFile: events, encoding: .utf8)
      #expect(told.contains("it is [masked:SIGNING]"))
      #expect(!(result.output + result.errors + told).contains(secret))
      let records = Workspace.current.state.appending("runs").string
      #expect(try !RunningProcess.output(["ls", records]).isEmpty)
      #expect(try RunningProcess.output(["grep", "-rl", secret, records]).isEmpty)
    }

    @Test func hooksAtOnceGetTheSameSecret() throws {
      let app = try app(hash)
      let outputs = try (0..<8).map { _ in try FileDescriptor.unnamedFile() }
      defer { for output in outputs { try? output.close() } }
      let processes = try outputs.map { output in
        try start(
          ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--app", "shop"], stdout: output,
          stderr: output)
      }
      for process in processes { #expect(try process.wait() == .code(0)) }
      let secret = try #require(try secrets("shop")["SIGNING"])
      let expected = "       " + (try hash(of: secret))
      for output in outputs {
        let text = String(decoding: try output.contents(), as: UTF8.self)
        #expect(text.split(separator: "\n").contains(expected[...]))
      }
    }

    @Test func otherSecretsStayWhenOneIsAdded() throws {
      _ = try hook(try app("true"))
      let before = try secrets("shop")
      let both = #"{"env": {"SIGNING": {"generator": "secret"}, "MORE": {"generator": "secret"}}}"#
      #expect(try hook(try app("true", manifest: both)).end == .code(0))
      let after = try secrets("shop")
      #expect(after["SIGNING"] == before["SIGNING"])
      #expect(after["MORE"]?.count == 64)
      #expect(after["MORE"] != after["SIGNING"])
    }

    @Test func secretThatIsSetIsNotMade() throws {
      let result = try hook(try app("echo $SIGNING"), "--env", "SIGNING=mine")
      #expect(result.written == ["mine"])
      #expect(!FileManager.default.fileExists(atPath: directory("shop").string))
    }

    @Test func nameThatCannotBeKeptIsAnErrorOnlyWhereASecretIs() throws {
      let app = try app("echo \"$APP\"")
      let names = ["../up", "my shop", ".", "a/b", String(repeating: "a", count: 65), ""]
      for name in names {
        let result = try hook(app, app: name)
        #expect(result.end == .code(125), "\(name)")
        #expect(result.errors.contains("app.json has a secret made for SIGNING"))
        #expect(result.errors.contains("hint: use 1 to 64 of"))
        #expect(!result.output.contains("Running"))
      }
      let unnamed = try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app])
      #expect(unnamed.end == .code(125))
      #expect(unnamed.errors.contains("which is kept with the app: it has no name"))
      #expect(unnamed.errors.contains("hint: name it with --app"))
      let kept = Workspace.current.state.appending("apps").string
      #expect(!FileManager.default.fileExists(atPath: kept))
      let plain = try self.app("echo \"$APP\"", manifest: "{}")
      #expect(try hook(plain, app: "my shop").written == ["my shop"])
    }

    @Test func fileThatIsNotOursStops() throws {
      let app = try app("true")
      _ = try hook(app)
      let file = directory("shop").appending("secrets.json").string
      let outside = try Workspace.current.write("outside", "{}")
      let cases = [
        ("printf broken >\"$0\"", "secrets.json is not what oneoff has written"),
        ("ln -sf '\(outside)' \"$0\"", "ELOOP"),
        ("rm \"$0\"; mkfifo \"$0\"", "EINVAL"),
      ]
      for (command, message) in cases {
        try RunningProcess.output(["sh", "-c", command, file])
        let result = try hook(app)
        #expect(result.end == .code(125))
        #expect(result.errors.contains(message), "\(result.errors)")
      }
      #expect(try String(contentsOfFile: outside, encoding: .utf8) == "{}")
    }

    @Test func draftOfSomebodyKilledIsNoObstacle() throws {
      let directory = directory("shop").string
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      let draft = directory + "/.secrets.draft"
      try Data(repeating: 97, count: 5000).write(to: URL(fileURLWithPath: draft))
      #expect(try hook(try app("true")).end == .code(0))
      #expect(try secrets("shop")["SIGNING"]?.count == 64)
    }
  }
}
