public import ContainerSpec
import SystemPackage

extension Hook {
  /// Adds to a hook's run what depends on everything else that was asked for: the variables that
  /// say what the container is like, and the scripts that are sourced before the command.
  ///
  /// The run must have its name, which is its host name where there is no other.
  public func complete(_ spec: inout RunSpec) throws(SpecError) {
    if let memory = spec.limits.memory {
      spec.environment.set([
        try EnvironmentVariable(
          name: "CONTAINER_MEMORY", value: ByteString("\(memory.bytes)"))
      ])
    }
    if let hostname = spec.hostname?.text ?? spec.id?.text {
      spec.environment.set([
        try EnvironmentVariable(name: "HOSTNAME", value: ByteString(hostname))
      ])
    }
    if hasProfile { try sourceProfile(in: &spec) }
  }

  /// Puts a line before the command's own text, which stays as it is: so it has the shell's `$0`,
  /// no arguments, and a last command that the shell becomes, for signals to reach it.
  ///
  /// What a script's last command said is told where it is not 0, and the hook goes on, as on other
  /// platforms: `[ -d vendor ] && PATH=…` is no reason not to migrate.
  private func sourceProfile(in spec: inout RunSpec) throws(SpecError) {
    let place = Self.quoted(mountPoint.string)
    var line =
      "for oneoff_profile in \(place)/.profile.d/*.sh \(place)/.profile; do "
      + "if [ -f \"$oneoff_profile\" ]; then . \"$oneoff_profile\"; oneoff_status=$?; "
      + "[ \"$oneoff_status\" = 0 ] || "
      + "echo \"oneoff: $oneoff_profile ended with status $oneoff_status\" >&2; "
      + "fi; done; unset oneoff_profile oneoff_status"
    if spec.workingDirectory != mountPoint {
      line = "cd \(place); \(line); cd \(Self.quoted(spec.workingDirectory.string))"
    }
    spec.command = try spec.command.prefixingLast(with: line + "\n")
    spec.fallbackCommand = try spec.fallbackCommand?.prefixingLast(with: line + "\n")
  }

  /// A word for the shell.
  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}

extension [ByteString] {
  /// The same words with a text before that of the last one.
  fileprivate func prefixingLast(with text: String) throws(SpecError) -> [ByteString] {
    guard let last else { return self }
    return dropLast() + [
      try ByteString(bytes: [UInt8](text.utf8) + last.bytes, subject: "the command")
    ]
  }
}
