import ContainerSpec
import Foundation
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

extension IntegrationTests {
  /// Images and volumes that bend the places where something is mounted (docs/security.md, 3 to 6).
  @Suite struct MountAttackTests {
    private let outside: String

    init() throws { outside = try Workspace.current.make("outside", mode: 0o777) }

    private var wasReached: Bool { !Workspace.current.names(in: "outside").isEmpty }

    /// A run with a volume that goes to a place below a link of the image to a directory of the
    /// host.
    private func attackByLink() throws -> Attack {
      let workspace = Workspace.current
      let layer = try workspace.make("files/layer")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/link", withDestinationPath: outside)
      let source = FilePath(try workspace.make("files/source", mode: 0o777))
      return try Attack("true") { spec in
        spec.layers.append(FilePath(layer))
        spec.volumes = [Volume(source: source, destination: "/link/in")]
      }
    }

    @Test func linkOfTheImageDoesNotLeadAMountToTheHost() throws {
      let attack = try attackByLink()
      _ = try attack.onProgram()
      #expect(!wasReached)
      // As a program does it that follows the path from the host's root, where the image lies.
      let layer = Workspace.current.path.appending("files/layer").string
      _ = try attack.without { try $0.resolveVolumesFromTheHostsRoot(image: layer) }
      #expect(wasReached)
    }

    /// Runs `body` while a volume's directory `place` and a link to the host take turns, as fast as
    /// a program can exchange them.
    private func whilePlacesAreExchanged(_ body: () throws -> Void) throws {
      let workspace = Workspace.current
      let volume = try workspace.make("files/volume")
      try workspace.make("files/volume/place/in")
      try FileManager.default.createSymbolicLink(
        atPath: volume + "/link", withDestinationPath: outside)
      let exchange = try RunningProcess.quiet(
        [Built.fixture("probe"), "exchange", volume + "/place", volume + "/link"])
      defer {
        exchange.send(SIGKILL)
        #expect(throws: Never.self) { try exchange.wait() == .signal(SIGKILL) }
      }
      try body()
    }

    private func attackByRace() throws -> Attack {
      let workspace = Workspace.current
      try workspace.write("source/marker", "mounted")
      let files = workspace.path.appending("files")
      return try Attack("sh", "-c", "cat /v/place/in/marker /v/link/in/marker; true") { spec in
        spec.volumes = [
          Volume(source: files.appending("volume"), destination: "/v"),
          Volume(source: files.appending("source"), destination: "/v/place/in"),
        ]
      }
    }

    @Test func exchangedLinkDoesNotLeadAMountToTheHost() throws {
      var outcomes = (mounted: 0, missed: 0)
      try whilePlacesAreExchanged {
        let attack = try attackByRace()
        for _ in 0..<200 {
          let result = try attack.onProgram()
          if result.output.hasPrefix("mounted") {
            outcomes.mounted += 1
          } else {
            outcomes.missed += 1
          }
          #expect(!wasReached)
        }
      }
      // Both were met: the directory, and the link, which leads to nothing inside.
      #expect(outcomes.mounted > 0 && outcomes.missed > 0, "\(outcomes)")
    }

    @Test func exchangedLinkLeadsToTheHostWhereItIsFollowedFromThere() throws {
      try whilePlacesAreExchanged {
        let attack = try attackByRace()
        let volume = Workspace.current.path.appending("files/volume").string
        for _ in 0..<200 where !wasReached {
          _ = try attack.without { sequence in
            try sequence.resolveVolumesFromTheHostsRoot(image: volume, removing: "/v")
          }
        }
      }
      #expect(wasReached)
    }

    // MARK: The kernel's file systems

    @Test(arguments: [
      ("dev", "attach devices"), ("proc", "mount proc"), ("sys", "mount sysfs"),
    ])
    func kernelFileSystemIsNotLedElsewhere(name: String, operation: String) throws {
      let layer = try Workspace.current.make("files/layer")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/" + name, withDestinationPath: "/home/app")
      let attack = try Attack("probe", "mounts") { $0.layers.append(FilePath(layer)) }
      let refused = try attack.onProgram()
      #expect(refused.status == 125)
      #expect(refused.errors.contains("/\(name) of the image must be a directory"))
      let led = try attack.without { sequence in
        try sequence.replace(operation) { $0.followingLinks }
      }
      #expect(led.all("mount").contains { $0.hasPrefix("/home/app ") }, "\(led.errors)")
    }

    @Test func sourceOfTheMasksIsNotTheImages() throws {
      let workspace = Workspace.current
      try workspace.write("dev/null", "of the attacker", mode: 0o666)
      let devices = FilePath(workspace.path.appending("files/dev").string)
      let attack = try Attack("probe", "stat", "/proc/interrupts") { spec in
        spec.volumes = [Volume(source: devices, destination: "/dev")]
      }
      let masked = try attack.onProgram()
      #expect([masked["type"], masked["major"], masked["minor"]] == ["char", "1", "3"])
      let swapped = try attack.without { sequence in
        try sequence.replace("mask on /proc/interrupts") { operation in
          guard case .mask(let place, _) = operation else { return operation }
          return .mask(place, with: .volume(0))
        }
      }
      #expect(swapped["type"] == "file", "\(swapped.errors)")
    }

    @Test func maskedFileIsEmpty() throws {
      let attack = try Attack("probe", "read", "/proc/interrupts")
      #expect(try attack.onProgram()["text"] == "")
      let read = try attack.without { try $0.leaveOut("mask on /proc/interrupts") }
      #expect(read["text"]?.isEmpty == false)
    }

    @Test(arguments: ["kernel/core_pattern", "kernel/hostname", "vm/drop_caches"])
    func settingOfTheKernelIsNotOpenedForWriting(name: String) throws {
      var attack = try Attack("probe", "open", "/proc/sys/\(name)", "w")
      try expect(attack, isDeniedWith: "EACCES", inHostsUserNamespace: true) {
        try $0.leaveOut("make read-only on /proc/sys")
      }
      // Also when root inside is the host's.
      attack.spec.userNamespace = .host
      #expect(try attack.onProgram()["errno"] == "EROFS")
    }

    @Test func fileOfSysIsNotOpenedForWriting() throws {
      var attack = try Attack("probe", "open", "/sys/kernel/mm/transparent_hugepage/enabled", "w")
      attack.spec.userNamespace = .host
      try expect(attack, isDeniedWith: "EROFS") { sequence in
        try sequence.replace("mount sysfs") { operation in
          guard case .mount(var fileSystem, let place) = operation else { return operation }
          fileSystem.attributes.remove(.readOnly)
          return .mount(fileSystem, place)
        }
      }
    }

    @Test func volumeThatCoversAFileToBeProtectedIsRefused() throws {
      let source = try Workspace.current.make("files/source")
      let result = try run(["--volume", "\(source):/proc/irq"], "true")
      #expect(result.status == 125)
      #expect(result.errors.contains("openat2(2) to make read-only on /proc/irq: EXDEV"))
    }
  }
}

extension LaunchPlan.Operation {
  /// The same operation, which follows links of the image.
  fileprivate var followingLinks: Self {
    switch self {
    case .attach(let mount, var place):
      place.refusesSymbolicLinks = false
      return .attach(mount, place)
    case .mount(let fileSystem, var place):
      place.refusesSymbolicLinks = false
      return .mount(fileSystem, place)
    default: return self
    }
  }
}

extension LaunchSequence {
  /// Looks for the places of volumes from the host's root, at the path that the image has there.
  fileprivate mutating func resolveVolumesFromTheHostsRoot(
    image: String, removing prefix: String = ""
  ) throws {
    let host = DescriptorName.volume(99)
    let root = FilePath("/")
    preparations.append(.volume(host, root, isReadOnly: false, idMap: nil, submounts: false))
    try replace("attach volume ") { operation in
      guard case .attach(let mount, var place) = operation, place.path != prefix else {
        return operation
      }
      place.path = image + place.path.dropFirst(prefix.utf8.count)
      place.base = .prepared(host)
      return .attach(mount, place)
    }
  }
}
