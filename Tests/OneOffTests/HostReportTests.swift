import FoundationEssentials
import LinuxSystem
import Testing

@testable import OneOff

@Suite struct HostReportTests {
  private let report = HostReport(checks: [
    HostCheck("kernel", .ok, "6.18"),
    HostCheck("overlayfs", .missing, "fsopen(2): ENODEV", remedy: "modprobe overlay"),
    HostCheck("landlock", .note, "none"),
  ])

  @Test func isALineForEachCheckWithTheRemedyBelow() {
    #expect(
      report.description == """
        ok       kernel     6.18
        missing  overlayfs  fsopen(2): ENODEV
                 modprobe overlay
        note     landlock   none

        oneoff cannot run here: overlayfs

        """)
  }

  @Test func onlyWhatIsMissingKeepsARunFromWorking() {
    #expect(!report.canRun)
    let others = HostReport(checks: [
      HostCheck("a", .ok, ""), HostCheck("b", .note, ""), HostCheck("c", .unknown, ""),
    ])
    #expect(others.canRun)
    #expect(others.description.hasSuffix("\noneoff can run here\n"))
  }

  @Test func isOneObjectOfJSON() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    #expect(
      String(decoding: try encoder.encode(report), as: UTF8.self)
        == #"{"can_run":false,"checks":["#
        + #"{"detail":"6.18","name":"kernel","remedy":null,"status":"ok"},"#
        + #"{"detail":"fsopen(2): ENODEV","name":"overlayfs","remedy":"modprobe overlay","#
        + #""status":"missing"},"#
        + #"{"detail":"none","name":"landlock","remedy":null,"status":"note"}],"v":1}"#)
  }

  @Test(
    arguments: [
      (5015, .missing), (6000, .missing), (6001, .ok), (7000, .ok),
    ] as [(Int, HostCheck.Status)])
  func theKernelIsNotOlderThan61(kernel: Int, status: HostCheck.Status) {
    #expect(HostReport.kernel(HostFacts(kernel: kernel, landlock: 0)).status == status)
  }

  @Test(arguments: [0, 1, 5]) func landlockWithoutScopesIsWorthANote(version: Int) {
    let check = HostReport.landlock(HostFacts(kernel: 6001, landlock: version))
    #expect(check.status == .note)
    #expect(check.detail.contains("abstract Unix sockets of the host can be reached"))
    #expect(check.remedy?.contains("6.12") == true)
  }

  @Test(arguments: [6, 7]) func landlockWithScopesIsFine(version: Int) {
    #expect(HostReport.landlock(HostFacts(kernel: 6012, landlock: version)).status == .ok)
  }

  @Test func limitsThatAreNearAreNamed() {
    #expect(HostReport.mountLimit(100_000, mounts: 20).status == .ok)
    #expect(HostReport.mountLimit(120, mounts: 20).status == .ok)
    #expect(HostReport.mountLimit(119, mounts: 20).status == .missing)
    #expect(HostReport.processLimit(32768, processes: 100).status == .ok)
    #expect(HostReport.processLimit(399, processes: 100).status == .note)
    #expect(HostReport.namespaceLimit(1000, kind: "net").status == .ok)
    let low = HostReport.namespaceLimit(999, kind: "net")
    #expect(low.status == .note)
    #expect(low.remedy == "sysctl -w user.max_net_namespaces=10000")
  }

  @Test func limitsOfInotifyThatFewRunsUseUpAreWorthANote() {
    #expect(HostReport.inotifyLimits(instances: 128, watches: 16384).status == .ok)
    for (instances, watches) in [(127, 16384), (128, 16383)] {
      let low = HostReport.inotifyLimits(instances: instances, watches: watches)
      #expect(low.status == .note)
      #expect(low.detail.hasPrefix("\(instances) instances and \(watches) watches"))
      #expect(low.detail.contains("one run may take 32 and 16384"))
      #expect(low.remedy?.contains("fs.inotify.max_user_instances=") == true)
    }
  }

  @Test func rightsOverLimitsThatAreMissingAreWorthANote() {
    #expect(HostReport.resourceRights(canRaise: true).status == .ok)
    let missing = HostReport.resourceRights(canRaise: false)
    #expect(missing.status == .note)
    #expect(missing.detail.contains("CAP_SYS_RESOURCE"))
    #expect(missing.remedy != nil)
  }

  @Test func whatCannotBeToldSaysWho() {
    #expect(HostReport.unknown("x", .user).detail.contains("only root can tell"))
    #expect(HostReport.unknown("x", .confined).status == .unknown)
  }
}
