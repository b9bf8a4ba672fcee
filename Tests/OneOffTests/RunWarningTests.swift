import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

@Suite struct RunWarningTests {
  @Test(arguments: [(0, 0), (65535, 65535), (1000, 0)] as [(UInt32, UInt32)])
  func ownersOfTheRunAreNotWorthAWord(uid: UInt32, gid: UInt32) {
    for rootless in [nil, Sample.subordinateIDs] {
      let owner = LaunchPlan.Owner(uid: uid, gid: gid)
      #expect(RunWarning("rootfs", "/srv/image", owner: owner, rootless: rootless) == nil)
      #expect(RunWarning("rootfs", "/srv/image", owner: nil, rootless: rootless) == nil)
    }
  }

  @Test(arguments: [(65536, 0), (0, 65536), (4_294_967_294, 100_000)] as [(UInt32, UInt32)])
  func othersAreNamedWithWhatTheyMean(uid: UInt32, gid: UInt32) {
    let warning = RunWarning(
      "volume", "/srv/data", owner: .init(uid: uid, gid: gid), rootless: nil)
    #expect(warning?.code == "owner-out-of-range")
    #expect(warning?.text.hasPrefix("the volume /srv/data belongs to \(uid):\(gid), ") == true)
  }

  @Test(arguments: [(65534, 0), (0, 65534), (65536, 0)] as [(UInt32, UInt32)])
  func withoutRootOthersAreWhoeverTheUserNamespaceDoesNotHave(uid: UInt32, gid: UInt32) {
    let owner = LaunchPlan.Owner(uid: uid, gid: gid)
    #expect(owner.isForeign(to: nil) == (uid == 65536))
    for rootless in [Sample.singleID, Sample.subordinateIDs] {
      let warning = RunWarning("rootfs", "/srv/image", owner: owner, rootless: rootless)
      #expect(warning?.code == "owner-out-of-range")
      #expect(
        warning?.text.hasPrefix(
          "the rootfs /srv/image does not belong to user 1000 and group 1001") == true)
    }
  }
}
