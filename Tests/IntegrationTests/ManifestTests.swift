import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct ManifestTests {
    private func app(_ files: [String: String]) throws -> String {
      try Workspace.current.release(files)
    }

    // MARK: Which command runs

    @Test func manifestNamesTheCommand() throws {
      let app = try app(["app.json": #"{"scripts": {"postdeploy": "echo \"$APP\" && pwd"}}"#])
      let result = try hook(app)
      #expect(result.end == .code(0), "\(result.errors)")
      #expect(
        result.lines.dropLast() == [
          #"-----> Running postdeploy hook of app.json (scripts.postdeploy): echo "$APP" && pwd"#,
          "       shop", "       /app",
        ])
    }

    @Test func procfileAndScalingoComeFirst() throws {
      let scripts = { (word: String) in #"{"scripts": {"postdeploy": "echo \#(word)"}}"# }
      var files = ["app.json": scripts("heroku"), "scalingo.json": scripts("scalingo")]
      #expect(try hook(try app(files)).written == ["scalingo"])
      files["Procfile"] = "web: x\n"
      #expect(try hook(try app(files)).written == ["scalingo"])
      files["Procfile"] = "postdeploy: echo procfile\n"
      let result = try hook(try app(files))
      #expect(
        result.lines.dropLast() == [
          "-----> Not used is scalingo.json (scripts.postdeploy): the Procfile has the phase, too",
          "-----> Running postdeploy hook of the Procfile: echo procfile", "       procfile",
        ])
      files["Procfile"] = "postdeploy echo procfile\n"
      let malformed = try hook(try app(files))
      #expect(malformed.end == .code(125))
      #expect(malformed.errors.contains("Procfile:1:11: expected ':'"))
    }

    @Test(arguments: ["first-deploy", "pr-predestroy", "dokku-predeploy", "dokku-postdeploy"])
    func phasesOfAManifestRunByName(phase: String) throws {
      let echo = "echo $CONTAINER_TYPE $CONTAINER"
      let app = try app([
        "app.json": """
        {"scripts": {"first-deploy": "\(echo)", "pr-predestroy": "\(echo)",
          "dokku": {"predeploy": "\(echo)", "postdeploy": "\(echo)"}}}
        """
      ])
      #expect(try hook(app, ["--phase", phase]).written == ["\(phase) \(phase)-1"])
      let absent = try hook(app)
      #expect(absent.end == .code(0))
      #expect(absent.lines == ["-----> No postdeploy hook in \(app)/app.json: nothing to run"])
    }

    @Test func manifestThatIsNoGood() throws {
      let cases = [
        (#"{"scripts": {"postdeploy": 5}}"#, "scripts.postdeploy: expected a string, found a num"),
        ("{", "is not JSON"),
        (String(repeating: "{", count: 10 << 20), "larger than 1M"),
        (String(repeating: "[", count: 1 << 20), "is not JSON, or nested too deeply"),
      ]
      for (text, message) in cases {
        let result = try hook(try app(["Procfile": "postdeploy: true\n", "app.json": text]))
        #expect(result.end == .code(125))
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(result.errors.contains("hint: "))
        #expect(!result.output.contains("Running"))
      }
    }

    @Test func manifestIsAFileOfTheRelease() throws {
      let outside = try Workspace.current.write(
        "outside.json", #"{"scripts": {"postdeploy": "echo outside"}}"#)
      let app = try app(["app.json": #"{"scripts": {"postdeploy": "echo inside"}}"#])
      try FileManager.default.createSymbolicLink(
        atPath: app + "/scalingo.json", withDestinationPath: outside)
      let result = try hook(app)
      // It is there, so that it counts: what it says must not be passed over.
      #expect(result.end == .code(125))
      #expect(result.errors.contains("scalingo.json' is a symbolic link that leads out of the"))
    }

    @Test func releaseWithoutAnyFile() throws {
      let result = try hook(try app([:]))
      #expect(result.end == .code(125))
      #expect(result.errors.contains("does not exist, and neither does scalingo.json or app.json"))
      #expect(result.errors.contains("hint: check the path"))
    }

    // MARK: Variables

    @Test func defaultsYieldToEverybody() throws {
      let app = try app([
        "app.json": #"""
        {"scripts": {"postdeploy": "echo \"$A $B $C $LANG $APP\""},
          "env": {"A": "manifest", "B": {"value": "manifest"}, "C": "manifest", "LANG": "C",
            "APP": "manifest"}}
        """#
      ])
      let file = try Workspace.current.write("app.env", "B=file\nC=file\n")
      let result = try hook(app, ["--env-file", file, "--env", "C=option"])
      #expect(result.written == ["manifest file option C shop"])
    }

    @Test func requiredVariablesStopTheHook() throws {
      let app = try app([
        "Procfile": "postdeploy: echo it runs\n",
        "app.json": #"""
        {"env": {"URL": {"description": "Where the database is"}, "NAME": {"required": true},
          "PORT": {"required": false}, "SET": {}}}
        """#,
      ])
      let result = try hook(app, ["--env", "SET="])
      #expect(result.end == .code(125))
      #expect(
        result.errors.contains(
          "requires variables that have no value:\n    NAME\n    URL: Where the database is\n"))
      #expect(!result.output.contains("it runs"))
      let complete = try hook(app, ["--env", "SET=", "--env", "NAME=n", "--env", "URL=u"])
      #expect(complete.written == ["it runs"])
      // What runs nothing needs nothing.
      #expect(try hook(app, ["--phase", "release"]).end == .code(0))
    }
  }
}
