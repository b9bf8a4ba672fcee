import ContainerSpec
import LinuxSystem
import SeccompPolicy
import SystemPackage

/// The seccomp program of a run's command, looked up: built in, or made of the profile that the
/// specification names.
struct CommandFilter: Sendable {
  /// What the command's process installs; nil where it is unconfined.
  var program: LaunchPlan.SeccompProgram? = .commandDefault
  /// The program by which calls are answered that come to a listener instead of failing; nil
  /// without one.
  var answers: [BPFInstruction]?
  /// What whoever has asked for the run should know.
  var warnings: [RunWarning] = []

  /// The filter of a run that asks for nothing else.
  static let builtIn = CommandFilter()

  private init() {}

  /// Looks up what a specification asks for.
  ///
  /// - Parameter cache: where programs of earlier runs are; nil to compile in any case, and keep
  ///   nothing.
  /// - Throws: a `SpecError` for a profile that cannot be used, with the place in it.
  init(_ spec: RunSpec, host: HostFacts, cache: SeccompCache?) throws {
    var instructions: [BPFInstruction]?
    var name = ""
    switch spec.seccomp {
    case .builtIn:
      guard spec.logsBlockedCalls else { return }
      instructions = [BPFInstruction](bytes: LaunchPlan.SeccompProgram.defaultInstructions())
      precondition(instructions != nil, "the default program is valid")
      name = "\(LaunchPlan.SeccompProgram.commandDefault)"
    case .unconfined:
      program = nil
      warnings = [.unconfined]
    case .profile(let path):
      let target = FilterTarget(
        architecture: .native, capabilities: Set(spec.capabilities.members.map(\.name)),
        kernel: KernelVersion(major: host.kernel / 1000, minor: host.kernel % 1000))
      let compiled = try Self.compiled(path, for: target, cache: cache)
      instructions = compiled.instructions
      name = "the profile \(path)"
      warnings = RunWarning(skippedNames: compiled.unknownNames, profile: path).map { [$0] } ?? []
    }
    guard let instructions else { return }
    answers = spec.logsBlockedCalls ? instructions : nil
    let installed = spec.logsBlockedCalls ? instructions.notifyingErrors : instructions
    program = .compiled(name: name, instructions: installed.bytes)
  }

  private static func compiled(
    _ path: FilePath, for target: FilterTarget, cache: SeccompCache?
  ) throws -> CompiledProfile {
    let json = try read(path)
    let question = SeccompCache.Question(
      profile: json,
      run: "\(target.architecture) \(target.kernel.major).\(target.kernel.minor) "
        + target.capabilities.sorted().joined(separator: ","),
      compiler: "\(programIdentity()) \(SyscallPolicy.libseccompVersion)")
    if let known = cache?.find(question) { return known }
    let compiled = try compile(json, path: path, for: target)
    cache?.store(compiled, for: question)
    return compiled
  }

  private static func read(_ path: FilePath) throws(SpecError) -> [UInt8] {
    let shown = "the seccomp profile \(String(quoting: path.string))"
    do throws(SystemError) {
      return try readFile(path, limit: SeccompProfile.maximumSize)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      throw SpecError("\(shown) does not exist", remedy: "check the path")
    } catch {
      throw SpecError(
        "\(shown) cannot be read: \(error.errno.name) (\(error.errno.description))",
        remedy: "name a readable file of at most 1 MiB")
    }
  }

  private static func compile(
    _ json: [UInt8], path: FilePath, for target: FilterTarget
  ) throws(SpecError) -> CompiledProfile {
    func error(_ problem: any CustomStringConvertible) -> SpecError {
      SpecError(
        "the seccomp profile \(String(quoting: path.string)): \(problem)",
        remedy: "the format is Docker's; see docs/seccomp.md")
    }
    let profile: SeccompProfile
    do {
      profile = try SeccompProfile(json: json)
    } catch let fault {
      throw error(fault)
    }
    do {
      let policy = try SyscallPolicy(profile, for: target)
      return CompiledProfile(
        instructions: try policy.libseccompProgram(), unknownNames: policy.unknownNames)
    } catch let fault {
      throw error(fault)
    }
  }
}

extension RunWarning {
  /// The command has no seccomp policy.
  static let unconfined = RunWarning(
    code: "seccomp-unconfined",
    text: "NO SECCOMP POLICY: the command may make every system call of this kernel, also those "
      + "that namespaces, mounts and most kernel exploits begin with (--seccomp unconfined)")

  /// The names of a profile that are skipped, in one line; nil when there are none.
  init?(skippedNames: [String], profile: FilePath) {
    guard !skippedNames.isEmpty else { return nil }
    let names = skippedNames.map { String(quoting: $0) }.joined(separator: ", ")
    self.init(
      code: "seccomp-unknown-names",
      text: "the seccomp profile \(String(quoting: profile.string)) names system calls that "
        + "libseccomp \(SyscallPolicy.libseccompVersion) does not know, which are skipped: \(names)"
    )
  }
}
