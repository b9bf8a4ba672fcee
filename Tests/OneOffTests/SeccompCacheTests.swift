import LinuxSystem
import SeccompPolicy
import SystemPackage
import Testing

@testable import OneOff

@Suite struct SeccompCacheTests {
  private let question = SeccompCache.Question(
    profile: Array("{}".utf8), run: "x86_64 6.1 ", compiler: "1 2.5.4")
  private let answer = CompiledProfile(
    instructions: [
      .init(code: BPFInstruction.load, k: 0), .init(code: BPFInstruction.ret, k: 0x7FFF_0000),
    ],
    unknownNames: ["frob", "none"])

  private func question(
    _ change: (inout SeccompCache.Question) -> Void
  ) -> SeccompCache.Question {
    var changed = question
    change(&changed)
    return changed
  }

  @Test func anEntryAnswersItsOwnQuestionOnly() {
    let entry = SeccompCache.encode(answer, for: question)
    #expect(SeccompCache.decode(entry, for: question) == answer)
    let others = [
      question { $0.profile.append(0x20) }, question { $0.profile = [] },
      question { $0.run += "CAP_SYS_CHROOT" }, question { $0.compiler = "2 2.5.4" },
    ]
    for other in others { #expect(SeccompCache.decode(entry, for: other) == nil) }
  }

  @Test func anEntryWithoutUnknownNamesHasNone() {
    let plain = CompiledProfile(instructions: answer.instructions, unknownNames: [])
    let entry = SeccompCache.encode(plain, for: question)
    #expect(SeccompCache.decode(entry, for: question) == plain)
  }

  @Test func noByteOfAnEntryCanChangeOrBeMissing() {
    let entry = SeccompCache.encode(answer, for: question)
    for index in entry.indices {
      var changed = entry
      changed[index] ^= 0x10
      #expect(SeccompCache.decode(changed, for: question) == nil, "byte \(index)")
      #expect(SeccompCache.decode(Array(entry[..<index]), for: question) == nil)
    }
    #expect(SeccompCache.decode(entry + [0], for: question) == nil)
  }

  @Test func aProgramThatTheKernelWouldRefuseIsNotLoaded() {
    for instructions in [[], [.init(code: BPFInstruction.load, k: 0)]] as [[BPFInstruction]] {
      let bad = CompiledProfile(instructions: instructions, unknownNames: [])
      #expect(SeccompCache.decode(SeccompCache.encode(bad, for: question), for: question) == nil)
    }
  }

  @Test func thereAreFewFilesWhateverIsAsked() {
    let cache = SeccompCache(directory: "/run/oneoff/seccomp")
    let paths = Set(
      (0..<5000).map { number in
        cache.path(for: question { $0.profile = Array("\(number)".utf8) })
      })
    #expect(paths.count > 900)
    #expect(paths.count <= Int(SeccompCache.entryCount))
    // Another build of the program replaces the entry instead of leaving it.
    let rebuilt = question { $0.compiler = "2 2.5.4" }
    #expect(cache.path(for: rebuilt) == cache.path(for: question))
  }

  @Test func whatIsTooLargeIsNotKept() throws {
    let directory = FilePath("/tmp/oneoff-cache-\(processID())")
    let cache = SeccompCache(directory: directory)
    let large = question { $0.profile = Array(repeating: 0x20, count: (64 << 10) + 1) }
    cache.store(answer, for: large)
    #expect(cache.find(large) == nil)
    #expect((try? fileStatus(following: directory)) == nil)
  }

  /// The limit counts for the whole entry: that on the profile does not bound the unknown names.
  @Test func anEntryHasALimit() throws {
    let directory = FilePath("/tmp/oneoff-cache-entry-\(processID())")
    defer { try? removeTree(directory) }
    let cache = SeccompCache(directory: directory)
    func answerOfEntry(of size: Int) -> CompiledProfile {
      let nameless = CompiledProfile(instructions: answer.instructions, unknownNames: [])
      let rest = SeccompCache.encode(nameless, for: question).count
      return CompiledProfile(
        instructions: answer.instructions,
        unknownNames: [String(repeating: "x", count: size - rest)])
    }
    cache.store(answerOfEntry(of: (128 << 10) + 1), for: question)
    #expect((try? fileStatus(following: directory)) == nil)
    let largest = answerOfEntry(of: 128 << 10)
    cache.store(largest, for: question)
    #expect(cache.find(question) == largest)
  }
}
