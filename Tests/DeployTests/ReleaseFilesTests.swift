import ContainerSpec
import Deploy
import SystemPackage
import Testing

@Suite struct ReleaseFilesTests {
  private func files(
    procfile: String? = nil, manifest: String? = nil, name: String = "app.json"
  ) throws -> ReleaseFiles {
    let directory: FilePath = "/srv/app"
    return try ReleaseFiles(
      procfile: try procfile.map {
        try Procfile.parse(Array($0.utf8), path: directory.appending("Procfile"))
      },
      manifest: try manifest.map {
        try AppManifest.parse(Array($0.utf8), path: directory.appending(name))
      }, of: directory)
  }

  private let both = #"{"scripts": {"postdeploy": "later", "first-deploy": "first"}}"#

  @Test func procfileComesFirst() throws {
    let files = try files(procfile: "web: x\npostdeploy: rake $X\n", manifest: both)
    let command = try #require(try files.command(for: .postdeploy, isFirstDeployment: false))
    #expect(command.command == "rake $X")
    #expect(command.source == .procfile(TextPosition(line: 2, column: 1)))
    #expect(
      command.note == "Not used is app.json (scripts.postdeploy): the Procfile has the phase, too")
    #expect(command.step == "Running postdeploy hook of the Procfile: rake $X")
  }

  @Test(arguments: [nil, "web: x\n"])
  func manifestHasWhatTheProcfileHasNot(procfile: String?) throws {
    let files = try files(procfile: procfile, manifest: both, name: "scalingo.json")
    let command = try #require(try files.command(for: .postdeploy, isFirstDeployment: false))
    #expect(command.note == nil)
    #expect(command.step == "Running postdeploy hook of scalingo.json (scripts.postdeploy): later")
    #expect(try files.command(for: .prPredestroy, isFirstDeployment: false) == nil)
  }

  @Test func firstDeploymentHasACommandOfItsOwn() throws {
    for procfile in [nil, "postdeploy: rake\n"] {
      let files = try files(procfile: procfile, manifest: both)
      let command = try #require(try files.command(for: .postdeploy, isFirstDeployment: true))
      #expect(command.phase == .firstDeploy)
      #expect(command.command == "first")
      let byName = try files.command(for: .firstDeploy, isFirstDeployment: false)
      #expect(byName == command)
      #expect(try files.command(for: .prPredestroy, isFirstDeployment: true) == nil)
    }
    let plain = try files(procfile: "postdeploy: rake\n")
    let command = try #require(try plain.command(for: .postdeploy, isFirstDeployment: true))
    #expect(command.phase == .postdeploy)
    let named = try files(procfile: "first-deploy: setup\n", manifest: both)
    #expect(
      try named.command(for: .postdeploy, isFirstDeployment: true)?.command == "setup")
  }

  @Test(arguments: [false, true])
  func malformedLineStopsWhateverTheManifestSays(isFirst: Bool) throws {
    let files = try files(procfile: "web: x\npostdeploy rake\n", manifest: both)
    let error = try #require(throws: SpecError.self) {
      try files.command(for: .postdeploy, isFirstDeployment: isFirst)
    }
    #expect(error.message.hasPrefix("/srv/app/Procfile:2:"))
    #expect(try files.command(for: .firstDeploy, isFirstDeployment: false)?.command == "first")
  }

  @Test func releaseWithoutFilesWasNotPutTogether() throws {
    let error = try #require(throws: SpecError.self) { try files() }
    #expect(error.message.contains("the Procfile '/srv/app/Procfile' does not exist"))
    #expect(error.message.contains("scalingo.json or app.json"))
    #expect(error.remedy?.contains("not put together") == true)
  }

  @Test func absenceNamesTheFilesAndWhatMayBeASlip() throws {
    let slips = #"{"scripts": {"post-deploy": "x"}}"#
    let absence = try files(procfile: "web: x\n", manifest: slips).absence(of: .postdeploy)
    #expect(
      absence.step
        == "No postdeploy hook in /srv/app/Procfile or /srv/app/app.json: nothing to run")
    #expect(absence.slip == "Its entry 'post-deploy' may be a slip of 'postdeploy'")
    let plain = try files(manifest: #"{"scripts": {"first-deploy": "x"}}"#).absence(of: .postdeploy)
    #expect(plain.step == "No postdeploy hook in /srv/app/app.json: nothing to run")
    #expect(plain.slip == nil)
  }
}
