import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What `oneoff doctor` says; that it leaves nothing behind is checked after each test.
  @Suite struct DoctorTests {
    private struct Report: Decodable {
      struct Check: Decodable {
        var name: String
        var status: String
        var detail: String
        var remedy: String?
      }
      var v: Int
      var can_run: Bool
      var checks: [Check]

      /// The status of a check.
      subscript(name: String) -> String? { checks.first { $0.name == name }?.status }

      /// What there is to read about a check.
      func text(_ name: String) -> String {
        checks.first { $0.name == name }.map { "\($0.detail) \($0.remedy ?? "")" } ?? ""
      }
    }

    private func report(
      _ options: [String] = [], wrapper: [String] = [], environment: [String: String] = [:],
      status: Int32
    ) throws -> Report {
      try decoded(
        perform(["doctor", "--json"] + options, wrapper: wrapper, environment: environment),
        status: status)
    }

    private func decoded(_ result: Completion, status: Int32) throws -> Report {
      #expect(result.status == status, "\(result.output)\(result.errors)")
      return try JSONDecoder().decode(Report.self, from: Data(result.stdout))
    }

    @Test func thisHostCanRun() throws {
      let report = try report(["--rootfs", Built.tiny], status: 0)
      #expect(report.v == 1)
      #expect(report.can_run)
      for name in [
        "kernel", "privileges", "user-namespaces", "namespaces", "network-namespaces", "overlayfs",
        "seccomp", "slots", "rootfs", "rootfs-owners",
      ] { #expect(report[name] == "ok", "\(name): \(report.text(name))") }
      #expect(report.checks.allSatisfy { ["ok", "note"].contains($0.status) })
      #expect(Set(report.checks.map(\.name)).count == report.checks.count)
    }

    @Test func textHasALineForEachCheck() throws {
      let result = try perform(["doctor"])
      #expect(result.status == 0)
      #expect(result.lines.first?.hasPrefix("ok       kernel ") == true)
      #expect(result.lines.last == "oneoff can run here")
      #expect(!result.output.contains("rootfs"))
    }

    @Test(.requires(.userNamespaces)) func anOrdinaryUserIsToldWhatARunWithoutRootHas() throws {
      let program = try Workspace.current.readableProgram()
      let directory = try Workspace.current.make("files/state", owner: 54321)
      let result = try RunningProcess.completion(
        ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", program, "doctor"],
        environment: ["ONEOFF_RUNTIME_DIR": directory])
      #expect(result.status == 0, "\(result.output)")
      #expect(result.lines.contains { $0.hasPrefix("ok       privileges ") })
      #expect(result.lines.contains { $0.hasPrefix("ok       overlayfs ") })
      #expect(result.output.contains("with userxattr"))
      #expect(result.lines.contains { $0.hasPrefix("note     newuidmap ") })
      #expect(result.lines.last == "oneoff can run here")
      #expect(result.errors == "")
    }

    @Test func whoeverMayMakeNoUserNamespaceIsToldSo() throws {
      // A run's own policy is what forbids it.
      let program = try Workspace.current.readableProgram()
      let result = try run(
        ["--user", "1000", "--volume", "\(program):/oneoff:ro"], "/oneoff", "doctor")
      #expect(result.status == 1)
      #expect(result.lines.contains { $0.hasPrefix("missing  privileges ") })
      #expect(result.output.contains("only root can tell"))
      #expect(result.lines.last?.contains("privileges") == true)
    }

    @Test func rootWithoutRightsOverTheHostIsToldOfItOnce() throws {
      let wrapper = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
      let report = try report(wrapper: wrapper, status: 1)
      #expect(report["namespaces"] == "missing")
      #expect(report.text("namespaces").contains("privileged"))
      #expect(report["overlayfs"] == "unknown")
      #expect(!report.can_run)
    }

    @Test func rightsOverResourceLimitsAreTriedOut() throws {
      let here = try report(status: 0)
      #expect(here["resource-rights"] == (try hasResourceCapability() ? "ok" : "note"))
      #expect(["ok", "note"].contains(here["inotify-limits"]))
      let wrapper = ["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"]
      let without = try report(wrapper: wrapper, status: 0)
      #expect(without["resource-rights"] == "note")
      #expect(without.text("resource-rights").contains("CAP_SYS_RESOURCE"))
    }

    @Test func aRootfsOnOverlayfsIsMissingIDMaps() throws {
      let rootfs = try Workspace.current.make("files/overlay")
      let script = """
        mount -t overlay overlay -o lowerdir=/usr:/etc "$0" && exec "$@"
        """
      let report = try report(
        ["--rootfs", rootfs], wrapper: ["unshare", "--mount", "sh", "-c", script, rootfs],
        status: 1)
      #expect(report["overlayfs"] == "ok")
      #expect(report["rootfs"] == "missing")
      #expect(report.text("rootfs").contains("on overlayfs"))
      #expect(report.text("rootfs").contains("--userns host"))
    }

    @Test func aRootfsThatIsNotThereIsMissing() throws {
      let report = try report(["--rootfs", "/no/such"], status: 1)
      #expect(report.text("rootfs").contains("/no/such does not exist"))
    }

    @Test func aRootfsThatARunWouldRefuseIsMissing() throws {
      let rootfs = try Workspace.current.make("files/image")
      let empty = try report(["--rootfs", rootfs], status: 1)
      #expect(empty.text("rootfs").contains("image is empty"))
      for name in ["dev", "proc", "sys"] {
        let link = "\(rootfs)/\(name)"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/etc")
        let linked = try report(["--rootfs", rootfs], status: 1)
        #expect(linked["rootfs"] == "missing")
        #expect(
          linked.text("rootfs").contains("/\(name) of the image must be a directory"),
          "\(linked.text("rootfs"))")
        try FileManager.default.removeItem(atPath: link)
        try Workspace.current.make("files/image/\(name)")
        #expect(try report(["--rootfs", rootfs], status: 0)["rootfs"] == "ok")
      }
    }

    @Test func aStateDirectoryThatCannotBeMadeIsMissing() throws {
      let file = try Workspace.current.write("file", "")
      let report = try report(
        environment: ["ONEOFF_RUNTIME_DIR": file + "/below"], status: 1)
      #expect(report["slots"] == "missing")
      #expect(report.text("slots").contains("ENOTDIR"), "\(report.text("slots"))")
      #expect(report.text("slots").contains("ONEOFF_RUNTIME_DIR"))
    }

    @Test func filesOfIDsThatARunHasNotAreNamed() throws {
      try Workspace.current.make("files/image/etc", owner: 100_000)
      let rootfs = try Workspace.current.make("files/image")
      let report = try report(["--rootfs", rootfs], status: 0)
      #expect(report["rootfs-owners"] == "note")
      #expect(report.text("rootfs-owners").contains("1 of 1 entries"))
      #expect(report.text("rootfs-owners").contains("etc, 100000:100000"))
    }

    @Test func filesOfOthersAreNamedToAnOrdinaryUser() throws {
      let arguments = ["doctor", "--json", "--rootfs", try OrdinaryUser.rootfs()]
      let own = try decoded(OrdinaryUser.single.perform(arguments), status: 0)
      #expect(own["rootfs-owners"] == "ok", "\(own.text("rootfs-owners"))")
      try Workspace.current.make("files/tiny/theirs", owner: 1)
      let mixed = try decoded(OrdinaryUser.single.perform(arguments), status: 0)
      #expect(mixed["rootfs-owners"] == "note")
      #expect(mixed.text("rootfs-owners").contains("are others', such as theirs"))
    }

    @Test func slotsThatAreTakenAreCounted() throws {
      let environment = ["ONEOFF_SLOTS": "1"]
      #expect(
        try report(environment: environment, status: 0).text("slots").hasPrefix("1 of 1 free"))
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments([], command: ["sh", "-c", "echo; exec sleep 60"]), environment: environment,
        stdout: writer, stderr: .standardError)
      try writer.close()
      _ = try reader.readLine()
      let taken = try report(environment: environment, status: 1)
      process.send(SIGTERM)
      _ = try process.wait()
      #expect(taken["slots"] == "missing")
      #expect(taken.text("slots").contains("set ONEOFF_SLOTS"))
      #expect(try report(environment: ["ONEOFF_SLOTS": "0"], status: 1)["slots"] == "missing")
    }

    @Test func aLimitOnNamespacesIsNamed() throws {
      // In a user namespace of the wrapper's, whose limit is its own.
      let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\""
      let report = try report(
        wrapper: ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"], status: 1)
      #expect(report["user-namespaces"] == "missing")
      #expect(report.text("user-namespaces").contains("sysctl -w user.max_user_namespaces"))
      #expect(report["namespace-limits"] == "note")
    }
  }
}
