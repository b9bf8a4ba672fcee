// The plan as text: what `print-plan` prints, and what errors name.

extension LaunchPlan.Operation: CustomStringConvertible {
  /// The operation as one line.
  public var description: String {
    switch self {
    case .eraseArguments(let name): "erase arguments and environment, name the process \(name)"
    case .resetSignals: "reset and block signals"
    case .joinCgroup(let members): "join \(members)"
    case .newCgroupNamespace: "unshare the cgroup namespace"
    case .joinNetwork(let namespace): "join \(namespace)"
    case .makeMountsPrivate: "make all mounts private"
    case .enterScratch(let scratch): "mount \(scratch), enter it"
    case .attach(let mount, let place): "attach \(mount) \(place)"
    case .mount(let fileSystem, let place): "mount \(fileSystem) \(place)"
    case .mask(let place, _): "mask \(place)"
    case .makeReadOnly(let place): "make read-only \(place)"
    case .pivot: "pivot to the new root, detach the old one"
    case .setHostname(let name): "set the host name \(name)"
    case .adjustOOMScore(let value): "OOM score adjustment \(value)"
    case .sendDirectory(let place, let socket): "send what is \(place), over \(socket)"
    case .forbidNewPrivileges: "no new privileges"
    case .forbidDumping: "not dumpable"
    case .installSeccomp(let program, let listener):
      "seccomp: \(program)" + (listener.map { ", its listener sent over \($0)" } ?? "")
    case .boundCapabilities(let mask): "bounding set: \(hexadecimal(mask))"
    case .keepCapabilities(let mask): "capabilities: keep \(hexadecimal(mask))"
    case .keepCapabilitiesOnUserChange: "capabilities: keep them when the user changes"
    case .setGroups(let groups): "supplementary groups \(groups)"
    case .setGroup(let id): "group \(id)"
    case .setUser(let id): "user \(id)"
    case .setNiceness(let value): "niceness \(value)"
    case .newSession: "new session"
    case .useStandardStreams(let input, let output, let error):
      "standard streams: \(input), \(output), \(error)"
    case .takeControllingTerminal: "controlling terminal: stdin"
    case .setUmask(let mask): "umask 0\(String(mask, radix: 8))"
    case .joinUserNamespace(let namespace): "join \(namespace)"
    case .setCapabilities(let mask): "capabilities: \(hexadecimal(mask))"
    case .newKeyring: "new session keyring"
    case .enterWorkingDirectory(let path): "enter \(path)"
    case .restrictWithLandlock(let scope): "restrict with \(scope)"
    case .setResourceLimit(let limit, let soft, let hard): "limit \(limit.name) \(soft):\(hard)"
    case .fixResourceLimit(let limit, let soft, let hard):
      "limit \(limit.name) \(LaunchPlan.ResourceLimit.text(soft)):"
        + "\(LaunchPlan.ResourceLimit.text(hard)), exactly"
    case .closeDescriptors(let kept):
      "close descriptors above 2" + (kept.map { ", but \($0)" } ?? "")
    case .execute(let execution): "execute \(execution)"
    }
  }
}

extension LaunchPlan.Place: CustomStringConvertible {
  /// `on /path`, with what happens when it is missing.
  public var description: String {
    // The root of a base that is named by nothing but its place inside.
    let shown = path.isEmpty && base == .root ? "/" : path
    var text = "on \(base.prefix)\(shown)"
    switch missing {
    case .fail: break
    case .makeDirectory(let owner): text += ", else a directory of \(owner.uid):\(owner.gid)"
    case .makeFile(let owner): text += ", else a file of \(owner.uid):\(owner.gid)"
    }
    return refusesSymbolicLinks ? text + ", no symbolic links" : text
  }
}

extension LaunchPlan.Base {
  /// What stands before a path below this base.
  var prefix: String {
    switch self {
    case .root: ""
    case .proc: "/proc/"
    case .sys: "/sys/"
    case .prepared(let name): "\(name):"
    }
  }
}

extension LaunchPlan.FileSystem: CustomStringConvertible {
  /// `type (attributes; options)`.
  public var description: String {
    var details = [
      (LaunchPlan.MountAttributes.readOnly, "ro"), (.noSetuid, "nosuid"), (.noDevices, "nodev"),
      (.noExecution, "noexec"),
    ].filter { attributes.contains($0.0) }.map(\.1)
    details += options.map { $0.value.isEmpty ? $0.key : "\($0.key)=\($0.value)" }
    return details.isEmpty ? type : "\(type) (\(details.joined(separator: " ")))"
  }
}

extension LaunchPlan.SeccompProgram: CustomStringConvertible {
  /// What the program is; of one that was made for the run how long it is.
  public var description: String {
    switch self {
    case .commandDefault: "the default for commands"
    case .firstProcess: "what PID 1 needs"
    case .compiled(let name, let instructions): "\(name), \(instructions.count / 8) instructions"
    }
  }
}

extension LaunchPlan.Execution: CustomStringConvertible {
  /// The candidates and the arguments; of the environment the names only, as values may be secret.
  public var description: String {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let names = environment.map { text(Array($0.prefix { $0 != UInt8(ascii: "=") })) }
    let lines = [
      candidates.map(text).joined(separator: " or "),
      "arguments \(arguments.map(text))", "environment \(names)",
    ]
    return (isOptional ? "if it exists " : "") + lines.joined(separator: ", ")
  }
}

extension LaunchPlan: CustomStringConvertible {
  /// The whole plan, a line for each operation.
  public var description: String {
    let names: [(Namespaces, String)] = [
      (.mount, "mount"), (.pid, "pid"), (.ipc, "ipc"), (.uts, "uts"),
    ]
    let present = names.filter { namespaces.contains($0.0) }.map(\.1)
    var lines = ["clone: new \(present.joined(separator: ", "))"]
    if let cgroup { lines[0] += "; into \(cgroup)" }
    for section in Section.allCases {
      lines.append("\(section.title):")
      lines += self[section].enumerated().map { "  \($0.offset + 1). \($0.element)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension LaunchPlan.Section {
  /// The heading of the section in a printed plan.
  public var title: String {
    switch self {
    case .setup: "PID 1, before it forks the command"
    case .guarding: "PID 1, afterwards"
    case .command: "the command's process"
    }
  }
}

private func hexadecimal(_ mask: UInt64) -> String {
  mask == 0 ? "none" : "0x\(String(mask, radix: 16))"
}
