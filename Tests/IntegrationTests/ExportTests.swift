import Foundation
import Glibc
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What `--export` brings out of the scratch.
  @Suite struct ExportTests {
    private func export(
      _ exports: String..., options: [String] = [], script: String
    ) throws -> ExportRun {
      try ExportRun(exports) { try shell(options + $0, script) }
    }

    private func text(_ name: String) throws -> String {
      try String(contentsOfFile: ExportRun.path(name), encoding: .utf8)
    }

    // MARK: What comes out

    @Test func eachKindIsItself() throws {
      let run = try export(
        "/home/dir=dir", "/home/file=file", "/home/link=link",
        script: """
          umask 0; mkdir -p /home/dir/empty; echo text >/home/dir/a; chmod 640 /home/dir/a
          ln -s /etc/passwd /home/dir/l; touch "/home/dir/$(printf 'x\\ny')"; chmod 1770 /home/dir
          echo file >/home/file; chmod 755 /home/file; ln -s ../up /home/link
          touch -d '2020-01-02 03:04:05' /home/file /home/dir
          """)
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      // find(1) shows the line feed of a name as it is.
      #expect(
        run.found == [
          "dir d 770 0:0", "dir/a f 640 0:0 5", "dir/empty d 777 0:0",
          "dir/l l 777 0:0 11 /etc/passwd", "dir/x?y f 666 0:0 0", "file f 755 0:0 5",
          "link l 777 0:0 5 ../up",
        ])
      #expect(FileManager.default.fileExists(atPath: ExportRun.path("dir/x\ny")))
      let times = try RunningProcess.output(
        ["stat", "-c", "%y", ExportRun.path("file"), ExportRun.path("dir")])
      #expect(times.split(separator: "\n").allSatisfy { $0.hasPrefix("2020-01-02 03:04:05.0") })
      #expect(
        run.result?.exports == [
          .init(path: "/home/dir", to: ExportRun.path("dir"), files: 5, bytes: 5),
          .init(path: "/home/file", to: ExportRun.path("file"), files: 1, bytes: 5),
          .init(path: "/home/link", to: ExportRun.path("link"), files: 1, bytes: 0),
        ])
    }

    @Test(arguments: ["0", "33:33"]) func ownerIsTheCaller(user: String) throws {
      let run = try export(
        "/tmp/x=x", options: ["--user", user, "--tmpfs", "/unused"],
        script: "mkdir -p /tmp/x; echo 1 >/tmp/x/a; ln -s a /tmp/x/l")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(run.found == ["x d 755 0:0", "x/a f 644 0:0 2", "x/l l 777 0:0 1 a"])
    }

    @Test func directoryOfTheImageComesAsTheCommandSawIt() throws {
      let run = try export(
        "/data=data", options: Workspace.current.dataLayer("a", "b", "deeper/c"),
        script: "echo more >>/data/a; rm /data/b; echo new >/data/deeper/d; mkdir /data/e")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(
        run.found.map { $0.split(separator: " ").first ?? "" } == [
          "data", "data/a", "data/deeper", "data/deeper/c", "data/deeper/d", "data/e",
        ])
      #expect(try text("data/a") == "textmore\n")
      #expect(try text("data/deeper/c") == "text")
    }

    @Test func linksOfTheImageLeadToWhereTheyLedInside() throws {
      let run = try export(
        "/short/c=c", "/data/back/a=a", options: Workspace.current.dataLayer("a", "b", "deeper/c"),
        script: "ln -s /data/./deeper /short; ln -s ../data/deeper/.. /data/back")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(try text("c") == "text")
      #expect(try text("a") == "text")
    }

    @Test func hooksAppIsWithWhatTheHookHasMade() throws {
      let app = try Workspace.current.make("app/public")
      try "old".write(toFile: app + "/index", atomically: false, encoding: .utf8)
      let release = FilePath(app).removingLastComponent().string
      try "postdeploy: echo new >public/made; rm Procfile\n"
        .write(toFile: release + "/Procfile", atomically: true, encoding: .utf8)
      try RunningProcess.output(["chown", "-R", "1000:1000", release])
      let run = try ExportRun(["/srv/app/public=public", "/srv=srv"]) { options in
        try perform(
          ["hook", "--rootfs", Built.tiny, "--app-dir", release, "--mount-at", "/srv/app"]
            + options)
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(
        run.found == [
          "public d 755 0:0", "public/index f 644 0:0 3", "public/made f 644 0:0 4",
          "srv d 755 0:0", "srv/app d 755 0:0", "srv/app/public d 755 0:0",
          "srv/app/public/index f 644 0:0 3", "srv/app/public/made f 644 0:0 4",
        ])
    }

    @Test func holesStayHoles() throws {
      let run = try export(
        "/home/big=big",
        script: "printf end | dd of=/home/big bs=1 seek=1099511627776 2>/dev/null")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      let sizes = try RunningProcess.output(["stat", "-c", "%s %b", ExportRun.path("big")])
        .split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
      #expect(sizes.first == 1_099_511_627_779)
      #expect((sizes.last ?? .max) * 512 < 1 << 20)
      #expect(run.result?.exports?.first?.bytes ?? .max < 1 << 20)
      try FileManager.default.removeItem(atPath: ExportRun.path("big"))
    }

    @Test func noDepthIsTooDeep() throws {
      let depth = 10_000
      let layer = try Workspace.current.make("layer/deep")
      var directory = try FileDescriptor.open(FilePath(layer), .readOnly)
      for _ in 0..<depth {
        // Safe: the kernel copies the names.
        let next =
          unsafe mkdirat(directory.rawValue, "d", 0o755) == 0
          ? unsafe openat(directory.rawValue, "d", O_RDONLY) : -1
        try directory.close()
        try #require(next >= 0)
        directory = FileDescriptor(rawValue: next)
      }
      try directory.close()
      let workspace = Workspace.current.path.string
      defer {
        // Foundation gives up on it.
        _ = try? RunningProcess.output(
          ["rm", "-r", workspace + "/layer", workspace + "/files/out"])
      }
      let options = ["--layer", FilePath(layer).removingLastComponent().string]
      _ = try ExportRun.directory()
      // The second one removes the first.
      for _ in 0..<2 {
        let result = try shell(
          options + ExportRun.options(["/deep=deep"]) + ["--export-replace"], "true")
        #expect(result.status == 0, "\(result.errors)")
      }
      let count = try RunningProcess.output(
        ["find", ExportRun.path("deep"), "-type", "d", "-printf", "d"])
      #expect(count.count == depth + 1)
      #expect(Workspace.current.names(in: "files/out") == ["deep"])
    }

    // MARK: When there is nothing

    @Test(arguments: [("exit 3", 3), ("kill -9 $$", 137), ("sleep 60", 124)] as [(String, Int32)])
    func commandThatFailsExportsNothing(script: String, status: Int32) throws {
      let run = try export(
        "/home/x=x", options: ["--timeout", "1s"], script: "echo x >/home/x; \(script)")
      #expect(run.completion.status == status)
      #expect(run.found == [])
      #expect(run.warnings == [])
      #expect(run.result?.exports == nil)
    }

    @Test func allAreExportedOrNone() throws {
      let run = try export(
        "/home/a=a", "/home/b=b", script: "echo a >/home/a")
      #expect(run.completion.status == 125)
      #expect(run.found == [])
      #expect(run.warnings == ["export-failed"])
      #expect(run.result?.reason == "completed")
      #expect(run.result?.exit?.code == 0)
      #expect(run.result?.status == 125)
      #expect(run.result?.exports == nil)
      #expect(
        run.completion.errors.contains(
          "no export of '/home/b' to '\(ExportRun.path("b"))': when the command ended, nothing"))
      #expect(run.completion.errors.contains("hint: "))
      #expect(run.completion.errors.contains("run succeeded, but the export failed (--export)"))
    }

    @Test(arguments: [false, true])
    func lastOneThatHasNoPlaceTakesTheOthersBack(replaces: Bool) throws {
      let out = try ExportRun.directory()
      if replaces { try Workspace.current.write("out/a", "before") }
      let run = try export(
        "/home/a=a", "/home/b=b",
        options: ["-v", "\(out):/out"] + (replaces ? ["--export-replace"] : []),
        // In the meantime somebody else makes what is to be exported.
        script: "echo a >/home/a; echo b >/home/b; mkdir /out/b")
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("'\(out)/b', to which '/home/b'"))
      #expect(
        run.found.map { $0.split(separator: " ")[0] } == (replaces ? ["a", "b"] : ["b"]))
      if replaces { #expect(try text("a") == "before") }
    }

    @Test func hookSaysThatItIsTheExport() throws {
      let app = try Workspace.current.make("app")
      try "postdeploy: true\n".write(toFile: app + "/Procfile", atomically: true, encoding: .utf8)
      let run = try ExportRun(["/app/x=x"]) {
        try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app] + $0)
      }
      #expect(run.completion.status == 125)
      let end = "succeeded, but the export failed (--export)"
      #expect(run.completion.lines.last == " !     The postdeploy hook \(end)")
    }

    // MARK: What is there already

    @Test(arguments: ["echo old >", "mkdir ", "ln -s nowhere "])
    func nothingIsReplacedUnlessTold(make: String) throws {
      _ = try ExportRun.directory()
      try RunningProcess.output(["sh", "-c", make + ExportRun.path("x")])
      let before = try ExportRun.listing(ExportRun.path(""))
      let run = try export("/home/x=x", script: "echo ran; echo new >/home/x")
      #expect(run.completion.status == 125)
      #expect(run.completion.output == "")
      #expect(run.completion.errors.contains("exists already\nhint: "))
      #expect(run.found == before)
    }

    @Test func replacesWholeWhenTold() throws {
      try Workspace.current.write("out/dir/sub/old", "old")
      try Workspace.current.write("out/file", "old")
      try RunningProcess.output(["ln", "-s", "file", ExportRun.path("link")])
      let run = try export(
        "/home/dir=dir", "/home/file=file", "/home/link=link", options: ["--export-replace"],
        script: "mkdir /home/dir; echo 1 >/home/dir/new; echo 2 >/home/file; echo 3 >/home/link")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(
        run.found == [
          "dir d 755 0:0", "dir/new f 644 0:0 2", "file f 644 0:0 2", "link f 644 0:0 2",
        ])
    }

    @Test(arguments: ["mkdir /home/x", "echo >/home/x"])
    func replacesNothingByAnotherKind(make: String) throws {
      _ = try ExportRun.directory()
      let existing = make.hasPrefix("mkdir") ? "echo old >" : "mkdir "
      try RunningProcess.output(["sh", "-c", existing + ExportRun.path("x")])
      let before = try ExportRun.listing(ExportRun.path(""))
      let run = try export("/home/x=x", options: ["--export-replace"], script: make)
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("is something else"))
      #expect(run.found == before)
    }

    // MARK: When the supervisor is ended

    /// Ends the supervisor in the middle of an export, and returns how it ended.
    private func interrupt(with signal: Int32) throws -> Completion {
      try Workspace.current.write("out/x/old", "before")
      let script = "mkdir -p /home/x/many; cd /home/x/many; seq 50000 | xargs touch"
      let errors = try FileDescriptor.unnamedFile()
      defer { try? errors.close() }
      let process = try start(
        runArguments(
          ["--scratch", "1G", "--export-replace"] + ExportRun.options(["/home/x/many=x"]),
          command: ["sh", "-c", script]), stdout: errors, stderr: errors)
      let copy = ExportRun.path(".x.oneoff-export/copy")
      try waitUntil { FileManager.default.fileExists(atPath: copy) }
      process.send(signal)
      let end = try process.wait()
      return Completion(end: end, stdout: [], stderr: try errors.contents())
    }

    @Test func supervisorThatIsKilledLeavesTheOldOne() throws {
      #expect(try interrupt(with: SIGKILL).end == .signal(SIGKILL))
      #expect(try text("x/old") == "before")
      #expect(Workspace.current.names(in: "files/out").sorted() == [".x.oneoff-export", "x"])
      // Nobody else can look into it.
      let mode = try RunningProcess.output(["stat", "-c", "%a", ExportRun.path(".x.oneoff-export")])
      #expect(mode == "700\n")
      let next = try export(
        "/home/x=x", options: ["--export-replace"], script: "mkdir /home/x; echo >/home/x/new")
      #expect(next.completion.status == 0, "\(next.completion.errors)")
      #expect(next.found == ["x d 755 0:0", "x/new f 644 0:0 1"])
    }

    @Test func supervisorThatIsToldToEndTakesTheCopyAway() throws {
      let completion = try interrupt(with: SIGTERM)
      #expect(completion.end == .code(125))
      #expect(completion.errors.contains("oneoff was told to end"), "\(completion.errors)")
      #expect(try text("x/old") == "before")
      #expect(Workspace.current.names(in: "files/out") == ["x"])
    }

    @Test func twoRunsDoNotMakeTheSameExport() throws {
      let draft = try Workspace.current.make("files/out/.x.oneoff-export")
      let lock = try FileDescriptor.open(FilePath(draft), .readOnly, options: .closeOnExec)
      #expect(flock(lock.rawValue, LOCK_EX) == 0)
      let refused = try export("/home/x=x", script: "echo >/home/x")
      #expect(refused.completion.status == 125)
      #expect(refused.completion.errors.contains("another run may be making it"))
      #expect(Workspace.current.names(in: "files/out") == [".x.oneoff-export"])
      try lock.close()
      #expect(try export("/home/x=x", script: "echo >/home/x").completion.status == 0)
      #expect(Workspace.current.names(in: "files/out") == ["x"])
    }
  }
}
