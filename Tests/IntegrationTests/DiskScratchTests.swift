import ContainerSpec
import Foundation
import Glibc
import OneOff
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// A scratch on disk, and that nothing of it is left, whatever becomes of the run.
  @Suite(.requires(.diskScratch)) struct DiskScratchTests {
    private static let disk = ["--scratch", "disk:64M"]
    private static let size = 64 << 20

    private var loopDevices: [String] {
      HostSnapshot.loopDevices(below: Workspace.current.state)
    }

    private var scratchFiles: [String] {
      HostSnapshot.entries(Workspace.current.state.appending("scratch").string)
    }

    /// Waits until the kernel has taken everything away.
    private func waitForNothing() throws {
      let path = Workspace.current.path.string
      try waitUntil { loopDevices.isEmpty && HostSnapshot.processes(of: path).isEmpty }
      #expect(scratchFiles.isEmpty)
    }

    // MARK: What it is

    @Test func moreThanTheSizeDoesNotFit() throws {
      let completion = try run(Self.disk, "probe", "fill", "/tmp/x", "100000000")
      #expect(completion["errno"] == "ENOSPC")
      let written = try #require(completion["written"].flatMap { Int($0) })
      #expect((Self.size * 9 / 10...Self.size).contains(written), "\(written)")
      // It is the size that was asked for.
      let larger = try run(["--scratch", "disk:128M"], "probe", "fill", "/tmp/x", "100000000")
      #expect(larger["errno"] == "0")
    }

    @Test func whatIsRemovedIsRoomOnTheHostAgain() throws {
      let go = try Workspace.current.make("go")
      let script = """
        echo begin; until [ -e /go/on ]; do sleep 0.02; done
        fallocate -l 50000000 /tmp/x && rm /tmp/x && echo end; sleep 60
        """
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      defer { try? reader.close() }
      let process = try start(
        runArguments(Self.disk + ["-v", "\(go):/go"], command: ["sh", "-c", script]),
        stdout: writer, stderr: .standardError)
      try writer.close()
      #expect(try reader.readLine() == "begin")
      let device = try #require(loopDevices.first)
      #expect(scratchFiles.isEmpty)
      let before = try discardedBytes(device)
      try Data().write(to: URL(fileURLWithPath: go + "/on"))
      #expect(try reader.readLine() == "end")
      #expect(try discardedBytes(device) - before >= 50_000_000)
      process.send(SIGTERM)
      _ = try process.wait()
    }

    @Test func whatIsThrownAwayIsNotWrittenToTheDiskBefore() throws {
      func shutdowns(_ bytes: String) throws -> Int {
        let log = try FileDescriptor.open(
          FilePath("/dev/kmsg"), .readOnly, options: [.nonBlocking, .closeOnExec])
        defer { try? log.close() }
        try log.seek(offset: 0, from: .end)
        let completion = try run(["--scratch", "disk:128M"], "probe", "fill", "/tmp/x", bytes)
        #expect(completion["errno"] == "0")
        try waitForNothing()
        return try records(of: log).count { $0.contains("shut down requested") }
      }
      #expect(try shutdowns("100000000") == 1)
      // What is written in no time is not worth a line in the log.
      #expect(try shutdowns("1000000") == 0)
    }

    /// What the kernel has said since the log was opened; each read is a record. See
    /// Documentation/ABI/testing/dev-kmsg of the kernel.
    private func records(of log: FileDescriptor) throws -> [String] {
      var records: [String] = []
      var buffer = [UInt8](repeating: 0, count: 8192)
      while true {
        do {
          let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe log.read(into: $0) }
          records.append(String(decoding: buffer[..<count], as: UTF8.self))
        } catch Errno.resourceTemporarilyUnavailable {
          return records
        } catch Errno.brokenPipe {
          continue  // Others were overwritten meanwhile.
        }
      }
    }

    /// See Documentation/block/stat.rst of the kernel.
    private func discardedBytes(_ device: String) throws -> Int {
      let text = try String(contentsOfFile: "/sys/block/\(device)/stat", encoding: .utf8)
      return try #require(Int(text.split { $0 == " " || $0 == "\n" }[13])) * 512
    }

    @Test func changesAreToldAsOfOneInMemory() throws {
      let layer = try Workspace.current.make("layer")
      for directory in ["kept", "moved", "again"] {
        try Workspace.current.make("layer/data/\(directory)")
        for name in ["a", "b"] {
          let file = "\(layer)/data/\(directory)/\(name)"
          try "text".write(toFile: file, atomically: false, encoding: .utf8)
        }
      }
      // A whiteout, a directory that was moved, and one that is opaque.
      let script = """
        rm /data/kept/a; mv /data/moved /home/there; echo x >/home/there/a; rm -r /data/again
        mkdir /data/again; echo y >/data/again/b; chown 5:6 /data/kept; ln -s x /home/link
        """
      let list = Workspace.current.path.appending("files/changes").string
      func changes(_ scratch: String) throws -> Set<String> {
        let options = ["--layer", layer, "--scratch", scratch, "--changes", list]
        let completion = try shell(options + ["--cap-add", "chown"], script)
        #expect(completion.status == 0, "\(completion.errors)")
        let text = try String(contentsOfFile: list, encoding: .utf8)
        return Set(text.split(separator: "\n").map { String($0) })
      }
      let onDisk = try changes("disk:64M")
      #expect(onDisk.count == 8, "\(onDisk)")
      #expect(onDisk.contains { $0.contains(#""from":"/data/moved""#) }, "\(onDisk)")
      #expect(try onDisk == changes("tmpfs:64M"))
    }

    @Test(arguments: [
      ["--userns", "host"], ["--read-only", "--tmpfs", "/tmp"], ["--user", "33:33"],
    ])
    func worksWithOtherOptions(options: [String]) throws {
      let file = options.contains("--read-only") ? "/tmp/x" : "/var/x"
      let script = "[ $(id -u) = 33 ] || echo text >\(file); cat /etc/hostname; cat \(file)"
      let completion = try shell(Self.disk + options + ["--hostname", "me"], script)
      #expect(completion.lines == (options.contains("--user") ? ["me"] : ["me", "text"]))
    }

    @Test func hookWritesIntoItsReleaseOnDisk() throws {
      let app = try Workspace.current.make("files/app")
      try Workspace.current.write(
        "app/Procfile", "postdeploy: probe fill big 30000000; mkdir dist; echo x >dist/a; id -u\n")
      try RunningProcess.output(["chown", "-R", "1000:1000", app])
      let completion = try perform(
        ["hook", "--rootfs", Built.tiny, "--app-dir", app] + Self.disk)
      #expect(completion.status == 0, "\(completion.errors)")
      let facts = completion.hookLines
      #expect(facts.contains("written=30000000"))
      #expect(facts.last == "1000")
      #expect(completion.errors.contains("1 file below /app/dist"), "\(completion.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: app) == ["Procfile"])
    }

    @Test func theLibraryHasIt() throws {
      let workspace = Workspace.current
      // The supervisor gets this process's environment.
      unsafe setenv("ONEOFF_RUNTIME_DIR", workspace.path.appending("runtime").string, 1)
      unsafe setenv("ONEOFF_STATE_DIR", workspace.state.string, 1)
      defer { unsafe unsetenv("ONEOFF_STATE_DIR") }
      var spec = RunSpec(
        layers: [FilePath(Built.tiny)], command: ["probe", "fill", "/tmp/x", "100000000"])
      spec.scratch = .disk(.mebibytes(64))
      let result = try OneOffContainer(spec, program: FilePath(Built.program)).run()
      #expect(result.limitsHit?.last == "scratch")
      #expect(result.limits?.scratchBytes == UInt64(Self.size))
    }

    /// The limit is less than what is written, and no room is left for a second copy of it.
    @Test(.requires(.controllers)) func whatIsOnDiskIsNoMemoryOfTheRun() throws {
      let (completion, result) = try limited(
        ["--scratch", "disk:400M", "--memory", "64M"], "probe", "fill", "/tmp/x", "300000000")
      #expect(completion["written"] == "300000000", "\(completion.errors)")
      #expect(result.reason == "completed")
      #expect(result.usage?.oom_kills == 0)
    }

    // MARK: Nothing is left

    @Test func twentyAtOnceHaveTheirOwn() throws {
      let (reader, writer) = try FileDescriptor.closedOnExecPipe()
      let processes = try (0..<20).map { number in
        try start(
          runArguments(
            Self.disk, command: ["sh", "-c", "echo \(number) >/tmp/x; cat /tmp/*; sleep 60"]),
          stdout: writer, stderr: .standardError)
      }
      try writer.close()
      var numbers: Set<Int> = []
      while numbers.count < 20 { numbers.insert(try #require(Int(try reader.readLine()))) }
      #expect(numbers == Set(0..<20))
      #expect(Set(loopDevices).count == 20)
      for process in processes { process.send(SIGTERM) }
      for process in processes { #expect(try process.wait(.seconds(60)) == .code(143)) }
      try reader.close()
      try waitForNothing()
    }

    /// The kernel ends what is left of a run, while it is made, and while it goes on.
    @Test func whoeverIsKilledNothingIsLeft() throws {
      let mounts = HostSnapshot().mounts
      var sawDevice = false
      for round in 0..<60 {
        let process = try RunningProcess.quiet(
          [Built.program]
            + runArguments(
              Self.disk,
              command: ["sh", "-c", "while :; do probe fill /tmp/x 20000000; rm /tmp/x; done"]))
        usleep(UInt32.random(in: 0...(round < 40 ? 12_000 : 300_000)))
        sawDevice = !loopDevices.isEmpty || sawDevice
        switch round % 2 {
        case 0: process.send(SIGKILL)
        default:
          // mkfs.ext4, the processes that make namespaces, or PID 1. Of some of them the run may
          // have had all that it needs, and goes on; so it is the turn of whoever comes next.
          try waitUntil {
            for child in children(of: process.pid) { kill(child, SIGKILL) }
            return hasEnded(process.pid)
          }
        }
        _ = try process.wait()
        try waitForNothing()
      }
      #expect(sawDevice)
      #expect(HostSnapshot().mounts == mounts)
      // On cgroup v2 every run has one, which nobody removes whose supervisor was killed.
      #expect(try perform(["gc"]).status == 0)
    }

    /// Whether a process is only there to be waited for.
    private func hasEnded(_ process: Int32) -> Bool {
      let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      return text?.contains(") Z ") == true
    }

    private func children(of process: Int32) -> [Int32] {
      let file = "/proc/\(process)/task/\(process)/children"
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      return text.split(separator: " ").compactMap { Int32($0) }
    }

    // MARK: What it takes

    @Test func moreThanTheHostHasIsAWarning() throws {
      let path = FilePath("/var/tmp").string
      let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
      let free = try #require(attributes[.systemFreeSize] as? Int) >> 30
      let size = "disk:\(free + 20)G"
      let completion = try run(["--scratch", size], "true")
      #expect(completion.status == 0)
      #expect(completion.errors.contains("--scratch \(size) is more than there is room for in"))
      let plan = try perform(
        ["print-plan", "--rootfs", Built.tiny, "--scratch", size, "--", "true"])
      #expect(plan.output.contains("warning: --scratch \(size)"), "\(plan.output)")
    }

    /// Hides a part of the host from a run, which then says what it lacks.
    private struct Lack: CustomStringConvertible, Sendable {
      var description: String
      var script: String
      var message: String
      var hint: String
    }

    private static let lacks = [
      Lack(
        description: "mkfs.ext4", script: "mount --bind /dev/null /usr/sbin/mkfs.ext4",
        message: "a scratch on disk needs mkfs.ext4", hint: "install e2fsprogs"),
      Lack(
        description: "loop devices",
        script: "mkdir -p $0/dev; touch $0/dev/null; mount --bind /dev/null $0/dev/null; "
          + "mount --rbind $0/dev /dev",
        message: "open(2) of /dev/loop-control: ENOENT", hint: "modprobe loop"),
      Lack(
        description: "a disk",
        script: "mkdir -p $ONEOFF_STATE_DIR; mount -t tmpfs x $ONEOFF_STATE_DIR",
        message: "is on tmpfs", hint: "ONEOFF_STATE_DIR"),
      Lack(
        description: "a file system with unnamed files",
        script: "mkdir -p $ONEOFF_STATE_DIR; mount -t ramfs x $ONEOFF_STATE_DIR; "
          + "mkdir $ONEOFF_STATE_DIR/scratch; mount -t cgroup2 x $ONEOFF_STATE_DIR/scratch",
        message: "of a file without a name", hint: "ONEOFF_STATE_DIR"),
    ]

    @Test(arguments: lacks) private func whatTheHostLacksIsSaid(_ lack: Lack) throws {
      let wrapper = [
        "unshare", "--mount", "sh", "-ec", lack.script + "; exec \"$@\"",
        try Workspace.current.make("files/lack"),
      ]
      let completion = try run(Self.disk, wrapper: wrapper, "true")
      #expect(completion.status == 125)
      #expect(completion.errors.contains(lack.message), "\(completion.errors)")
      #expect(completion.errors.contains("hint: "), "\(completion.errors)")
      #expect(completion.errors.contains(lack.hint), "\(completion.errors)")
      let doctor = try perform(["doctor"], wrapper: wrapper)
      let line = doctor.lines.first { $0.contains(" disk-scratch ") }
      #expect(line?.hasPrefix("note") == true, "\(doctor.output)")
    }

    @Test func doctorSaysThatItCanBeHad() throws {
      let state = Workspace.current.state.string
      try? FileManager.default.removeItem(atPath: state)
      let line = try perform(["doctor"]).lines.first { $0.contains(" disk-scratch ") }
      #expect(line?.hasPrefix("ok") == true)
      // Whoever follows an app's link comes by what was made for that.
      let made = try FileManager.default.attributesOfItem(atPath: state)
      #expect(made[.posixPermissions] as? Int == 0o711)
    }

    @Test(.requires(.userNamespaces)) func withoutRootItIsRefused() throws {
      let completion = try OrdinaryUser.single.run(Self.disk, "true")
      #expect(completion.status == 125)
      #expect(completion.errors.contains("--scratch disk:64M needs root"), "\(completion.errors)")
      #expect(completion.errors.contains("hint: use --scratch tmpfs:SIZE"))
    }
  }
}
