// seccomp-generate [--check]: writes the default seccomp program, from the profile that it is.
//
// Run it in the package's directory after every change of seccomp/default.json. With --check it
// writes nothing, and fails when the committed header is not what it would write.

import FoundationEssentials
import Glibc
import SeccompPolicy

/// Why nothing was written, or why the check failed.
struct Failure: Error, CustomStringConvertible {
  let description: String
}

let profilePath = "seccomp/default.json"
let headerPath = "Sources/CLaunch/seccomp_default.h"

func generatedHeader() throws -> String {
  let json = try Data(contentsOf: URL(filePath: profilePath))
  let profile = try SeccompProfile(json: [UInt8](json))
  for architecture in Architecture.allCases {
    let policy = try SyscallPolicy(profile, for: FilterTarget(architecture: architecture))
    guard policy.unknownNames.isEmpty else {
      let names = policy.unknownNames.joined(separator: ", ")
      throw Failure(description: "\(profilePath): libseccomp does not know \(names)")
    }
  }
  return try CHeader(profile).text
}

func run(_ arguments: ArraySlice<String>) throws {
  switch arguments {
  case []:
    try generatedHeader().write(toFile: headerPath, atomically: true, encoding: .utf8)
  case ["--check"]:
    guard try String(contentsOfFile: headerPath, encoding: .utf8) == generatedHeader() else {
      throw Failure(description: "\(headerPath) is not generated from \(profilePath)")
    }
  default:
    throw Failure(description: "usage: seccomp-generate [--check]")
  }
}

do {
  try run(CommandLine.arguments.dropFirst())
} catch {
  let message = "seccomp-generate: \(error)\n"
  // Safe: the call only reads the string, as many bytes as it has.
  _ = unsafe write(STDERR_FILENO, message, message.utf8.count)
  exit(1)
}
