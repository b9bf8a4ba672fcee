import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

@Suite struct RunWarningTests {
  @Test(arguments: [(0, 0), (65535, 65535), (1000, 0)] as [(UInt32, UInt32)])
  func ownersOfTheRunAreNotWorthAWord(uid: UInt32, gid: UInt32) {
    #expect(RunWarning("rootfs", "/srv/image", owner: .init(uid: uid, gid: gid)) == nil)
    #expect(RunWarning("rootfs", "/srv/image", owner: nil) == nil)
  }

  @Test(arguments: [(65536, 0), (0, 65536), (4_294_967_294, 100_000)] as [(UInt32, UInt32)])
  func othersAreNamedWithWhatTheyMean(uid: UInt32, gid: UInt32) {
    let warning = RunWarning("volume", "/srv/data", owner: .init(uid: uid, gid: gid))
    #expect(warning?.code == "owner-out-of-range")
    #expect(warning?.text.hasPrefix("the volume /srv/data belongs to \(uid):\(gid), ") == true)
  }
}
