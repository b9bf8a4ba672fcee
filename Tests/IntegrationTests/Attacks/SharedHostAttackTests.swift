import Foundation
import SystemPackage
import Testing

@testable import OneOff

// What a run shares with its host and with other runs: mounts, and the kernel's budgets.
extension IntegrationTests {
  @Suite struct SharedHostAttackTests {
    /// A mount namespace in which every mount is shared, as systemd makes the host's.
    private func onHostWithSharedMounts(_ script: String) throws -> Completion {
      let program = "export oneoff='\(Built.program)' rootfs='\(Built.tiny)'; "
      return try RunningProcess.completion(
        ["unshare", "--mount", "sh", "-c", "mount --make-rshared / && \(program)\(script)"])
    }

    @Test func mountsOfARunDoNotReachTheHost() throws {
      let volume = try Workspace.current.make("files/volume")
      try Workspace.current.make("files/volume/sub")
      let result = try onHostWithSharedMounts(
        "$oneoff run --rootfs $rootfs --volume \(volume):/v --tmpfs /v/sub -- "
          + "sh -c 'grep -c \" /v/sub \" /proc/mounts' && cat /proc/self/mountinfo")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.lines.first == "1")
      #expect(!result.output.contains("\(volume)/sub"))
    }

    @Test func mountsOfTheHostDoNotReachARun() throws {
      let volume = try Workspace.current.make("files/volume")
      try Workspace.current.make("files/volume/sub")
      // The host mounts a writable file system in a volume that is read-only, and writes the name.
      let result = try onHostWithSharedMounts(
        """
        $oneoff run --rootfs $rootfs --volume \(volume):/v:ro -- sh -c '
          touch /tmp/waiting; i=0
          until [ -e /v/mounted ] || [ $((i += 1)) -gt 20 ]; do sleep 0.1; done
          ls /v/sub; echo end' &
        sleep 0.3
        mount -t tmpfs none \(volume)/sub && touch \(volume)/sub/secret \(volume)/mounted
        wait; umount \(volume)/sub
        """)
      #expect(result.lines == ["end"], "\(result.errors)")
    }

    @Test func terminalsOfARunAreBounded() throws {
      let result = try shell(
        [],
        "exec 3<>/dev/ptmx; for i in $(seq 100); do sh -c 'exec 4<>/dev/ptmx; sleep 1' & done; "
          + "sleep 0.5; ls /dev/pts | grep -c '[0-9]'")
      let count = try #require(result.lines.last.flatMap { Int($0) })
      #expect((2...64).contains(count), "\(result.errors)")
    }

    @Test(arguments: [("/tmp", 256), ("/dev/shm", 16384), ("/dev", 256)])
    func filesWithoutContentAreBounded(directory: String, limit: Int) throws {
      let result = try shell(
        ["--scratch", "1M"],
        "mkdir \(directory)/f; cd \(directory)/f; i=0; "
          + "while [ $i -le \(limit) ] && echo -n >$i; do i=$((i + 1)); done 2>/dev/null; echo $i")
      let count = try #require(result.lines.last.flatMap { Int($0) })
      #expect(count > limit / 2)
      #expect(count < limit)
    }

    @Test func limitsThatCountAgainstRootAreLowered() throws {
      let limits = try run([], "cat", "/proc/self/limits").output
      let fields = limits.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(fields.contains { $0.starts(with: ["Max", "pending", "signals", "4096", "4096"]) })
      #expect(fields.contains { $0.starts(with: ["Max", "msgqueue", "size", "131072", "131072"]) })
    }

    @Test func instancesOfInotifyAreBounded() throws {
      // Half of what most hosts have for all of root's.
      let attack = try Attack("probe", "inotify-many", "64")
      let bounded = try attack.onProgram()
      #expect([bounded["opened"], bounded["errno"]] == ["32", "EMFILE"], "\(bounded.errors)")
      let flood = try attack.without { sequence in
        sequence.preparations = sequence.preparations.map { preparation in
          guard case .userNamespace(let name, let users, let groups, _?) = preparation else {
            return preparation
          }
          return .userNamespace(name, users: users, groups: groups, limits: nil)
        }
      }
      #expect([flood["opened"], flood["errno"]] == ["64", "0"], "\(flood.errors)")
    }

    @Test func limitsOfInotifyCannotBeRaised() throws {
      let files = ["instances", "watches"].map { "/proc/sys/user/max_inotify_\($0)" }
      #expect(try run([], "cat", files[0], files[1]).lines == ["32", "16384"])
      for file in files { #expect(try run([], "probe", "open", file, "w")["errno"] == "EACCES") }
    }

    /// The kernel clears the bits when such a file is written, but not when its memory is.
    @Test func setuidFileOfAVolumeKeepsItsBitsWhereItIsMapped() throws {
      let volume = try Workspace.current.make("files/volume")
      let file = "\(volume)/program"
      for (way, mode) in [("write", "755"), ("overwrite-mapped", "6755")] {
        try Workspace.current.write("volume/program", "old")
        try RunningProcess.output(["chmod", "6755", file])
        let result = try run(["--volume", "\(volume):/v"], "probe", way, "/v/program", "new")
        #expect(result["errno"] == "0", "\(result.errors)")
        #expect(try String(contentsOfFile: file, encoding: .utf8).first == "n")
        #expect(try RunningProcess.output(["stat", "-c", "%a", file]) == "\(mode)\n")
      }
    }

    @Test func deviceOfAReleaseIsNotOpened() throws {
      let app = try Workspace.current.make("files/app")
      // Reading it would never end.
      try RunningProcess.output(["mknod", "\(app)/Procfile", "c", "1", "5"])
      let result = try RunningProcess.completion(
        [Built.program, "hook", "--rootfs", Built.tiny, "--app-dir", app])
      #expect(result.status == 125)
      #expect(result.errors.contains("cannot be read"))
    }

    @Test func deviceOfAnImageIsNotOpened() throws {
      let layer = try Workspace.current.make("files/layer/etc")
      try RunningProcess.output(["mknod", "\(layer)/passwd", "c", "1", "5"])
      let result = try run(
        ["--layer", Workspace.current.path.appending("files/layer").string, "--user", "app"],
        "true")
      // The layer below has the user.
      #expect(result.status == 0, "\(result.errors)")
    }

    @Test func directoryThatCannotBeMadeIsAnError() throws {
      let link = Workspace.current.path.appending("files/link").string
      try RunningProcess.output(["ln", "-s", "/nowhere/at/all", link])
      let result = try RunningProcess.completion(
        [Built.program, "run", "--rootfs", Built.tiny, "--", "true"],
        environment: ["ONEOFF_RUNTIME_DIR": link])
      #expect(result.status == 125)
      #expect(result.errors.contains("mkdir(2) of \(link)"))
    }
  }
}
