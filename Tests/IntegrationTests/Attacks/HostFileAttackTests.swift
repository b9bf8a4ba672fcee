import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

extension IntegrationTests {
  /// Ways out of the container's files: the host's program, leaked descriptors and directories, and
  /// what other runs have (docs/security.md, 1, 2, 24).
  @Suite struct HostFileAttackTests {
    @Test func hostsProgramIsNotOpenedThroughTheFirstProcess() throws {
      try expect(
        Attack("probe", "open", "/proc/1/exe", "r"), isDeniedWith: "EACCES",
        inHostsUserNamespace: true
      ) { $0.exposeFirstProcess() }
    }

    /// A layer whose programs are all the host's oneoff.
    private func layerOfOwnPrograms() throws -> String {
      let workspace = Workspace.current
      let layer = try workspace.make("files/own")
      try workspace.make("files/own/opt")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/opt/link", withDestinationPath: "/proc/self/exe")
      try workspace.write("own/opt/script", "#!/proc/self/exe\n", mode: 0o755)
      let long = String(repeating: "/.", count: 60)
      try workspace.write("own/opt/long", "#! /proc/self\(long)/exe x\n", mode: 0o755)
      try workspace.write("own/opt/second", "#!/opt/script\n", mode: 0o755)
      try workspace.write("own/opt/unreadable", "#!/proc/self/exe\n", mode: 0o111)
      return layer
    }

    @Test(arguments: ["/proc/self/exe", "/opt/link", "/opt/script", "/opt/long", "/opt/second"])
    func hostsProgramIsNotExecuted(path: String) throws {
      let result = try run(["--layer", layerOfOwnPrograms()], path, "version")
      #expect(result.status == 126)
      #expect(result.output == "")
      #expect(result.errors.contains("execve(2) of \(path): EPERM"))
      #expect(result.errors.contains("hint: it leads to the host's oneoff program"))
    }

    @Test func hostsProgramIsNotExecutedByAnUnreadableScript() throws {
      let result = try run(["--layer", layerOfOwnPrograms()], "/opt/unreadable", "version")
      #expect(result.status == 126)
      #expect(result.output == "")
      #expect(result.errors.contains("execve(2) of /opt/unreadable: EACCES"))
    }

    /// A program that executes what it is told, without that check, executes itself.
    @Test func programWithoutTheCheckExecutesItself() throws {
      let output = try RunningProcess.output(["setpriv", "/proc/self/exe", "--version"])
      #expect(output.contains("util-linux"))
    }

    // MARK: Descriptors and directories

    /// A directory of the host that a careless caller has left open under this number.
    private static let leaked: Int32 = 99

    @Test func descriptorOfTheCallerLeadsNowhere() throws {
      let workspace = Workspace.current
      try workspace.write("host/secret", "of the host")
      let directory = workspace.path.appending("files/host").string
      let wrapper = ["sh", "-c", "exec 9<'\(directory)'; exec \"$@\"", "sh"]
      let refused = try run([], wrapper: wrapper, "cat", "/proc/self/fd/9/secret")
      #expect(refused.status == 1)
      #expect(refused.output == "")

      let opened = try FileDescriptor.open(FilePath(directory), .readOnly, options: .directory)
      #expect(dup2(opened.rawValue, Self.leaked) == Self.leaked)
      try opened.close()
      defer { close(Self.leaked) }
      let attack = try Attack("cat", "/proc/self/fd/\(Self.leaked)/secret")
      #expect(try attack.without { _ in }.output == "")
      let read = try attack.without { try $0.leaveOut("close descriptors above 2") }
      #expect(read.output == "of the host", "\(read.errors)")
    }

    @Test func workingDirectoryOfADescriptorIsRefused() throws {
      let wrapper = ["sh", "-c", "exec 9</etc; exec \"$@\"", "sh"]
      let outside = try run(["--workdir", "/proc/self/fd/9"], wrapper: wrapper, "pwd")
      #expect(outside.status == 125)
      #expect(outside.errors.contains("getcwd(2) to enter /proc/self/fd/9: EXDEV"))
      // It is the place that is refused, and not the way to it.
      let inside = try run(["--workdir", "/proc/self/root/etc"], "probe", "cwd")
      #expect(inside["cwd"] == "/etc")
    }

    // MARK: What others have

    @Test func filesOfOthersAreNotThere() throws {
      let workspace = Workspace.current
      let secret = try workspace.write("other/release/secret", "another app's", mode: 0o644)
      let attack = try Attack("cat", secret) { spec in
        let own = FilePath(try workspace.make("files/own"))
        spec.volumes = [Volume(source: own, destination: "/data")]
      }
      #expect(try attack.onProgram().output == "")
      let shared = try attack.without { sequence in
        let host = FilePath("/")
        sequence.preparations.append(.volume(.volume(9), host, isReadOnly: true, idMap: nil))
        let place = LaunchPlan.Place("/home", below: .root)
        let pivot = sequence.plan.setup.firstIndex(of: .pivot) ?? 0
        sequence.plan.setup.insert(.attach(.volume(9), place), at: pivot)
        try sequence.replace("execute ") { operation in
          guard case .execute(var execution) = operation else { return operation }
          execution.arguments[1] = Array("/home\(secret)".utf8)
          return .execute(execution)
        }
      }
      #expect(shared.output == "another app's", "\(shared.errors)")
    }

    @Test func socketsAndRunsOfTheHostAreNotThere() throws {
      // With the host's own root file system as image, /run is the host's unless it is covered.
      let image = FilePath("/")
      let attack = try Attack("sh", "-c", "ls -A /run | wc -l") { $0.layers = [image] }
      #expect(try attack.onProgram().output == "0\n")
      let uncovered = try attack.without { sequence in
        sequence.plan.setup.removeAll { $0.description.hasSuffix("on /run") }
        try sequence.leaveOut("attach tmpfs 0")
      }
      #expect(uncovered.lines.first.flatMap { Int($0) } ?? 0 > 0, "\(uncovered.errors)")
    }
  }
}
