import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What the result says of a scratch that is full.
  @Suite(.requires(.diskScratch)) struct FullScratchTests {
    /// Small enough to be filled in no time.
    private static let scratches = ["64K", "tmpfs:2M", "disk:64M"]
    private static let manyFiles = "cd /tmp; i=0; while : >f$i; do i=$((i + 1)); done; exit 3"

    @Test(arguments: scratches) func bytesThatDoNotFitAreNamed(scratch: String) throws {
      let (completion, result) = try limited(
        ["--scratch", scratch], "sh", "-c", "probe fill /tmp/x 100000000; exit 3")
      #expect(completion["errno"] == "ENOSPC")
      #expect(completion.status == 3)
      #expect(result.reason == "completed")
      #expect(result.limits_hit?.last == "scratch")
      let sentence = ", with status 3; its scratch of "
      #expect(completion.errors.contains(sentence), "\(completion.errors)")
    }

    @Test(arguments: scratches) func filesThatCannotBeMadeAreNamed(scratch: String) throws {
      let (completion, result) = try limited(
        ["--scratch", scratch], "sh", "-c", Self.manyFiles)
      #expect(completion.errors.contains("No space left on device"), "\(completion.errors)")
      #expect(result.limits_hit?.last == "scratch")
    }

    @Test(arguments: scratches) func whatFitsIsNotALimit(scratch: String) throws {
      let (completion, result) = try limited(
        ["--scratch", scratch], "sh", "-c", "probe fill /tmp/x 20000; exit 3")
      #expect(completion["errno"] == "0")
      #expect(result.limits_hit?.contains("scratch") != true)
      #expect(!completion.errors.contains("scratch"))
      let size = ["64K": 64 << 10, "tmpfs:2M": 2 << 20, "disk:64M": 64 << 20]
      #expect(result.limits?.scratch_bytes == size[scratch])
    }

    @Test func aCommandThatSucceedsIsNotTalkedAbout() throws {
      let (completion, result) = try limited(
        ["--scratch", "1M"], "sh", "-c", "probe fill /tmp/x 2000000; exit 0")
      #expect(result.limits_hit?.last == "scratch")
      #expect(completion.errors.isEmpty)
    }

    @Test(.requires(.controllers)) func itIsToldBesideWhatCgroupsTell() throws {
      let (_, result) = try limited(
        ["--scratch", "1M", "--pids", "4"], "sh", "-c",
        "probe fill /tmp/x 2000000; probe forkbomb-count 100")
      #expect(result.limits_hit == ["pids", "scratch"])
    }

    @Test func theDeploymentsLogNamesIt() throws {
      let app = try Workspace.current.make("files/app")
      try Workspace.current.write("app/Procfile", "postdeploy: probe fill x 2000000; exit 3\n")
      let completion = try perform(
        ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--scratch", "1M"])
      #expect(completion.status == 3)
      let last = try #require(completion.lines.last)
      #expect(last.hasPrefix(" !     The postdeploy hook failed after "), "\(last)")
      #expect(last.hasSuffix(", with status 3; its scratch of 1 MB was full (--scratch)"))
      #expect(!completion.output.contains("failed with status"))
    }
  }
}
