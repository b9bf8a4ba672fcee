import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  @Suite struct FileSystemTests {
    /// What find(1) says of the image: names, times, sizes, owners.
    private func imageState() throws -> String {
      try RunningProcess.output(
        ["find", Built.tiny, "-printf", "%P %y %m %U:%G %s %T@ %l\\n"])
    }

    @Test func imageIsUnchangedWhateverTheCommandDoes() throws {
      let before = try imageState()
      let result = try shell(
        """
        set -e
        echo new >/etc/new; echo changed >>/etc/passwd; rm /bin/vi; chmod 600 /etc/group
        mv /usr/bin /usr/moved; ls /usr/moved/env >/dev/null; mkdir /usr/bin; touch /usr/bin/x
        rm -r /home; touch -d @1 /var; ln -s / /etc/link
        echo done
        """)
      #expect(result.output == "done\n", "\(result.errors)")
      #expect(try imageState() == before)
    }

    @Test func directoryOfTheImageCanBeRenamed() throws {
      #expect(try run([], "probe", "rename", "/home", "/house")["errno"] == "0")
    }

    @Test func onlyOwnMountsAreThere() throws {
      let result = try run([], "probe", "mounts")
      let places = result.all("mount").map { String($0.prefix { $0 != " " }) }
      let allowed = ["/", "/dev", "/dev/pts", "/dev/shm", "/proc", "/sys"]
      #expect(Set(allowed).isSubset(of: places))
      #expect(Set(places).count == places.count)
      for place in places where !allowed.contains(place) {
        #expect(place.hasPrefix("/proc/") || place.hasPrefix("/sys/"), "\(place)")
      }
      #expect(!result.output.contains(Built.tiny))
    }

    @Test func mountsHaveTheRightsThatTheyNeedAndNoMore() throws {
      var options: [String: Set<Substring>] = [:]
      for mount in try run([], "probe", "mounts").all("mount") {
        let fields = mount.split(separator: " ")
        options[String(fields[0])] = Set(fields[2].split(separator: ","))
      }
      #expect(options["/"]?.isSuperset(of: ["nosuid", "nodev"]) == true)
      #expect(options["/dev"]?.isSuperset(of: ["nosuid", "noexec"]) == true)
      #expect(options["/dev/pts"]?.isSuperset(of: ["nosuid", "noexec"]) == true)
      #expect(options["/dev/shm"]?.isSuperset(of: ["nosuid", "nodev"]) == true)
      #expect(options["/proc"]?.isSuperset(of: ["nosuid", "nodev", "noexec"]) == true)
      #expect(options["/sys"]?.isSuperset(of: ["ro", "nosuid", "nodev", "noexec"]) == true)
    }

    @Test func mountsOfTheContainerDoNotReachTheHost() throws {
      // A host whose mounts are shared, as systemd makes them: what is mounted must not come back.
      let wrapper = [
        "unshare", "--mount", "--propagation", "shared", "sh", "-c",
        "\"$@\" >/dev/null; wc -l </proc/self/mountinfo; "
          + "nsenter --mount=/proc/self/ns/mnt true; wc -l </proc/self/mountinfo", "sh",
      ]
      let alone = try RunningProcess.output(wrapper + ["true"])
      let stdout = try FileDescriptor.unnamedFile()
      defer { try? stdout.close() }
      let process = try start(
        runArguments([], command: ["true"]), wrapper: wrapper, stdout: stdout,
        stderr: .standardError)
      _ = try process.wait()
      #expect(String(decoding: try stdout.contents(), as: UTF8.self) == alone)
    }

    @Test func deviceNodesAreTheseAndNoOthers() throws {
      let names = try run([], "probe", "list", "/dev").all("entry")
      #expect(
        Set(names) == [
          "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin",
          "stdout", "stderr",
        ])
    }

    @Test(arguments: [
      ("null", "1", "3"), ("zero", "1", "5"), ("full", "1", "7"), ("random", "1", "8"),
      ("urandom", "1", "9"), ("tty", "5", "0"),
    ])
    func deviceIsTheKernelsAndBelongsToRoot(name: String, major: String, minor: String) throws {
      let node = try run([], "probe", "stat", "/dev/\(name)")
      #expect(node["type"] == "char")
      #expect([node["major"], node["minor"]] == [major, minor])
      #expect([node["uid"], node["gid"], node["mode"]] == ["0", "0", "0666"])
    }

    @Test func devicesWork() throws {
      let result = try shell(
        ["--user", "app"],
        "echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c")
      #expect(result.lines == ["3", "4"])
      #expect(try run(["--user", "app"], "probe", "open", "/dev/ptmx", "w")["errno"] == "0")
    }

    @Test func sharedMemoryDirectoryIsForAll() throws {
      #expect(try run([], "probe", "stat", "/dev/shm")["mode"] == "1777")
      #expect(try run(["--user", "app"], "probe", "write", "/dev/shm/x", "y")["errno"] == "0")
      #expect(try run(["--user", "app"], "probe", "write", "/dev/x", "y")["errno"] == "EACCES")
    }

    @Test func deviceDirectoryBelongsToRoot() throws {
      let directory = try run([], "probe", "stat", "/dev")
      #expect([directory["uid"], directory["gid"], directory["mode"]] == ["0", "0", "0755"])
    }

    /// Present on this kernel or not: then there is nothing to hide.
    @Test(arguments: [
      "acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi",
      "timer_list", "timer_stats", "sysrq-trigger",
    ])
    func fileOfProcIsMasked(name: String) throws {
      try expectMasked("/proc/\(name)")
    }

    @Test(arguments: ["firmware", "devices/virtual/powercap"])
    func fileOfSysIsMasked(name: String) throws {
      try expectMasked("/sys/\(name)")
    }

    private func expectMasked(_ path: String) throws {
      let status = try run([], "probe", "stat", path)
      let exists = FileManager.default.fileExists(atPath: path)
      #expect((status["errno"] == "0") == exists)
      guard exists else { return }
      // Some are empty on some kernels, masked or not.
      let mounts = try run([], "probe", "mounts").all("mount")
      #expect(mounts.contains { $0.hasPrefix("\(path) ") })
      if status["type"] == "directory" {
        #expect(try run([], "probe", "list", path).all("entry").isEmpty)
        #expect(status["mode"] == "0555")
      } else {
        #expect([status["major"], status["minor"]] == ["1", "3"])
      }
    }

    @Test(arguments: ["bus", "fs", "irq", "sys"])
    func directoryOfProcIsReadOnly(name: String) throws {
      let mounts = try run([], "probe", "mounts").all("mount")
      let mount = try #require(mounts.first { $0.hasPrefix("/proc/\(name) ") })
      #expect(mount.split(separator: " ")[2].split(separator: ",").contains("ro"))
    }

    @Test func sysIsReadOnlyForRoot() throws {
      #expect(
        try run([], "probe", "open", "/sys/kernel/uevent_seqnum", "w")["errno"] != "0")
      #expect(try run([], "probe", "mkdir", "/sys/x")["errno"] == "EROFS")
    }

    @Test func procShowsTheContainersProcesses() throws {
      let result = try shell("ls /proc | grep -c '^[0-9]'")
      #expect(Int(result.lines[0]).map { $0 < 8 } == true)
    }

    @Test func readOnlyRootRefusesWrites() throws {
      #expect(try run(["--read-only"], "probe", "write", "/x", "y")["errno"] == "EROFS")
      #expect(try run(["--read-only"], "probe", "write", "/dev/null", "y")["errno"] == "0")
      let writable = try run(
        ["--read-only", "--tmpfs", "/tmp"], "probe", "write", "/tmp/x", "y")
      #expect(writable["errno"] == "0")
      #expect(try run([], "probe", "write", "/x", "y")["errno"] == "0")
    }

    @Test func temporaryFileSystemHasItsSizeAndOwner() throws {
      let options = ["--tmpfs", "/data/cache:1M", "--user", "app"]
      let status = try run(options, "probe", "stat", "/data/cache")
      #expect([status["uid"], status["gid"]] == ["1000", "1000"])
      let filled = try run(options, "probe", "fill", "/data/cache/x", "2000000")
      #expect(filled["errno"] == "ENOSPC")
      #expect(filled["written"] == "1048576")
    }

    @Test func scratchEndsWithENOSPC() throws {
      let filled = try run(["--scratch", "2M"], "probe", "fill", "/tmp/x", "4000000")
      #expect(filled["errno"] == "ENOSPC")
      #expect(try run(["--scratch", "8M"], "probe", "fill", "/tmp/x", "4000000")["errno"] == "0")
    }

    @Test func machineItselfCanBeTheRoot() throws {
      let result = try run(
        [], rootfs: "/", "sh", "-c", "touch /etc/itest-x /tmp/y /run/z && ls /tmp /run")
      #expect(
        result.lines == ["/run:", "z", "", "/tmp:", "y"].filter { !$0.isEmpty }
          || result.lines == ["/tmp:", "y", "/run:", "z"])
      #expect(!FileManager.default.fileExists(atPath: "/etc/itest-x"))
    }
  }
}
