import FoundationEssentials
import Glibc
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

extension Launches {
  /// Which capabilities a command can use that has all of them in a user namespace of its own,
  /// while the host owns every other namespace: what `Capability.obstacle` says, measured. No
  /// seccomp filter is in the way.
  @Suite(.requires(.fixture("probe"))) struct CapabilityOwnershipTests {
    /// What the probe says of using a capability with only those of a mask.
    private func use(_ name: String, mask: UInt64) throws -> String {
      let descriptors = DescriptorTable()
      let map = IDMap([.init(inside: 0, host: 0x7000_0000, count: 65536)])
      descriptors.adopt(try UserNamespaceMaker().make(users: map, groups: map), as: .userNamespace)
      descriptors.adopt(try NetworkNamespaceMaker().finish(), as: .network)
      let output = try Pipe()
      let reader = descriptors.adoptWriter(of: output, as: .standardOutput)
      let null = FilePath("/dev/null")
      descriptors.adopt(try OwnedDescriptor(opening: null, flags: .reading), as: .standardInput)
      descriptors.adopt(try OwnedDescriptor(opening: null, flags: .writing), as: .standardError)
      var plan = LaunchPlan.running("")
      plan.setup = [.resetSignals, .joinNetwork(.network), .makeMountsPrivate]
      plan.command = [
        .newSession, .useStandardStreams(.standardInput, .standardOutput, .standardError),
        .joinUserNamespace(.userNamespace), .boundCapabilities(mask: mask), .setGroups([]),
        .setGroup(0), .setUser(0), .setCapabilities(mask: mask), .forbidNewPrivileges,
        .execute(
          .init(
            candidates: [Array(Requirement.fixturePath("probe").utf8)],
            arguments: ["probe", "use", name].map { Array($0.utf8) }, environment: [])),
      ]
      let container = try launch(plan, with: descriptors)
      descriptors.closeAll()
      _ = try allRecords(of: container)
      _ = try container.reap()
      let text = String(decoding: try reader.readAll(limit: 4096, subject: ""), as: UTF8.self)
      return text.split(separator: "\n").last { $0.hasPrefix("errno=") }
        .map { String($0.dropFirst(6)) } ?? text
    }

    private static func mask(_ numbers: [Int]) -> UInt64 {
      numbers.reduce(0) { $0 | 1 << UInt64($1) }
    }

    /// The capability, what else its use takes, and what the kernel says without it.
    @Test(
      arguments: [
        ("CHOWN", 0, [], "EPERM"), ("DAC_OVERRIDE", 1, [], "EACCES"),
        ("DAC_READ_SEARCH", 2, [], "EACCES"), ("FOWNER", 3, [0], "EPERM"),
        ("FSETID", 4, [0], "EPERM"),
        ("KILL", 5, [7], "EPERM"), ("SETGID", 6, [], "EPERM"), ("SETUID", 7, [], "EPERM"),
        ("SETPCAP", 8, [], "EPERM"), ("SYS_CHROOT", 18, [], "EPERM"),
      ] as [(String, Int, [Int], String)])
    func whatTheCommandsOwnNamespaceOwnsIsItsRight(
      name: String, number: Int, besides: [Int], without: String
    ) throws {
      #expect(try use(name, mask: Self.mask(besides + [number])) == "0")
      #expect(try use(name, mask: Self.mask(besides)) == without)
    }

    /// It works, which is why it is refused: on a volume the file would be privileged on the host.
    @Test func aFileCapabilityCanBeGiven() throws {
      #expect(try use("SETFCAP", mask: Self.mask([31])) == "0")
    }

    @Test(arguments: [
      ("LINUX_IMMUTABLE", "EPERM"), ("NET_ADMIN", "EPERM"), ("NET_RAW", "EPERM"),
      ("SYS_ADMIN", "EPERM"), ("MKNOD", "EPERM"), ("SYS_RESOURCE", "EPERM"), ("IPC_LOCK", "EPERM"),
      ("SYS_NICE", "EACCES"), ("SYS_TIME", "EPERM"),
    ])
    func whatTheHostOwnsIsNobodysRightInside(name: String, errno: String) throws {
      let all = Self.mask(Array(0...40))
      #expect(try use(name, mask: all) == errno)
    }

    @Test func portsBelow1024NeedNoCapability() throws {
      #expect(try use("NET_BIND_SERVICE", mask: 0) == "0")
    }
  }
}
