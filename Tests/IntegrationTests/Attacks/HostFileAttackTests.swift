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
        Attack("sh", "-c", onceFirstProcessIsConfined("probe open /proc/1/exe r")),
        isDeniedWith: "EACCES", inHostsUserNamespace: true
      ) { try $0.exposeFirstProcess() }
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

    private func withLeakedDirectory(_ directory: String, _ body: () throws -> Void) throws {
      let opened = try FileDescriptor.open(FilePath(directory), .readOnly, options: .directory)
      #expect(dup2(opened.rawValue, Self.leaked) == Self.leaked)
      try opened.close()
      defer { close(Self.leaked) }
      try body()
    }

    @Test func descriptorOfTheCallerLeadsNowhere() throws {
      let workspace = Workspace.current
      try workspace.write("host/secret", "of the host")
      let directory = workspace.path.appending("files/host").string
      let wrapper = ["sh", "-c", "exec 9<'\(directory)'; exec \"$@\"", "sh"]
      let refused = try run([], wrapper: wrapper, "cat", "/proc/self/fd/9/secret")
      #expect(refused.status == 1)
      #expect(refused.output == "")

      try withLeakedDirectory(directory) {
        let attack = try Attack("cat", "/proc/self/fd/\(Self.leaked)/secret")
        #expect(try attack.without { _ in }.output == "")
        let read = try attack.without { try $0.leaveOut("close descriptors above 2") }
        #expect(read.output == "of the host", "\(read.errors)")
      }
    }

    /// Descriptors that are closed on execution are too late for the execution's own path.
    @Test func programOfTheHostIsNotReachedOverADescriptor() throws {
      let workspace = Workspace.current
      let host = try workspace.make("files/host")
      try FileManager.default.copyItem(atPath: Built.fixture("probe"), toPath: host + "/program")
      let layer = FilePath(try workspace.make("files/layer"))
      try FileManager.default.createSymbolicLink(
        atPath: layer.appending("program").string,
        withDestinationPath: "/proc/self/fd/\(Self.leaked)/program")
      try withLeakedDirectory(host) {
        let attack = try Attack("/program", "exit", "7") { $0.layers.append(layer) }
        #expect(try attack.without { _ in }.status == 125)
        let executed = try attack.without { try $0.leaveOut("close descriptors above 2") }
        #expect(executed.status == 7, "\(executed.errors)")
      }
    }

    @Test func workingDirectoryOfADescriptorIsRefused() throws {
      let wrapper = ["sh", "-c", "exec 9</etc; exec \"$@\"", "sh"]
      let closed = try run(["--workdir", "/proc/self/fd/9"], wrapper: wrapper, "pwd")
      #expect(closed.status == 125)
      #expect(closed.errors.contains("chdir(2) to enter /proc/self/fd/9: ENOENT"))
      // Were it open, where it leads to would be refused, and not the way to it.
      try withLeakedDirectory("/etc") {
        let attack = try Attack("pwd") {
          $0.workingDirectory = FilePath("/proc/self/fd/\(Self.leaked)")
        }
        let refused = try attack.without { try $0.leaveOut("close descriptors above 2") }
        #expect(refused.status == 125)
        #expect(refused.errors.contains("getcwd(2) to enter /proc/self/fd/\(Self.leaked): EXDEV"))
      }
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
        sequence.preparations.append(
          .volume(.volume(9), host, isReadOnly: true, idMap: nil, submounts: false))
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
