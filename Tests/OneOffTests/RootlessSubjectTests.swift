import ContainerSpec
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// What is decided from values for a run without root.
@Suite struct RootlessSubjectTests {
  @Test(arguments: [(6001, true), (6005, true), (6006, false), (6018, false), (7000, false)])
  func scratchIsADirectoryWhereTmpfsLacksAttributes(kernel: Int, isDirectory: Bool) throws {
    let subject = try Sample.subject(Sample.spec(), kernel: kernel, rootless: Sample.singleID)
    #expect(subject.usesScratchDirectory == isDirectory)
    #expect((subject.scratch.place == .directory) == isDirectory)
    #expect(try !Sample.subject(Sample.spec(), kernel: kernel).usesScratchDirectory)
  }

  @Test func singleIDIsTheUsers() throws {
    let user = ResolvedUser(uid: 33, gid: 44)
    let subject = try Sample.subject(Sample.spec(), user: user, rootless: Sample.singleID)
    #expect(subject.commandMaps?.users == IDMap([.init(inside: 33, host: 0, count: 1)]))
    #expect(subject.commandMaps?.groups == IDMap([.init(inside: 44, host: 0, count: 1)]))
    #expect(subject.user == .init(uid: 0, gid: 0))
    #expect(subject.root == subject.user)
    #expect(subject.terminalGroup == nil)
    #expect(Sample.singleID.users == IDMap([.init(inside: 0, host: 1000, count: 1)]))
    #expect(Sample.singleID.firstProcess == nil)
  }

  @Test func subordinateIDsFollowTheCallers() throws {
    let user = ResolvedUser(uid: 33, gid: 44)
    let subject = try Sample.subject(Sample.spec(), user: user, rootless: Sample.subordinateIDs)
    #expect(subject.user == .init(uid: 33, gid: 44))
    #expect(subject.layerIDMap == nil)
    let rootless = Sample.subordinateIDs
    #expect(rootless.users.ranges[1] == .init(inside: 1, host: 100_000, count: 65536))
    #expect(rootless.groups.ranges[1] == .init(inside: 1, host: 200_000, count: 65536))
    // Its PID 1 has an id that the command's namespace does not map, and its own does.
    let first = try #require(rootless.firstProcess)
    #expect(subject.commandMaps?.users.ranges.allSatisfy { $0.inside + $0.count <= first } == true)
    #expect(rootless.users.ranges.contains { $0.inside + $0.count == first + 1 })
  }

  @Test func ownerOfAnAppIsRootWhereHeIsTheCallerOrUnknown() {
    let unknown = Rootless.unmappedID
    for rootless in [Sample.singleID, Sample.subordinateIDs] {
      #expect(rootless.reference(to: .init(uid: 0, gid: 0)) == .root)
      #expect(rootless.reference(to: .init(uid: unknown, gid: unknown)) == .root)
    }
    #expect(
      Sample.subordinateIDs.reference(to: .init(uid: 33, gid: unknown))
        == UserReference(user: .id(33), group: .id(0)))
  }

  @Test(arguments: [
    (Errno.notPermitted, "unprivileged_userns_clone"), (.permissionDenied, "sudo"),
    (.noSpace, "max_user_namespaces"),
  ])
  func whatKeepsAnOrdinaryUserFromItIsExplained(errno: Errno, part: String) throws {
    let error = SystemError(call: "clone(2)", errno: errno).explainingRootless()
    #expect(try #require(error.hint).contains(part))
    // The program that maps ids has said it better.
    let known = SystemError(call: "newuidmap", errno: errno, hint: "as it is")
    #expect(known.explainingRootless().hint == "as it is")
  }
}
