import Foundation
import LinuxSystem
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What a run tries to have exported (docs/security.md, 3 and 25).
  @Suite struct ExportAttackTests {
    private func export(
      _ export: String, options: [String] = [], script: String
    ) throws -> ExportRun {
      try ExportRun([export]) { try shell(options + $0, script) }
    }

    private func secret() throws -> String {
      try Workspace.current.write("secret/key", "secret")
    }

    // MARK: Links

    /// Each leads to the same path on the host and inside; only on the host is there a file.
    @Test(arguments: ["ln -s / /home/l", "ln -s ../../../../../.. /home/l"])
    func linkOnTheWayStaysInside(make: String) throws {
      let file = try secret()
      let run = try export("/home/l\(file)=x", script: make)
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("nothing was there"))
      #expect(run.found == [])
      // The same path, where the command has made the file.
      let own = try export(
        "/home/l\(file)=x",
        script: "\(make); mkdir -p $(dirname \(file)); printf inside >\(file)")
      #expect(own.completion.status == 0, "\(own.completion.errors)")
      #expect(try String(contentsOfFile: ExportRun.path("x"), encoding: .utf8) == "inside")
    }

    @Test(arguments: ["%", "../../../../../..%", "/proc/self/root%", "/proc/1/root%"])
    func linkAtTheEndIsALink(target: String) throws {
      let target = target.replacingOccurrences(of: "%", with: try secret())
      let run = try export("/home/l=x", script: "ln -s '\(target)' /home/l")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(run.found == ["x l 777 0:0 \(target.utf8.count) \(target)"])
    }

    @Test func linksInADirectoryAreLinks() throws {
      let file = try secret()
      let directory = FilePath(file).removingLastComponent().string
      let run = try export(
        "/home/d=x", script: "mkdir /home/d; ln -s \(file) /home/d/f; ln -s \(directory) /home/d/g")
      #expect(
        run.found == [
          "x d 755 0:0", "x/f l 777 0:0 \(file.utf8.count) \(file)",
          "x/g l 777 0:0 \(directory.utf8.count) \(directory)",
        ], "\(run.completion.errors)")
    }

    @Test(arguments: ["/proc/1/root/etc/passwd", "/proc/self/cwd/etc/passwd", "/dev/fd/0/x"])
    func linkIntoAnotherFileSystemLeadsNowhere(target: String) throws {
      let run = try export(
        "/home/l/x=x", script: "ln -s \(FilePath(target).removingLastComponent()) /home/l")
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("is not in the scratch"), "\(run.completion.errors)")
      #expect(run.found == [])
    }

    @Test func loopOfLinksEnds() throws {
      let run = try export(
        "/home/a/x=x", script: "ln -s b /home/a; ln -s a /home/b")
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("a loop of symbolic links"))
    }

    @Test func pathThroughAFileLeadsNowhere() throws {
      for path in ["/home/f/x", "/home/l/x"] {
        let run = try export("\(path)=x", script: "echo >/home/f; ln -s f /home/l")
        #expect(run.completion.status == 125)
        #expect(run.completion.errors.contains("something that is not a directory"))
        #expect(run.found == [])
      }
    }

    // MARK: What is no file

    @Test(arguments: [("mkfifo", "pipe"), ("probe mksock", "socket")])
    func whatIsNoFileIsNotExported(make: String, kind: String) throws {
      for exported in ["/home/d/x", "/home/d"] {
        let run = try export("\(exported)=x", script: "mkdir /home/d; \(make) /home/d/x")
        #expect(run.completion.status == 125)
        #expect(
          run.completion.errors.contains("'/home/d/x' is a \(kind), which cannot be exported"),
          "\(run.completion.errors)")
        #expect(run.found == [])
      }
    }

    @Test func deviceOfAnImageIsNotExported() throws {
      let layer = try Workspace.current.make("layer/data")
      try RunningProcess.output(["mknod", layer + "/zero", "c", "1", "5"])
      let options = ["--layer", FilePath(layer).removingLastComponent().string]
      for exported in ["/data/zero", "/data"] {
        let run = try export("\(exported)=x", options: options, script: "true")
        #expect(run.completion.status == 125)
        #expect(
          run.completion.errors.contains("'/data/zero' is a device, which cannot be exported"))
        #expect(run.found == [])
      }
    }

    @Test(arguments: [
      "/dev/null", "/proc/self/status", "/sys/kernel", "/cache/x", "/vol/x", "/vol",
    ])
    func whatIsNotInTheScratchIsRefusedBeforehand(path: String) throws {
      let volume = try Workspace.current.make("files/volume")
      let run = try export(
        "\(path)=x", options: ["--tmpfs", "/cache", "-v", "\(volume):/vol"], script: "echo ran")
      #expect(run.completion.status == 125)
      #expect(run.completion.output == "")
      #expect(run.completion.errors.contains("'\(path)' is not in the scratch"))
    }

    @Test func volumeInADirectoryStaysBehind() throws {
      let file = try secret()
      let volume = FilePath(file).removingLastComponent().string
      let run = try export(
        "/srv=x",
        options: ["-v", "\(volume):/srv/vol", "-v", "\(file):/srv/key", "--tmpfs", "/srv/t"],
        script: "cat /srv/vol/key /srv/key; echo >/srv/t/a; echo >/srv/b")
      #expect(run.completion.output == "secretsecret")
      #expect(
        run.found == ["x d 755 0:0", "x/b f 644 0:0 1", "x/t d 755 0:0", "x/vol d 755 0:0"],
        "\(run.completion.errors)")
    }

    // MARK: Rights

    @Test func setuidAndSetgidBitsStayBehind() throws {
      let layer = try Workspace.current.make("layer/data")
      for (name, mode) in [("u", 0o4755), ("g", 0o2755), ("s", 0o7777)] {
        let file = layer + "/" + name
        try "x".write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
      }
      let run = try export(
        "/data=x", options: ["--layer", FilePath(layer).removingLastComponent().string],
        script: "stat -c %a /data/u /data/g /data/s")
      // The command saw them.
      #expect(run.completion.lines == ["4755", "2755", "7777"])
      #expect(
        run.found == [
          "x d 755 0:0", "x/g f 755 0:0 1", "x/s f 777 0:0 1", "x/u f 755 0:0 1",
        ])
    }

    /// Without the filter that keeps the command from making such files.
    @Test func setuidFileOfTheCommandIsNoneOutside() throws {
      let run = try export(
        "/home/d=x", options: ["--seccomp", "unconfined"],
        script: """
          mkdir /home/d; cp /bin/busybox /home/d/sh
          chmod 6755 /home/d/sh; chmod 3777 /home/d; stat -c %a /home/d/sh /home/d
          """)
      #expect(run.completion.lines == ["6755", "3777"], "\(run.completion.errors)")
      #expect(run.found.map { $0.split(separator: " ")[2] } == ["777", "755"])
    }

    /// In a directory whose group what is made there inherits, as directories do the bit.
    @Test func setgidBitOfTheDirectoryAboveIsNotInherited() throws {
      let out = try ExportRun.directory()
      try RunningProcess.output(["chmod", "2755", out])
      let run = try export("/home/d=x", script: "mkdir -p /home/d/e")
      #expect(run.found == ["x d 755 0:0", "x/e d 755 0:0"], "\(run.completion.errors)")
    }

    @Test(.requires(.tool("/usr/sbin/setcap"))) func capabilitiesOfAFileStayBehind() throws {
      let layer = try Workspace.current.make("layer/data")
      let file = layer + "/f"
      try "x".write(toFile: file, atomically: false, encoding: .utf8)
      #expect(try RunningProcess.completion(["setcap", "cap_net_raw+ep", file]).status == 0)
      func capabilities(_ path: String) throws -> [UInt8]? {
        try OwnedDescriptor(opening: FilePath(path), flags: []).attribute("security.capability")
      }
      let run = try export(
        "/data/f=x", options: ["--layer", FilePath(layer).removingLastComponent().string],
        script: "true")
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(try capabilities(ExportRun.path("x")) == nil)
      #expect(try capabilities(file) != nil)
    }

    // MARK: The host's side

    /// Somebody else's directory, or a link, in the place of the draft.
    @Test(arguments: ["mkdir %; chown 1234 %", "ln -s ../secret %", "mkfifo %"])
    func draftOfSomebodyElseIsNotUsed(make: String) throws {
      let file = try secret()
      _ = try ExportRun.directory()
      let draft = ExportRun.path(".x.oneoff-export")
      try RunningProcess.output(["sh", "-c", make.replacingOccurrences(of: "%", with: draft)])
      let before = try ExportRun.listing(ExportRun.path(""))
      let run = try export("/home/x=x", script: "echo >/home/x")
      #expect(run.completion.status == 125)
      #expect(run.completion.errors.contains("'.x.oneoff-export' is not yours"))
      #expect(run.found == before)
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "secret")
    }

    @Test func whatIsMountedInAReplacedDirectoryIsNotEmptied() throws {
      let file = try secret()
      try Workspace.current.write("out/x/mounted/old", "old")
      let script = """
        mount --bind "$0" "$1" && shift && exec "$@"
        """
      let directory = FilePath(file).removingLastComponent().string
      let run = try ExportRun(["/home/x=x"]) {
        try perform(
          runArguments($0 + ["--export-replace"], command: ["mkdir", "/home/x"]),
          wrapper: [
            "unshare", "--mount", "sh", "-c", script, directory, ExportRun.path("x/mounted"),
          ])
      }
      #expect(run.completion.status == 0, "\(run.completion.errors)")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "secret")
    }
  }
}
