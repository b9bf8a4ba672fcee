import Foundation
import SystemPackage
import Testing

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
