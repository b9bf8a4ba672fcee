import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What is refused without root, in words, and which directories are not trusted.
  @Suite(.requires(.tool("/usr/bin/setpriv"), .userNamespaces))
  struct RootlessRefusalTests {
    private func expectRefusal(
      _ result: Completion, _ message: String, _ hint: String,
      _ location: SourceLocation = #_sourceLocation
    ) {
      #expect(result.end == .code(125), sourceLocation: location)
      #expect(result.errors.contains(message), "\(result.errors)", sourceLocation: location)
      #expect(
        result.errors.contains("hint: ") && result.errors.contains(hint), "\(result.errors)",
        sourceLocation: location)
    }

    @Test(arguments: OrdinaryUser.allCases)
    func whatNeedsRootIsRefused(user: OrdinaryUser) throws {
      expectRefusal(
        try user.run(["--userns", "host"], "true"), "--userns host needs root", "your own id")
      expectRefusal(
        try user.run(["--network", "path:/proc/self/ns/net"], "true"),
        "--network path:/proc/self/ns/net needs root", "--network none or --network host")
      expectRefusal(
        try user.perform(
          runArguments(
            ["--layer", OrdinaryUser.rootfs()], rootfs: "/", command: ["true"])),
        "--rootfs / with further layers needs root", "volumes instead of layers")
    }

    @Test func singleIDIsNotForRoot() throws {
      expectRefusal(
        try run(["--userns", "single"], "true"), "--userns single is for ordinary users",
        "leave it out")
    }

    @Test func userThatIsNotMappedIsRefused() throws {
      expectRefusal(
        try OrdinaryUser.subordinate.run(["--user", "65536"], "true"),
        "user 65536:0 is outside of the run's ids", "another user, or --userns single")
      let works = try OrdinaryUser.subordinate.run(["--userns", "single", "--user", "65536"], "id")
      #expect(works.output.hasPrefix("uid=65536 "), "\(works.errors)")
    }

    @Test func programThatMapsIDsMayRefuse() throws {
      // As under systemd's NoNewPrivileges=: a set-user-id program gets no rights.
      let bound = ["setpriv", "--no-new-privs"]
      let arguments = runArguments([], rootfs: try OrdinaryUser.rootfs(), command: ["id", "-u"])
      let program = try OrdinaryUser.subordinate.wrapper() + bound + [OrdinaryUser.program()]
      expectRefusal(
        try RunningProcess.completion(program + arguments), "newuidmap to map the ids of subuid(5)",
        "--userns single does without it")
      let single = try RunningProcess.completion(
        program
          + runArguments(
            ["--userns", "single"], rootfs: OrdinaryUser.rootfs(), command: ["id", "-u"]))
      #expect(single.output == "0\n", "\(single.errors)")
    }

    @Test func layerBelowWhichSomethingIsMountedIsRefused() throws {
      let rootfs = try OrdinaryUser.rootfs()
      let script = "mount -t tmpfs none \"$0/home\"; exec \"$@\""
      let covering = ["unshare", "--mount", "sh", "-c", script]
      expectRefusal(
        try OrdinaryUser.single.perform(
          runArguments([], rootfs: rootfs, command: ["true"]), behind: covering + [rootfs]),
        "open_tree(2) of \(rootfs): EINVAL", "another file system is mounted below")
    }

    @Test func procThatIsPartlyCoveredIsExplained() throws {
      let covering = [
        "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc/sys; exec \"$@\"", "sh",
      ]
      expectRefusal(
        try OrdinaryUser.single.perform(
          runArguments([], rootfs: OrdinaryUser.rootfs(), command: ["true"]), behind: covering),
        "fsmount(2) to mount proc", "parts of the host's own proc are covered")
    }

    @Test func volumeBringsTheMountsBelowIt() throws {
      let volume = try Workspace.current.make("files/volume", owner: OrdinaryUser.id)
      try Workspace.current.make("files/volume/below", owner: OrdinaryUser.id)
      try Workspace.current.write("volume/below/hidden", "x")
      let covering = [
        "unshare", "--mount", "sh", "-c",
        "mount -t tmpfs none \"$0/below\"; touch \"$0/below/shown\"; exec \"$@\"", volume,
      ]
      let result = try OrdinaryUser.single.perform(
        runArguments(
          ["--volume", "\(volume):/data:ro"], rootfs: OrdinaryUser.rootfs(),
          command: ["sh", "-c", "ls /data/below; touch /data/below/x"]), behind: covering)
      #expect(result.lines == ["shown"])
      #expect(result.errors.contains("Read-only file system"))
    }

    // MARK: Directories

    private func plainRun(_ variables: [String] = []) throws -> Completion {
      try RunningProcess.completion(
        OrdinaryUser.single.wrapper() + ["env", "-u", "ONEOFF_RUNTIME_DIR"] + variables
          + [OrdinaryUser.program()]
          + runArguments([], rootfs: OrdinaryUser.rootfs(), command: ["echo", "ran"]))
    }

    private static let directory = "/tmp/oneoff-\(OrdinaryUser.id)"

    @Test func slotsAreInTheSessionsDirectory() throws {
      let session = try Workspace.current.make("files/session", mode: 0o700, owner: OrdinaryUser.id)
      #expect(try plainRun(["XDG_RUNTIME_DIR=\(session)"]).output == "ran\n")
      #expect(HostSnapshot.entries("\(session)/oneoff/slots").count == 1)
      #expect(!FileManager.default.fileExists(atPath: Self.directory))
    }

    @Test func directoryOfAnotherSessionIsNotUsed() throws {
      defer { try? FileManager.default.removeItem(atPath: Self.directory) }
      let other = try Workspace.current.make("files/other", mode: 0o777, owner: OrdinaryUser.id)
      #expect(try plainRun(["XDG_RUNTIME_DIR=\(other)"]).output == "ran\n")
      #expect(HostSnapshot.entries(other).isEmpty)
      #expect(HostSnapshot.entries("\(Self.directory)/slots").count == 1)
      #expect(try OrdinaryUser.owner(of: Self.directory) == "61234:61234")
      let mode = try FileManager.default.attributesOfItem(atPath: Self.directory)[.posixPermissions]
      #expect(mode as? Int == 0o700)
    }

    @Test func directoryThatSomebodyElseHasMadeIsRefused() throws {
      defer { try? FileManager.default.removeItem(atPath: Self.directory) }
      let files = FileManager.default
      // Another's; one that others may write to; a link to one that would be good.
      try files.createDirectory(atPath: Self.directory, withIntermediateDirectories: false)
      expectRefusal(try plainRun(), "\(Self.directory) is not a directory that only", "remove it")
      try RunningProcess.output(["chown", "\(OrdinaryUser.id)", Self.directory])
      try RunningProcess.output(["chmod", "0770", Self.directory])
      expectRefusal(try plainRun(), "\(Self.directory) is not a directory that only", "remove it")
      try files.removeItem(atPath: Self.directory)
      let own = try Workspace.current.make("files/own", mode: 0o700, owner: OrdinaryUser.id)
      try files.createSymbolicLink(atPath: Self.directory, withDestinationPath: own)
      let link = try plainRun()
      #expect(link.end == .code(125))
      #expect(link.errors.contains("open(2) of \(Self.directory): "), "\(link.errors)")
      #expect(HostSnapshot.entries(own).isEmpty)
    }
  }
}
