import LinuxSystem
import SystemPackage
import Testing

/// Operations of which the last one fails, and how.
struct FailingOperations: Sendable, CustomTestStringConvertible {
  var operations: [LaunchPlan.Operation]
  var call: String
  var errno: Errno
  var detail: String
  var prepare: @Sendable (DescriptorTable) throws -> Void

  init(
    _ operations: [LaunchPlan.Operation], _ call: String, _ errno: Errno, _ detail: String = "",
    _ prepare: @escaping @Sendable (DescriptorTable) throws -> Void = { _ in }
  ) {
    self.operations = operations
    self.call = call
    self.errno = errno
    self.detail = detail
    self.prepare = prepare
  }

  var testDescription: String {
    "\(operations.map(\.description).joined(separator: ", ")): \(call) \(errno.name)"
  }

  /// Launches the operations as one section and checks what is reported.
  func check(
    in section: LaunchPlan.Section, _ location: SourceLocation = #_sourceLocation
  ) throws {
    var plan = LaunchPlan.running("exit 0")
    switch section {
    case .setup: plan.setup = operations
    case .guarding: plan.guarding = operations
    case .command: plan.command = operations
    }
    let descriptors = DescriptorTable()
    try prepare(descriptors)
    guard
      case .failed(let failure)? = try records(of: plan, with: descriptors).first(where: {
        if case .failed = $0 { true } else { false }
      })
    else {
      Issue.record("nothing failed", sourceLocation: location)
      return
    }
    #expect(failure.section == section, sourceLocation: location)
    #expect(failure.index == operations.count - 1, sourceLocation: location)
    #expect(failure.operation(in: plan) == operations.last, sourceLocation: location)
    #expect(failure.call == call, sourceLocation: location)
    #expect(failure.errno == errno, "\(failure.errno.name)", sourceLocation: location)
    #expect(failure.detail == detail, sourceLocation: location)
  }
}

extension FailingOperations {
  @Sendable static func nullDevice(_ name: DescriptorName)
    -> @Sendable (DescriptorTable) throws
    -> Void
  {
    { try $0.adopt(OwnedDescriptor(opening: "/dev/null", flags: .reading), as: name) }
  }

  /// A scratch file system with a directory, a file, a link to the directory and a loop, and a
  /// mount to attach.
  @Sendable static func scratch(_ descriptors: DescriptorTable) throws {
    try prepareScratch(descriptors, [])
  }

  @Sendable static func readOnlyScratch(_ descriptors: DescriptorTable) throws {
    try prepareScratch(descriptors, .readOnly)
  }

  private static func prepareScratch(
    _ descriptors: DescriptorTable, _ attributes: LaunchPlan.MountAttributes
  ) throws {
    let root = LaunchPlan.Owner(uid: 0, gid: 0)
    let mount = try DetachedMount(type: "tmpfs", options: [])
    try mount.descriptor.makeDirectory("dir", permissions: 0o755, owner: root)
    try mount.descriptor.makeFile("file", contents: [], permissions: 0o644, owner: root)
    try mount.descriptor.makeSymbolicLink("link", to: "dir", owner: root)
    try mount.descriptor.makeSymbolicLink("loop", to: "loop", owner: root)
    try mount.restrict(to: attributes, subject: "of a test")
    descriptors.adopt(mount.takeDescriptor(), as: .scratch)
    let other = try DetachedMount(type: "tmpfs", options: [])
    descriptors.adopt(other.takeDescriptor(), as: .devices)
  }
}
