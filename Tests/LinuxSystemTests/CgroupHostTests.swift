import SystemPackage
import Testing

@testable import LinuxSystem

@Suite struct CgroupMembershipTests {
  private static let hybrid = CgroupMemberships(
    Array(
      """
      12:pids:/system.slice/agent.service
      5:cpu,cpuacct:/system.slice/agent.service/worker
      4:memory:/docker/a:b
      1:name=systemd:/system.slice/agent.service
      0::/system.slice/agent.service

      """.utf8))

  @Test func findsThePathOfEachHierarchy() {
    #expect(Self.hybrid.unified == "/system.slice/agent.service")
    #expect(Self.hybrid.path(of: "cpu") == "/system.slice/agent.service/worker")
    #expect(Self.hybrid.path(of: "cpuacct") == "/system.slice/agent.service/worker")
    #expect(Self.hybrid.path(of: "memory") == "/docker/a:b")
    #expect(Self.hybrid.path(of: "name=systemd") == "/system.slice/agent.service")
    #expect(Self.hybrid.path(of: "cpuset") == nil)
    #expect(Self.hybrid.path(of: "id") == nil)
  }

  @Test func controllersOfOneLineShareAHierarchy() {
    #expect(Self.hybrid.share(.cpu, .cpuacct))
    #expect(!Self.hybrid.share(.cpu, .memory))
    #expect(!Self.hybrid.share(.cpuset, .pids))
  }

  @Test func whatIsNoSuchLineIsNothing() {
    let memberships = CgroupMemberships(Array("x\n1:pids\n::\n".utf8))
    #expect(memberships.path(of: "pids") == nil)
    #expect(memberships.unified == "")
    #expect(CgroupMemberships([]).unified == nil)
  }

  @Test func thisProcessIsInSome() { #expect(CgroupMemberships.ofSelf() != CgroupMemberships([])) }

  @Test func aListOfControllersKeepsThoseThatLimit() {
    let list = CgroupController.list(Array("cpuset cpu io memory hugetlb pids rdma misc\n".utf8))
    #expect(list == [.cpuset, .cpu, .io, .memory, .pids])
    #expect(CgroupController.list([]) == [])
  }

  @Test func aPathThatLeadsOutOfTheNamespaceIsNotDelegated() {
    for path in ["/", "/../x", "x", ""] {
      #expect(CgroupHost.delegated(at: path, below: "/sys/fs/cgroup") == nil)
    }
  }
}
