import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// A scratch on disk that is larger than what the host's disk has room for.
  @Suite(.requires(.diskScratch)) struct FullDiskTests {
    private struct Lost: Decodable {
      var status: Int
      var scratch_lost: Bool?
    }

    /// Runs a command whose scratch is on a disk of 96 MiB, in a mount namespace of its own.
    private func runOnSmallDisk(
      _ options: [String], _ command: [String]
    ) throws -> (completion: Completion, result: Lost) {
      let files = Workspace.current.path.appending("files").string
      let script = """
        truncate -s 96M "$0/disk"; mkfs.ext4 -q -F "$0/disk"; mkdir -p "$ONEOFF_STATE_DIR"
        mount -o loop "$0/disk" "$ONEOFF_STATE_DIR"; exec "$@"
        """
      let result = files + "/result"
      let completion = try perform(
        runArguments(
          ["--scratch", "disk:400M", "--result", result] + options, command: command),
        wrapper: ["unshare", "--mount", "sh", "-ec", script, files])
      let text = try Data(contentsOf: URL(fileURLWithPath: result))
      return (completion, try JSONDecoder().decode(Lost.self, from: text))
    }

    /// What is exported is in memory yet when the command has ended, and has no place on the disk.
    @Test func nothingIsExportedOfWhatWasLost() throws {
      let out = try ExportRun.directory()
      let (completion, result) = try runOnSmallDisk(
        ["--export", "/home/x=\(out)/x"], ["probe", "fill", "/home/x", "200000000"])
      #expect(completion["errno"] == "0", "\(completion.output)")
      #expect(completion.status == 125)
      #expect(result.status == 125)
      #expect(
        completion.errors.contains("nothing was exported: syncfs(2) of scratch: E"),
        "\(completion.errors)")
      #expect(completion.errors.contains("hint: the host's disk was full, and what the command"))
      #expect(completion.errors.contains("run succeeded, but the export failed (--export)"))
      #expect(try ExportRun.listing(out) == [])
    }

    /// The memory that the run may have does not suffice for what has no place on the disk.
    @Test(.requires(.controllers)) func lossWithoutAnExportIsTold() throws {
      let (completion, result) = try runOnSmallDisk(
        ["--memory", "64M"], ["probe", "fill", "/home/x", "200000000"])
      #expect(result.scratch_lost == true)
      #expect(
        completion.errors.contains(
          "oneoff: warning: the scratch lacks some of what the command wrote: syncfs(2) of "
            + "scratch: E"), "\(completion.errors)")
    }

    @Test func whatHasRoomIsNotLost() throws {
      let (completion, result) = try runOnSmallDisk([], ["probe", "fill", "/home/x", "2000000"])
      #expect(completion.status == 0, "\(completion.errors)")
      #expect(result.scratch_lost == nil)
      #expect(!completion.errors.contains("lacks"), "\(completion.errors)")
    }

    // MARK: State directories

    /// Directories of a state directory that is refused are not left behind.
    @Test func refusedStateDirectoryIsNotMade() throws {
      let memory = try Workspace.current.make("files/memory")
      let script = """
        mount -t tmpfs x "$0"; "$@" || status=$?; find "$0" -mindepth 1; exit $status
        """
      let scratch = try perform(
        runArguments(["--scratch", "disk:64M"], command: ["true"]),
        wrapper: ["unshare", "--mount", "sh", "-ec", script, memory],
        environment: ["ONEOFF_STATE_DIR": memory + "/a/b"])
      #expect(scratch.status == 125)
      #expect(scratch.errors.contains("is on tmpfs"), "\(scratch.errors)")
      #expect(scratch.output == "")
      let record = try perform(
        runArguments(["--record"], command: ["true"]),
        environment: ["ONEOFF_STATE_DIR": memory + "/a/b/.."])
      #expect(record.status == 125)
      #expect(HostSnapshot.entries(memory) == [])
    }
  }
}
