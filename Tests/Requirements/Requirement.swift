import FoundationEssentials
import Glibc
public import Testing

/// What a test needs of the machine.
public struct Requirement: Sendable, CustomStringConvertible {
  /// In words, after “it requires”.
  public var description: String
  /// Whether the machine has it.
  public var isMet: @Sendable () -> Bool

  /// States a requirement.
  public init(_ description: String, isMet: @escaping @Sendable () -> Bool) {
    self.description = description
    self.isMet = isMet
  }

  /// Namespaces, mounts, and other users' ids.
  public static let root = Requirement("root") { geteuid() == 0 }

  /// A program of the machine, by its path.
  public static func tool(_ path: String) -> Requirement {
    Requirement(path) { FileManager.default.isExecutableFile(atPath: path) }
  }

  /// A root file system or program that `make fixtures` builds, by its name.
  public static func fixture(_ name: String) -> Requirement {
    Requirement("the fixture \(name)") { FileManager.default.fileExists(atPath: fixturePath(name)) }
  }

  /// Where `make fixtures` puts it.
  public static func fixturePath(_ name: String) -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return package.appending(path: "build/fixtures/\(name)").path
  }

  /// Cancels the test, or of a test with arguments this case, where the machine has it not.
  ///
  /// - Throws: ``MissingInCI`` where CI is set: green means that everything ran.
  public func demand() throws {
    if isMet() { return }
    if isCI { throw MissingInCI(requirements: [self]) }
    try Test.cancel("it requires \(self)")
  }
}

/// Whether this is a machine of continuous integration.
public var isCI: Bool { ProcessInfo.processInfo.environment["CI"] != nil }

/// The requirements that a machine of CI does not meet.
public struct MissingInCI: Error { var requirements: [Requirement] }

extension Trait where Self == ConditionTrait {
  /// Skips a test where something is missing; where CI is set, fails it: green means that it ran.
  public static func requires(_ requirements: Requirement...) -> Self {
    .enabled("it requires \(requirements)") {
      let missing = requirements.filter { !$0.isMet() }
      if !missing.isEmpty, isCI { throw MissingInCI(requirements: missing) }
      return missing.isEmpty
    }
  }
}
