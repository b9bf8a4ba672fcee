import ContainerSpec
import LinuxSystem
import SeccompPolicy
import SystemPackage

/// A seccomp profile made into a program.
struct CompiledProfile: Sendable, Hashable {
  /// The program.
  var instructions: [BPFInstruction]
  /// The system calls that the profile names and libseccomp does not know.
  var unknownNames: [String]
}

/// Programs of profiles that were compiled before: compiling one of usual size takes as long as
/// everything else in a run.
///
/// An entry holds the whole profile, which is compared byte by byte: two profiles can share a file,
/// but never a program. There are at most ``entryCount`` files, each replaced by the next profile
/// that falls on it, so that nothing has to be cleaned up.
struct SeccompCache: Sendable {
  /// How many files there are at most.
  static let entryCount: UInt64 = 1024
  /// A larger profile is not kept.
  static let largestProfile = 64 << 10
  /// Nor is a larger answer: with the number of files this bounds the cache to 128 MiB.
  static let largestEntry = 128 << 10

  private static let magic = Array("ol-scmp1".utf8)
  /// Magic, checksum, and the lengths of context, profile, names and program.
  private static let headerSize = 32

  /// Where the entries are.
  var directory: FilePath

  /// What an entry is the answer to: a profile, and whatever else the program depends on.
  struct Question: Sendable {
    var profile: [UInt8]
    /// What the run is like; text that decides which file is looked at.
    var run: String
    /// By what the program was compiled; an entry of another is replaced.
    var compiler: String

    fileprivate var context: [UInt8] { Array("\(run)\n\(compiler)".utf8) }
  }

  /// The file in which the answer is, if it is anywhere.
  func path(for question: Question) -> FilePath {
    let key = checksum(question.profile, continuing: checksum(Array(question.run.utf8)))
    return directory.appending("\(key % Self.entryCount)")
  }

  /// The answer of an earlier run; nil when there is none, or none that can be trusted.
  ///
  /// Whatever is wrong with an entry, it is as good as none: the profile is compiled anew and
  /// replaces it.
  func find(_ question: Question) -> CompiledProfile? {
    guard let entry = try? trustedContents(of: path(for: question)) else { return nil }
    return Self.decode(entry, for: question)
  }

  /// Keeps an answer for later runs. Where that is impossible they compile again.
  func store(_ answer: CompiledProfile, for question: Question) {
    guard question.profile.count <= Self.largestProfile else { return }
    let entry = Self.encode(answer, for: question)
    guard entry.count <= Self.largestEntry else { return }
    _ = try? makeDirectories(directory, permissions: 0o700)
    try? replaceFile(path(for: question), with: entry, permissions: 0o600)
  }

  /// The bytes of a file that nobody but this user can have written.
  ///
  /// Everything is asked of the opened file, so that nothing can be exchanged in between.
  private func trustedContents(of path: FilePath) throws -> [UInt8]? {
    let file = try OwnedDescriptor(opening: path, flags: [.notFollowing, .nonBlocking])
    let writableByOthers: UInt32 = 0o022
    let status = try file.status()
    guard status.kind == .regular, status.owner.uid == effectiveOwner().uid,
      status.permissions & writableByOthers == 0
    else { return nil }
    return try file.readAll(limit: Self.largestEntry, subject: "of \(path)")
  }

  // MARK: The file

  static func encode(_ answer: CompiledProfile, for question: Question) -> [UInt8] {
    let parts = [
      question.context, question.profile, Array(answer.unknownNames.joined(separator: "\n").utf8),
      answer.instructions.bytes,
    ]
    let body = parts.flatMap { littleEndian(UInt64($0.count), bytes: 4) } + parts.flatMap { $0 }
    return magic + littleEndian(checksum(body), bytes: 8) + body
  }

  static func decode(_ entry: [UInt8], for question: Question) -> CompiledProfile? {
    guard entry.count >= headerSize, entry.starts(with: magic),
      number(entry[8..<16]) == checksum(entry[16...])
    else { return nil }
    var rest = entry[headerSize...]
    var parts: [ArraySlice<UInt8>] = []
    for start in stride(from: 16, to: headerSize, by: 4) {
      let length = number(entry[start..<(start + 4)])
      guard length <= UInt64(rest.count) else { return nil }
      parts.append(rest.prefix(Int(length)))
      rest = rest.dropFirst(Int(length))
    }
    guard rest.isEmpty, parts[0].elementsEqual(question.context),
      parts[1].elementsEqual(question.profile),
      let instructions = [BPFInstruction](bytes: parts[3])
    else { return nil }
    let names = String(decoding: parts[2], as: UTF8.self).split(separator: "\n").map(String.init)
    return CompiledProfile(instructions: instructions, unknownNames: names)
  }

  private static func littleEndian(_ number: UInt64, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// FNV-1a of 64 bits: enough against accidents; who could forge an entry is kept out by its owner.
private func checksum(
  _ bytes: some Sequence<UInt8>, continuing start: UInt64 = 0xcbf2_9ce4_8422_2325
) -> UInt64 {
  bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
}
