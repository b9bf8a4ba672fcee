import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// Those who cannot be told of a deployment, which changes nothing of it.
  @Suite(.requires(.tool("/usr/bin/python3"), .tool("/usr/bin/curl"))) struct UntoldTests {
    private let shop = Shop()

    @Test func whatPassesIsTriedAgainAndWhatDoesNotIsNot() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let done = try shop.deploy(
          "v1",
          ["--notify", "\(receiver.address)/later/2", "--notify", "\(receiver.address)/status/404"])
        #expect(done.end == .code(0))
        let requests = try receiver.requests
        #expect(
          requests.map(\.path) == [
            "/later/2", "/later/2", "/later/2", "/status/404", "/later/2", "/status/404",
          ])
        // Whoever is told twice knows it by the id.
        let ids = try requests.map { try jsonObject($0.body.utf8)["id"] as? String }
        #expect(Set(ids.prefix(4)).count == 1 && Set(ids.suffix(2)).count == 1)
        #expect(ids.first != ids.last)
        let warning =
          " !     warning: \(receiver.address)/… was not told: it answered with status 404"
        #expect(done.lines.count { $0 == warning } == 2, "\(done.output)")
        #expect(done.lines.count { $0.contains("was not told") } == 2)
      }
    }

    @Test func threeTrialsAreTheMost() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let done = try shop.deploy("v1", ["--notify", "\(receiver.address)/status/503"])
        #expect(done.end == .code(0))
        #expect(
          try receiver.requests.map(\.occasion)
            == Array(repeating: "started", count: 3) + Array(repeating: "finished", count: 3))
      }
    }

    @Test func whoNeverAnswersIsNotWaitedForLong() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        // A single answer would take a minute, and a program is not waited for so long.
        let done = try shop.deploy("v1", ["--notify", "\(receiver.address)/never/started"])
        #expect(done.end == .code(0))
        #expect(shop.current == "v1")
        let occasions = try receiver.requests.map(\.occasion)
        #expect(occasions.last == "finished")
        #expect((2...3).contains(occasions.count { $0 == "started" }))
        let warnings = done.lines.filter { $0.contains("was not told: curl: (28)") }
        #expect(warnings.count == 1, "\(done.output)")
      }
    }

    @Test func commandThatDoesNotEndIsEnded() throws {
      try shop.release("v1")
      let done = try shop.deploy(
        "v1", ["--notify-exec", "read -r x; case $x in *.started.*) echo waiting; sleep 60;; esac"])
      #expect(done.end == .code(0))
      #expect(done.written.contains("waiting"))
      let warning = " !     warning: --notify-exec was not told: it took longer than 15s"
      #expect(done.lines.count { $0 == warning } == 1, "\(done.output)")
    }

    @Test func whoIsNotThereChangesNothing() throws {
      try shop.release("v1")
      let done = try shop.deploy("v1", ["--notify", "http://user:pw@127.0.0.1:1/hidden?t=1"])
      #expect(done.end == .code(0))
      #expect(shop.current == "v1")
      #expect(done.output.contains("warning: http://127.0.0.1:1/… was not told: curl: (7)"))
      let all = done.output + done.errors
      #expect(!all.contains("pw@") && !all.contains("t=1") && !all.contains("hidden"))
    }

    @Test func withoutCurlItIsSaidWhatToDo() throws {
      try shop.release("v1")
      let file = Workspace.current.path.appending("files/told").string
      let empty = try Workspace.current.make("files/no-programs")
      let done = try shop.deploy(
        "v1",
        ["--notify", "http://127.0.0.1:1/x", "--notify-exec", "read -r x; echo $x >> \(file)"],
        environment: ["PATH": empty])
      #expect(done.end == .code(0), "\(done.errors)")
      let warning =
        " !     warning: http://127.0.0.1:1/… was not told: curl, which does it, is not "
        + "installed: install it, or use --notify-exec"
      #expect(done.lines.count { $0 == warning } == 2, "\(done.output)")
      #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 2)
    }

    // MARK: Told to end

    @Test func whoAsksForTheEndDoesNotWaitForOthers() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let process = try RunningProcess.quiet(
          [Built.program, "deploy"] + shop.options("v1")
            + [
              "--notify", "\(receiver.address)/never/started", "--notify",
              "\(receiver.address)/second",
            ])
        try waitUntil { try receiver.requests.count == 1 }
        process.send(SIGTERM)
        #expect(try process.wait() == .code(143))
        #expect(try shop.state() == "aborted")
        // The others are not told that it has begun, but everybody that it is over.
        #expect(
          try receiver.requests.map { "\($0.path) \($0.occasion ?? "")" } == [
            "/never/started started", "/never/started finished", "/second finished",
          ])
      }
    }

    @Test func whoAsksTwiceDoesNotWaitForTheReportOfTheEnd() throws {
      try Receiver.with { receiver in
        let file = Workspace.current.path.appending("files/told").string
        try shop.release("v1")
        let process = try RunningProcess.quiet(
          [Built.program, "deploy"] + shop.options("v1", steps: ["boot": "sleep 60"])
            + [
              "--notify", "\(receiver.address)/never/finished", "--notify",
              "\(receiver.address)/second", "--notify-exec", "cat >> \(file)",
            ])
        try waitUntil { shop.calls.contains("boot v1") }
        process.send(SIGINT)
        try waitUntil { try receiver.requests.last?.occasion == "finished" }
        process.send(SIGINT)
        #expect(try process.wait() == .code(130))
        #expect(try shop.state() == "aborted")
        #expect(
          try receiver.requests.map { "\($0.path) \($0.occasion ?? "")" } == [
            "/never/finished started", "/second started", "/never/finished finished",
          ])
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains(".started."))
        #expect(try !String(contentsOfFile: file, encoding: .utf8).contains(".finished."))
      }
    }

    // MARK: What curl is not to do

    @Test func curlDoesWhatItIsToldAndNothingElse() throws {
      try Receiver.with { receiver in
        try shop.release("v1")
        let home = try Workspace.current.make("files/home")
        try Workspace.current.write("home/.curlrc", "url = \(receiver.address)/curlrc\nlocation\n")
        let done = try shop.deploy(
          "v1",
          ["--notify", "\(receiver.address)/away", "--notify", "\(receiver.address)/{a,b}[1-2]"],
          environment: ["HOME": home, "CURL_HOME": home])
        #expect(done.end == .code(0))
        #expect(
          try receiver.requests.map(\.path) == ["/away", "/{a,b}[1-2]", "/away", "/{a,b}[1-2]"])
        let warning =
          " !     warning: \(receiver.address)/… was not told: it answered with status 307"
        #expect(done.lines.count { $0 == warning } == 2, "\(done.output)")
      }
    }

    // MARK: Before anything is begun

    private static let gitHub = ["--github", "a/b", "--github-deployment", "7"]

    @Test(arguments: [
      (["--github", "a/b"], [:], "--github takes the deployment, too"),
      (["--github-deployment", "7"], [:], "--github-deployment takes the repository, too"),
      (["--github-deployment", "0"], [:], "'0' is not the number of a deployment"),
      (["--github", "a"], [:], "'a' is no repository of GitHub's"),
      (gitHub, [:], "--github takes a token"),
      (gitHub, ["GITHUB_TOKEN": "a b"], "--github takes a token"),
      (
        gitHub, ["GITHUB_TOKEN": "t", "GITHUB_API_URL": "file:///x"],
        "GITHUB_API_URL is 'file:///x', and no URL"
      ),
      (["--log-url", "https://x/y"], [:], "--log-url is for a deployment on GitHub"),
      (["--notify", "example.org"], [:], "that is no URL of http or https"),
      (["--notify-exec", ""], [:], "the command is empty"),
      (["--notify-secret-file", "/dev/null"], [:], "--notify-secret-file signs what --notify"),
      (
        ["--notify", "http://x", "--notify-secret-file", "/dev/null"], [:],
        "the first line of /dev/null is empty"
      ),
      (
        ["--notify", "http://x", "--notify-secret-file", "/missing"], [:],
        "the secret file '/missing' does not exist"
      ),
    ])
    func whatCannotBeSentStopsADeployment(
      options: [String], environment: [String: String], error: String
    ) throws {
      try shop.release("v1")
      let done = try shop.deploy("v1", options, environment: environment)
      #expect(done.end == .code(125))
      #expect(done.errors.contains(": \(error)"), "\(done.errors)")
      #expect(done.errors.contains("hint: "))
      #expect(shop.calls.isEmpty)
      #expect(!FileManager.default.fileExists(atPath: shop.kept.string))
    }

    /// Nobody is kept from going back because of a token that was CI's.
    @Test func rollbackGoesOnWithoutTheToken() throws {
      try Receiver.with { receiver in
        let environment = ["GITHUB_API_URL": "\(receiver.address)/api", "GITHUB_TOKEN": "t"]
        let secret = try Workspace.current.write("secret", "s3cret\n")
        for version in ["v1", "v2"] {
          try shop.release(version)
          let done = try shop.deploy(
            version,
            Self.gitHub + [
              "--notify", receiver.address, "--notify-secret-file", secret, "--notify-exec",
              "echo told",
            ], environment: environment)
          #expect(done.end == .code(0), "\(done.errors)")
        }
        let before = try receiver.requests.count
        try FileManager.default.removeItem(atPath: secret)
        let done = try perform(["rollback", "--app", shop.name])
        #expect(done.end == .code(0), "\(done.errors)")
        #expect(shop.current == "v1")
        #expect(done.lines.contains(" !     warning: GitHub is not told: --github takes a token"))
        #expect(
          done.lines.contains(
            " !     warning: --notify tells nobody: the secret file '\(secret)' does not exist"),
          "\(done.output)")
        #expect(done.written.filter { $0 == "told" }.count == 2)
        // Nothing unsigned is sent instead.
        #expect(try receiver.requests.count == before)
      }
    }
  }
}
