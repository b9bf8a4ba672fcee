import SystemPackage
import Testing

@testable import ContainerSpec

@Suite struct CapabilityTests {
  private func failure(_ name: ByteString) -> SpecError? {
    #expect(throws: SpecError.self) { try CapabilitySet(parsing: name) }
  }

  @Test func numbersAreTheKernels() {
    // Some of linux/capability.h, spread over all of them.
    #expect(Capability.chown.rawValue == 0)
    #expect(Capability.kill.rawValue == 5)
    #expect(Capability.sysAdmin.rawValue == 21)
    #expect(Capability.setfcap.rawValue == 31)
    #expect(Capability.checkpointRestore.rawValue == 40)
    #expect(Capability.allCases.count == 41)
    #expect(Capability.netBindService.name == "CAP_NET_BIND_SERVICE")
    #expect(Capability.sysTTYConfig.name == "CAP_SYS_TTY_CONFIG")
    #expect(Capability.setfcap.name == "CAP_SETFCAP")
    #expect(Capability.checkpointRestore.name == "CAP_CHECKPOINT_RESTORE")
    #expect(Set(Capability.allCases.map(\.name)).count == 41)
  }

  @Test(arguments: ["CHOWN", "CAP_CHOWN", "cap_chown", "chown", "Cap_Chown"] as [ByteString])
  func isReadInAnyCaseWithOrWithoutPrefix(name: ByteString) throws {
    #expect(try CapabilitySet(parsing: name).rawValue == 1)
  }

  @Test func allAreThoseThatCanWork() throws {
    let all = try CapabilitySet(parsing: "all")
    #expect(try CapabilitySet(parsing: "ALL") == all)
    #expect(
      all.members == [
        .chown, .dacOverride, .dacReadSearch, .fowner, .fsetid, .kill, .setgid, .setuid, .setpcap,
        .sysChroot, .sysPtrace,
      ])
  }

  @Test(arguments: ["", "CAP_", "CAP_CAP_CHOWN", "CHOWN ", "0", "-1", "cap_chown,cap_kill"])
  func anythingElseIsRefused(name: String) throws {
    let text = try ByteString(bytes: Array(name.utf8), subject: "a name")
    #expect(failure(text)?.message.contains("is not a capability") == true)
  }

  @Test func aSlipIsPointedOut() {
    #expect(failure("chwon")?.remedy == "did you mean 'CAP_CHOWN'?")
    #expect(failure("cap_setpcp")?.remedy == "did you mean 'CAP_SETPCAP'?")
  }

  @Test(arguments: Capability.allCases)
  func whatCannotWorkIsRefusedWithTheReasonAndARemedy(_ capability: Capability) throws {
    let name = try ByteString(bytes: Array(capability.name.utf8), subject: "a name")
    if CapabilitySet.grantable.contains(CapabilitySet(capability)) {
      #expect(try CapabilitySet(parsing: name).members == [capability])
      return
    }
    let error = failure(name)
    #expect(error?.message.hasPrefix("\(capability.name) cannot work in a run: ") == true)
    #expect(error?.remedy?.isEmpty == false)
  }

  @Test func aCapabilityOverTheHostIsRefused() throws {
    var spec = RunSpec(layers: ["/image"], command: ["true"])
    spec.capabilities = .grantable
    try spec.validate()
    spec.userNamespace = .host
    #expect(throws: SpecError.self) { try spec.validate() }
    spec.capabilities = []
    try spec.validate()
  }

  @Test func aSetThatWasNotReadFromNamesIsCheckedToo() {
    var spec = RunSpec(layers: ["/image"], command: ["true"])
    spec.capabilities = CapabilitySet(.sysAdmin)
    #expect(throws: SpecError.self) { try spec.validate() }
    spec.capabilities = CapabilitySet(rawValue: 1 << 63)
    #expect(throws: SpecError.self) { try spec.validate() }
  }
}
