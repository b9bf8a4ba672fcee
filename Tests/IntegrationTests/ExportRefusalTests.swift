import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// Exports that are refused: before the command runs, as far as that can be known.
  @Suite struct ExportRefusalTests {
    /// Runs a command that says that it ran.
    private func refused(
      _ export: String, options: [String] = [], wrapper: [String] = []
    ) throws -> Completion {
      let completion = try run(
        options + ["--export", "/home/x=\(export)"], wrapper: wrapper, "sh", "-c",
        "echo ran; mkdir /home/x")
      #expect(completion.status == 125)
      #expect(completion.output == "", "the command has run")
      return completion
    }

    @Test(arguments: ["/proc/x", "/sys/x", "/sys/kernel/x"])
    func nothingCanBeMadeInTheKernelsFileSystems(path: String) throws {
      let completion = try refused(path)
      #expect(
        completion.errors.contains("mkdirat(2) for the export of '/home/x' to '\(path)': E"),
        "\(completion.errors)")
      #expect(completion.errors.contains("hint: nothing can be made in the directory above it"))
    }

    @Test(arguments: ["/proc", "/sys", "/dev"])
    func whatIsMountedIsNotReplaced(path: String) throws {
      let completion = try refused(path, options: ["--export-replace"])
      #expect(
        completion.errors.hasPrefix("oneoff: something is mounted on '\(path)'"),
        "\(completion.errors)")
    }

    /// A mount of the same file system has the same device number.
    @Test(arguments: ["mkdir", "touch"]) func bindMountIsNotReplaced(make: String) throws {
      let out = try ExportRun.directory()
      let script = #"\#(make) "$0/x" "$0/y"; mount --bind "$0/y" "$0/x"; exec "$@""#
      let completion = try refused(
        out + "/x", options: ["--export-replace"],
        wrapper: ["unshare", "--mount", "sh", "-ec", script, out])
      #expect(completion.errors.contains("something is mounted on"), "\(completion.errors)")
    }

    @Test(arguments: ["mkdir -p .x.oneoff-export/other", "touch .x.oneoff-export"])
    func whatIsNoDraftIsNoticed(make: String) throws {
      let out = try ExportRun.directory()
      try RunningProcess.output(["sh", "-c", "cd \(out) && \(make)"])
      let before = try ExportRun.listing(out)
      let completion = try refused(out + "/x")
      #expect(completion.errors.contains("'.x.oneoff-export' is not yours"), "\(completion.errors)")
      #expect(try ExportRun.listing(out) == before)
    }

    @Test func nameThatIsTooLongIsNoticed() throws {
      let completion = try refused(
        ExportRun.directory() + "/" + String(repeating: "n", count: 256))
      #expect(completion.errors.contains("ENAMETOOLONG"))
      #expect(completion.errors.contains("hint: a name has at most 255 bytes"))
    }

    // MARK: Hard links

    /// Exports a file of 64 MiB, which takes no time to make, with so many names.
    private func exportLinks(_ count: Int) throws -> ExportRun {
      let script = """
        mkdir /home/x; cd /home/x; fallocate -l 67108864 1; n=1
        while [ $n -lt \(count) ]; do n=$((n + 1)); ln 1 $n; done
        """
      return try ExportRun(["/home/x=x"]) { try shell($0, script) }
    }

    /// Each link but the first is a repetition, of which there may be 1 GiB: 16 times 64 MiB.
    @Test func linksAreRepeatedUpTo1GiB() throws {
      let run = try exportLinks(17)
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(run.result?.exports?.first?.files == 18)
      #expect(run.found.count == 18)
      #expect(run.found.dropFirst().allSatisfy { $0.hasSuffix(" 67108864") })
    }

    @Test func moreLinksAreAnErrorOfTheExport() throws {
      let run = try exportLinks(18)
      #expect(run.completion.status == 125)
      #expect(run.found == [])
      #expect(run.warnings == ["export-failed"])
      #expect(
        run.completion.errors.contains(
          "is one of many hard links, which would take more than 1 GiB as files of their own"),
        "\(run.completion.errors)")
      #expect(run.completion.errors.contains("hint: have the command make an archive"))
    }

    // MARK: What cannot be cleaned up

    /// What is mounted in a directory that is replaced stays, and that is told.
    @Test func whatStaysOfWhatWasReplacedIsTold() throws {
      let out = try ExportRun.directory()
      try Workspace.current.make("files/out/x/mounted")
      let script = #"mount -t tmpfs x "$0/x/mounted"; exec "$@""#
      let export = try ExportRun(["/home/x=x"]) { options in
        try run(
          options + ["--export-replace"],
          wrapper: ["unshare", "--mount", "sh", "-ec", script, out], "mkdir", "/home/x")
      }
      #expect(export.completion.status == 0, "\(export.completion.errors)")
      #expect(export.warnings == ["export-leftover"])
      #expect(
        export.completion.errors.contains("'.x.oneoff-export' is left beside it"),
        "\(export.completion.errors)")
      #expect(export.result?.exports?.first?.files == 1)
    }
  }
}
