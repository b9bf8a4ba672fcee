import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct ImageTests {
    /// A layer that holds one symbolic link.
    private func layer(linking name: String, to target: String) throws -> String {
      let layer = try Workspace.current.make("files/layer-\(name)")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/" + name, withDestinationPath: target)
      return layer
    }

    @Test(arguments: ["dev", "proc", "sys"])
    func kernelDirectoryThatIsALinkIsRefused(name: String) throws {
      for target in ["/tmp", "tmp", "/"] {
        let layer = try self.layer(linking: name, to: target)
        let result = try run(["--layer", layer], "true")
        #expect(result.status == 125)
        #expect(result.errors.contains("/\(name)"))
        #expect(result.errors.contains("symbolic link"))
        #expect(result.errors.contains("hint: "))
        try FileManager.default.removeItem(atPath: layer)
      }
    }

    @Test func imageWithoutKernelDirectoriesGetsThem() throws {
      for name in ["dev", "proc", "sys"] {
        #expect(!FileManager.default.fileExists(atPath: Built.tiny + "/" + name))
      }
      #expect(try shell("test -c /dev/null && test -d /proc/1 && test -d /sys/kernel").status == 0)
    }

    @Test func laterLayersLieOnTop() throws {
      let workspace = Workspace.current
      for name in ["one", "two"] {
        try workspace.write("\(name)/etc/who", name)
        try workspace.write("\(name)/only-\(name)", name)
      }
      let one = workspace.path.appending("files/one").string
      let two = workspace.path.appending("files/two").string
      let script = "cat /etc/who /only-one /only-two; test -x /bin/busybox && echo base"
      let upwards = try shell(["--layer", one, "--layer", two], script)
      #expect(upwards.output == "twoonetwobase\n")
      let downwards = try shell(["--layer", two, "--layer", one], script)
      #expect(downwards.output == "oneonetwobase\n")
    }

    /// More than one option of fsconfig(2) holds; all must lie as they were named.
    @Test(arguments: [60, 66, 499]) func manyLayersLieOnTop(count: Int) throws {
      let workspace = Workspace.current
      var options: [String] = []
      for number in 1...count {
        try workspace.write("\(number)/top", "\(number)")
        try workspace.write("\(number)/only-\(number)", "")
        options += ["--layer", workspace.path.appending("files/\(number)").string]
      }
      let result = try shell(options, "cat /top; ls / | grep -c only-; test -x /bin/busybox")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "\(count)\(count)\n")
    }

    @Test func filesOfTheImageBelongToTheirOwnersInside() throws {
      #expect(try run([], "probe", "stat", "/home/app")["uid"] == "1000")
      #expect(try run([], "probe", "stat", "/etc/passwd")["uid"] == "0")
      #expect(try run(["--user", "app"], "probe", "write", "/home/app/x", "y")["errno"] == "0")
      #expect(try run(["--user", "app"], "probe", "write", "/etc/x", "y")["errno"] == "EACCES")
    }

    @Test func setuidBitsOfTheImageDoNothing() throws {
      let layer = try Workspace.current.make("files/setuid")
      try Workspace.current.make("files/setuid/opt")
      try FileManager.default.copyItem(
        atPath: Built.fixture("probe"), toPath: layer + "/opt/probe")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o4755], ofItemAtPath: layer + "/opt/probe")
      let ids = try run(["--layer", layer, "--user", "app"], "/opt/probe", "ids")
      #expect(ids["euid"] == "1000")
    }
  }

  @Suite struct VolumeTests {
    @Test func directoryIsSharedWithItsOwners() throws {
      let source = try Workspace.current.make("files/data", mode: 0o777)
      let volume = ["--volume", "\(source):/data"]
      let made = try run(volume + ["--user", "33"], "probe", "write", "/data/x", "y")
      #expect(made["errno"] == "0")
      let status = try FileManager.default.attributesOfItem(atPath: source + "/x")
      #expect(status[.ownerAccountID] as? Int == 33)
      #expect(status[.groupOwnerAccountID] as? Int == 33)
      let seen = try run(volume, "probe", "stat", "/data/x")
      #expect([seen["uid"], seen["gid"]] == ["33", "33"])
    }

    /// The ids at the edges of the range, too, are the same inside and on the volume.
    @Test(arguments: [0, 1000, 65535]) func whatIsMadeThereKeepsItsOwner(id: Int) throws {
      let source = try Workspace.current.make("files/data", mode: 0o777)
      let result = try shell(
        ["--user", "\(id):\(id)", "--volume", "\(source):/data"],
        "mkdir /data/d && echo y >/data/d/x && ln -s x /data/d/l && stat -c %u:%g /data/d/x")
      #expect(result.output == "\(id):\(id)\n", "\(result.errors)")
      let owners = try RunningProcess.output(["find", "\(source)/d", "-printf", "%U:%G "])
      #expect(owners == String(repeating: "\(id):\(id) ", count: 3))
    }

    /// Nobody's files can be read where everybody may, and never be written (EACCES).
    @Test func ownersOutsideOfTheRangeAreNobody() throws {
      let source = try Workspace.current.make("files/data", mode: 0o777)
      try Workspace.current.make("files/data/theirs", mode: 0o777, owner: 70000)
      let seen = try run(["--volume", "\(source):/data"], "probe", "stat", "/data/theirs")
      #expect([seen["uid"], seen["gid"]] == ["65534", "65534"])
      let made = try run(["--volume", "\(source):/data"], "probe", "write", "/data/theirs/x", "y")
      #expect(made["errno"] == "EACCES")
    }

    @Test func whatTheRunHasNoIdsForIsSaidBeforehand() throws {
      let layer = try Workspace.current.make("files/layer")
      try Workspace.current.make("files/layer/etc", owner: 100_000)
      let volume = try Workspace.current.make("files/data", owner: 70000)
      let options = ["--layer", layer, "--volume", "\(volume):/data"]
      let result = try run(options, "true")
      #expect(result.status == 0)
      #expect(result.errors.contains("warning: the layer \(layer)/etc belongs to 100000:100000"))
      #expect(result.errors.contains("warning: the volume \(volume) belongs to 70000:70000"))
      let events = try run(options + ["--events", "-"], "true")
      #expect(events.lines.first?.contains(#""code":"owner-out-of-range""#) == true)
      // Where ids are the host's there is nothing to warn of.
      #expect(try run(options + ["--userns", "host"], "true").errors == "")
      #expect(try run([], "true").errors == "")
    }

    @Test func fileIsSharedAndCanBeMadeReadOnly() throws {
      let file = try Workspace.current.write("config", "old")
      let writable = try run(
        ["--volume", "\(file):/etc/app/config"], "probe", "write", "/etc/app/config", "new")
      #expect(writable["errno"] == "0")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "new")
      let refused = try run(
        ["--volume", "\(file):/etc/app/config:ro"], "probe", "write", "/etc/app/config", "x")
      #expect(refused["errno"] == "EROFS")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "new")
    }

    @Test func volumesAreWithoutSetuidAndDevices() throws {
      let source = try Workspace.current.make("files/data")
      let mounts = try run(["--volume", "\(source):/data"], "probe", "mounts").all("mount")
      let mount = try #require(mounts.first { $0.hasPrefix("/data ") })
      let options = mount.split(separator: " ")[2].split(separator: ",")
      #expect(options.contains("nosuid") && options.contains("nodev"))
    }

    @Test func destinationThatIsALinkStaysInside() throws {
      let workspace = Workspace.current
      let source = try workspace.make("files/data", mode: 0o777)
      try workspace.write("data/marker", "volume")
      let outside = try workspace.make("outside")
      for (name, target) in [
        ("absolute", outside), ("up", "../../../../../../../../../.." + outside), ("tmp", "/tmp"),
      ] {
        let layer = try workspace.make("files/layer-\(name)")
        try FileManager.default.createSymbolicLink(
          atPath: layer + "/link", withDestinationPath: target)
        let result = try run(
          ["--layer", layer, "--volume", "\(source):/link/in"], "cat", "/link/in/marker")
        // Followed inside of the image, or refused; never made on the host.
        #expect(result.status == 125 || result.output == "volume", "\(name)")
        if name == "tmp" { #expect(result.output == "volume") }
        #expect(workspace.names(in: "outside").isEmpty)
      }
    }

    /// What the command writes to it must not land on the host, whatever the order of the options.
    @Test func temporaryFileSystemInAVolumeIsNotCoveredByIt() throws {
      let workspace = Workspace.current
      try workspace.write("v/cache/x", "host")
      let host = workspace.path.appending("files/v").string
      let result = try shell(
        ["--tmpfs", "/data/cache", "--volume", "\(host):/data"],
        "ls /data/cache; echo secret >/data/cache/y; ls /data/cache")
      #expect(result.output == "y\n")
      #expect(!FileManager.default.fileExists(atPath: "\(host)/cache/y"))
    }

    @Test func volumesMayBeNested() throws {
      let workspace = Workspace.current
      try workspace.write("a/inner/x", "a")
      try workspace.write("b/x", "b")
      let files = workspace.path.appending("files").string
      let result = try shell(
        ["--volume", "\(files)/a:/v", "--volume", "\(files)/b:/v/inner"], "cat /v/inner/x")
      #expect(result.output == "b")
    }
  }
}
