import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// Exports of an ordinary user, with one id and with ranges.
  @Suite(.requires(.tool("/usr/bin/setpriv"), .userNamespaces))
  struct RootlessExportTests {
    private let caller = "\(OrdinaryUser.id):\(OrdinaryUser.id)"

    private func export(
      as user: OrdinaryUser, _ exports: String..., body: ([String]) throws -> Completion
    ) throws -> ExportRun {
      _ = try ExportRun.directory(owner: OrdinaryUser.id)
      _ = try Workspace.current.make("files/log", owner: OrdinaryUser.id)
      return try ExportRun(exports, body)
    }

    @Test(arguments: OrdinaryUser.allCases) func whatComesOutIsTheCallers(user: OrdinaryUser) throws
    {
      let run = try export(as: user, "/home/x=x", "/etc=etc") { options in
        try user.shell(
          options,
          """
          mkdir -p /home/x/d; echo 1 >/home/x/f; ln -s f /home/x/l; chmod 0 /home/x/d
          chmod 400 /home/x/f; rm /etc/group /etc/host* /etc/resolv.conf; echo more >>/etc/passwd
          """)
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      let passwd = try FileManager.default.attributesOfItem(
        atPath: OrdinaryUser.rootfs() + "/etc/passwd")
      #expect(
        run.found == [
          "etc d 755 \(caller)",
          "etc/passwd f 644 \(caller) \((passwd[.size] as? Int ?? 0) + 5)",
          "x d 755 \(caller)", "x/d d 0 \(caller)", "x/f f 400 \(caller) 2",
          "x/l l 777 \(caller) 1 f",
        ])
    }

    @Test func filesOfAnotherUserAreTheCallersToo() throws {
      let run = try export(as: .subordinate, "/tmp/x=x") { options in
        try OrdinaryUser.subordinate.shell(
          ["--user", "33:44"] + options,
          "mkdir -p /tmp/x/d; echo 1 >/tmp/x/f; chmod 700 /tmp/x/d; chmod 600 /tmp/x/f")
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(run.found == ["x d 755 \(caller)", "x/d d 700 \(caller)", "x/f f 600 \(caller) 2"])
    }

    @Test(arguments: OrdinaryUser.allCases) func existingOneIsReplaced(user: OrdinaryUser) throws {
      for text in ["one", "two"] {
        let run = try export(as: user, "/home/x=x") { options in
          try user.shell(
            options + ["--export-replace"], "mkdir /home/x; echo \(text) >/home/x/\(text)")
        }
        #expect(run.completion.status == 0, "\(run.completion.errors)")
        #expect(run.found == ["x d 755 \(caller)", "x/\(text) f 644 \(caller) 4"])
      }
    }

    @Test(arguments: OrdinaryUser.allCases) func hooksAppIsExported(user: OrdinaryUser) throws {
      let app = try Workspace.current.make("files/app/public")
      let release = FilePath(app).removingLastComponent().string
      try Workspace.current.write("app/public/index", "old")
      try Workspace.current.write("app/Procfile", "postdeploy: echo new >public/made\n")
      try RunningProcess.output(["chown", "-R", caller, release])
      let run = try export(as: user, "/app/public=public") { options in
        try user.perform(
          ["hook", "--rootfs", OrdinaryUser.rootfs(), "--app-dir", release] + options)
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(
        run.found == [
          "public d 755 \(caller)", "public/index f 644 \(caller) 3",
          "public/made f 644 \(caller) 4",
        ])
    }

    /// The machine's root is put together from overlays, and from files where something is mounted.
    @Test(arguments: OrdinaryUser.allCases)
    func partOfTheMachinesRootIsExported(user: OrdinaryUser) throws {
      let run = try export(as: user, "/srv/made=made", "/etc/made=etc") { options in
        try user.perform(
          runArguments(
            options, rootfs: "/",
            command: ["sh", "-c", "echo x >/srv/made; echo y >/etc/made"]))
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(run.found == ["etc f 644 \(caller) 2", "made f 644 \(caller) 2"])
    }

    @Test func directoryThatIsNotTheCallersIsRefusedBeforehand() throws {
      let out = try Workspace.current.make("files/other", owner: 1)
      let result = try OrdinaryUser.single.shell(
        ["--export", "/home/x=\(out)/x"], "echo ran; echo >/home/x")
      #expect(result.status == 125)
      #expect(result.output == "")
      #expect(result.errors.contains("faccessat(2) for the export"), "\(result.errors)")
      #expect(result.errors.contains("EACCES"))
    }
  }
}
