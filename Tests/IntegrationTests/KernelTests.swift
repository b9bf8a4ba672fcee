import Foundation
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What differs by kernel, as docs/kernels.md has it: each kernel's own side of it is tested.
  @Suite struct KernelTests {
    private static let kernel = HostFacts.current().kernel

    /// A wrapper that has the tiny root file system on tmpfs, where this returns it to be.
    private func onTmpfs() throws -> (rootfs: String, wrapper: [String]) {
      let directory = try Workspace.current.make("files/memory")
      let script = #"mount -t tmpfs tmpfs "$0"; cp -a "$1" "$0/tiny"; shift; exec "$@""#
      return (
        directory + "/tiny",
        ["unshare", "--mount", "sh", "-ec", script, directory, Built.tiny]
      )
    }

    @Test func layersOnTmpfsAreMappedFromLinux63On() throws {
      let (rootfs, wrapper) = try onTmpfs()
      let mapped = try run([], rootfs: rootfs, wrapper: wrapper, "echo", "here")
      if Self.kernel >= 6003 {
        #expect(mapped.output == "here\n", "\(mapped.errors)")
      } else {
        #expect(mapped.status == 125)
        #expect(mapped.errors.contains("can be id-mapped from kernel 6.3 on"), "\(mapped.errors)")
        #expect(mapped.errors.contains("--userns host"))
      }
      let host = try run(
        ["--userns", "host"], rootfs: rootfs, wrapper: wrapper, "echo", "here")
      #expect(host.output == "here\n", "\(host.errors)")
    }

    @Test func moreThan65LayersTakeLinux65() throws {
      func layers(_ count: Int) throws -> [String] {
        try (1...count).flatMap { number in
          ["--layer", try Workspace.current.make("files/layers/\(number)")]
        }
      }
      // The root file system is one, too.
      let fitting = try run(try layers(64), "echo", "here")
      #expect(fitting.output == "here\n", "\(fitting.errors)")
      let many = try run(try layers(66), "echo", "here")
      if Self.kernel >= 6005 {
        #expect(many.output == "here\n", "\(many.errors)")
      } else {
        #expect(many.status == 125)
        #expect(
          many.errors.contains("so many layers take Linux 6.5; before that, use 65 at most"),
          "\(many.errors)")
      }
    }

    @Test(.requires(.userNamespaces), arguments: OrdinaryUser.allCases)
    func scratchOfAnOrdinaryUserIsLimitedFromLinux66On(user: OrdinaryUser) throws {
      let file = try Workspace.current.make("files/out", owner: OrdinaryUser.id) + "/result"
      let run = try user.run(["--scratch", "2M", "--result", file], "true")
      #expect(run.status == 0, "\(run.errors)")
      // `limits` is null where there is none at all.
      let limits = try jsonObject(file: file)["limits"] as? [String: Any]
      #expect(limits?["scratch_bytes"] as? Int == (Self.kernel >= 6006 ? 2 << 20 : nil))
    }

    @Test(.requires(.controllers)) func peakOfProcessesIsKnownFromLinux611On() throws {
      let file = Workspace.current.path.appending("files/result").string
      #expect(try run(["--pids", "64", "--result", file], "true").status == 0)
      let usage = try #require(try jsonObject(file: file)["usage"] as? [String: Any])
      // Kernels that are kept alive for long have been given it later.
      if let peak = usage["processes_peak"] as? Int {
        #expect(peak == 1)
      } else {
        #expect(Self.kernel < 6011)
      }
    }

    @Test func landlockOfThisKernelIsTold() throws {
      let report = try jsonObject(perform(["doctor", "--json"]).stdout)
      let checks = try #require(report["checks"] as? [[String: Any]])
      let landlock = try #require(checks.first { $0["name"] as? String == "landlock" })
      let version = HostFacts.current().landlock
      #expect(landlock["status"] as? String == (version >= 6 ? "ok" : "note"))
      let detail = try #require(landlock["detail"] as? String)
      #expect(version == 0 || detail.hasPrefix("version \(version), "), "\(detail)")
    }
  }
}
