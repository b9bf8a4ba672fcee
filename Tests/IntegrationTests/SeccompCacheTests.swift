import Foundation
import SystemPackage
import Testing

extension IntegrationTests {
  /// Compiled profiles are taken from a file only if nobody else can have written it.
  @Suite struct SeccompCacheTests {
    private let options: [String]
    private let directory = Workspace.current.path.appending("runtime/seccomp").string

    init() throws {
      let text = #"""
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}
        """#
      options = ["--seccomp", try Workspace.current.write("profile.json", text)]
    }

    private func errnoOfMkdir() throws -> String? {
      try run(options, "probe", "mkdir", "/tmp/new")["errno"]
    }

    /// The only entry, after a run.
    private func entry() throws -> String {
      let names = try FileManager.default.contentsOfDirectory(atPath: directory)
      try #require(names.count == 1, "\(names)")
      return "\(directory)/\(names[0])"
    }

    private func attributes(_ path: String) throws -> [FileAttributeKey: Any] {
      try FileManager.default.attributesOfItem(atPath: path)
    }

    private func inode(_ path: String) throws -> Int? {
      try attributes(path)[.systemFileNumber] as? Int
    }

    @Test func aProfileIsCompiledOnce() throws {
      #expect(try errnoOfMkdir() == "EROFS")
      let entry = try entry()
      let inode = try inode(entry)
      #expect(try attributes(entry)[.posixPermissions] as? Int == 0o600)
      #expect(try attributes(directory)[.posixPermissions] as? Int == 0o700)
      #expect(try errnoOfMkdir() == "EROFS")
      #expect(try self.inode(self.entry()) == inode)
    }

    @Test func anotherProfileIsAnotherProgram() throws {
      #expect(try errnoOfMkdir() == "EROFS")
      let text = try String(contentsOfFile: options[1], encoding: .utf8)
      try Data(text.replacingOccurrences(of: "30", with: "28").utf8)
        .write(to: URL(fileURLWithPath: options[1]))
      #expect(try errnoOfMkdir() == "ENOSPC")
    }

    private func set(_ key: FileAttributeKey, _ value: Int, _ path: String) throws {
      try FileManager.default.setAttributes([key: value], ofItemAtPath: path)
    }

    /// An entry that is right in every respect, but that its program allows everything.
    private func poison(_ entry: String) throws {
      var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: entry)))
      let length = bytes[28..<32].reversed().reduce(0) { $0 << 8 | Int($1) }
      let allow: [UInt8] = [6, 0, 0, 0, 0, 0, 0xFF, 0x7F]
      let program = Array(repeatElement(allow, count: length / 8).joined())
      bytes.replaceSubrange((bytes.count - length)..., with: program)
      let checksum = bytes[16...].reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      bytes.replaceSubrange(8..<16, with: (0..<8).map { UInt8(checksum >> ($0 * 8) & 0xFF) })
      try Data(bytes).write(to: URL(fileURLWithPath: entry))
      try set(.posixPermissions, 0o600, entry)
    }

    /// What makes the tests below mean something: an entry is taken at its word.
    @Test func anEntryThatRootAloneCanHaveWrittenIsLoaded() throws {
      #expect(try errnoOfMkdir() == "EROFS")
      try poison(entry())
      #expect(try errnoOfMkdir() == "0")
    }

    enum Defect: CaseIterable {
      case foreignOwner, groupWritable, worldWritable, symbolicLink, namedPipe, empty, truncated
      case longer, corruptProgram, corruptProfile, corruptHeader, corruptLength
    }

    @Test(arguments: Defect.allCases)
    func anEntryThatCannotBeTrustedIsReplacedAndNotLoaded(defect: Defect) throws {
      #expect(try errnoOfMkdir() == "EROFS")
      let entry = try entry()
      try poison(entry)
      try apply(defect, to: entry)
      let before = try inode(entry)
      #expect(try errnoOfMkdir() == "EROFS")
      let after = try attributes(self.entry())
      #expect(after[.type] as? FileAttributeType == .typeRegular)
      #expect(after[.ownerAccountID] as? Int == 0)
      #expect(after[.posixPermissions] as? Int == 0o600)
      #expect(after[.systemFileNumber] as? Int != before)
      // What has replaced it is good.
      #expect(try errnoOfMkdir() == "EROFS")
      #expect(try inode(entry) == after[.systemFileNumber] as? Int)
    }

    private func apply(_ defect: Defect, to entry: String) throws {
      let url = URL(fileURLWithPath: entry)
      var bytes = try [UInt8](Data(contentsOf: url))
      switch defect {
      case .foreignOwner: try set(.ownerAccountID, 1000, entry)
      case .groupWritable: try set(.posixPermissions, 0o620, entry)
      case .worldWritable: try set(.posixPermissions, 0o602, entry)
      case .symbolicLink:
        let other = Workspace.current.path.appending("files/entry").string
        try FileManager.default.moveItem(atPath: entry, toPath: other)
        try FileManager.default.createSymbolicLink(atPath: entry, withDestinationPath: other)
      case .namedPipe:
        try FileManager.default.removeItem(atPath: entry)
        try RunningProcess.output(["mkfifo", "-m", "600", entry])
      case .empty: bytes = []
      case .truncated: bytes.removeLast(8)
      case .longer: bytes += [6, 0, 0, 0, 0, 0, 0xFF, 0x7F]
      case .corruptProgram: bytes[bytes.count - 3] ^= 1
      case .corruptProfile: bytes[bytes.count / 2] ^= 1
      case .corruptHeader: bytes[0] ^= 1
      case .corruptLength: bytes[31] = 0xFF
      }
      if try attributes(entry)[.type] as? FileAttributeType == .typeRegular {
        try Data(bytes).write(to: url)
      }
    }

    @Test func aDirectoryInTheWayCostsTheCacheOnly() throws {
      #expect(try errnoOfMkdir() == "EROFS")
      let entry = try entry()
      try FileManager.default.removeItem(atPath: entry)
      try FileManager.default.createDirectory(atPath: entry, withIntermediateDirectories: false)
      #expect(try errnoOfMkdir() == "EROFS")
    }
  }
}
