internal import CLaunch

// The typed plan as the C records that the child reads (CLaunch, ol_plan.h).

extension LaunchPlan {
  /// Writes the records of one section into the arena.
  func records(
    of section: Section, in arena: PlanArena, descriptors: DescriptorTable
  ) throws(SystemError) -> ol_operations {
    // Safe: the records point into the arena, which outlives the launch.
    var records: [ol_operation] = unsafe []
    unsafe records.reserveCapacity(self[section].count)
    for operation in self[section] {
      var encoder = RecordEncoder(arena: arena, descriptors: descriptors)
      try encoder.encode(operation)
      unsafe records.append(encoder.record)
    }
    return unsafe ol_operations(first: try arena.copy(records), count: UInt64(records.count))
  }
}

@safe
/// Builds one record. Every pointer in it is into the arena or to a constant of CLaunch.
private struct RecordEncoder {
  let arena: PlanArena
  let descriptors: DescriptorTable
  // Safe: zero is a valid value of each member.
  var record = unsafe ol_operation()

  init(arena: PlanArena, descriptors: DescriptorTable) {
    self.arena = arena
    self.descriptors = descriptors
    unsafe record.descriptor = OL_NO_DESCRIPTOR.rawValue
    unsafe record.target = OL_NO_DESCRIPTOR.rawValue
  }

  mutating func encode(_ operation: LaunchPlan.Operation) throws(SystemError) {
    switch operation {
    case .eraseArguments, .resetSignals, .joinCgroup, .newCgroupNamespace, .joinNetwork,
      .makeMountsPrivate, .enterScratch, .attach, .mount, .mask, .makeReadOnly, .pivot,
      .setHostname, .adjustOOMScore, .sendDirectory:
      try encodeSetup(operation)
    case .forbidNewPrivileges, .forbidDumping, .installSeccomp, .boundCapabilities,
      .keepCapabilities, .keepCapabilitiesOnUserChange, .setGroups, .setGroup, .setUser,
      .setNiceness:
      try encodeConfinement(operation)
    default: try encodeCommand(operation)
    }
  }

  private mutating func encodeSetup(_ operation: LaunchPlan.Operation) throws(SystemError) {
    switch operation {
    case .eraseArguments(let name):
      set(OL_ERASE_ARGUMENTS)
      unsafe record.text = try arena.text(name)
      let memory = unsafe ProcessArguments.memory
      unsafe record.data = UnsafeRawPointer(memory.baseAddress)
      unsafe record.number.0 = UInt64(memory.count)
    case .resetSignals: set(OL_RESET_SIGNALS)
    case .joinCgroup(let members): set(OL_JOIN_CGROUP, members)
    case .newCgroupNamespace: set(OL_NEW_CGROUP_NAMESPACE)
    case .joinNetwork(let namespace): set(OL_JOIN_NETWORK, namespace)
    case .makeMountsPrivate: set(OL_PRIVATE_MOUNTS)
    case .enterScratch(let scratch): set(OL_ENTER_SCRATCH, scratch)
    case .attach(let mount, let place):
      set(OL_ATTACH, mount)
      try set(place)
    case .mount(let fileSystem, let place):
      set(OL_MOUNT)
      try set(place)
      try set(fileSystem)
    case .mask(let place, let masks):
      set(OL_MASK, masks)
      try set(place)
    case .makeReadOnly(let place):
      set(OL_MAKE_READ_ONLY)
      try set(place)
    case .pivot: set(OL_PIVOT)
    case .setHostname(let name):
      set(OL_SET_HOSTNAME)
      unsafe record.text = try arena.text(name)
    case .adjustOOMScore(let value):
      set(OL_ADJUST_OOM_SCORE)
      unsafe record.text = try arena.text("\(value)")
    case .sendDirectory(let place, let socket):
      set(OL_SEND_PLACE, socket)
      try set(place)
    default: preconditionFailure("not an operation of the set-up")
    }
  }

  private mutating func encodeConfinement(_ operation: LaunchPlan.Operation) throws(SystemError) {
    switch operation {
    case .forbidNewPrivileges: set(OL_NO_NEW_PRIVILEGES)
    case .forbidDumping: set(OL_NOT_DUMPABLE)
    case .installSeccomp(let program, let listener):
      set(OL_SECCOMP, listener)
      try set(program)
    case .boundCapabilities(let mask): set(OL_BOUND_CAPABILITIES, number: mask)
    case .keepCapabilities(let mask): set(OL_KEEP_CAPABILITIES, number: mask)
    case .keepCapabilitiesOnUserChange: set(OL_OUTLAST_USER_CHANGE)
    case .setGroups(let groups):
      set(OL_SET_GROUPS, number: UInt64(groups.count))
      unsafe record.data = UnsafeRawPointer(try arena.copy(groups))
    case .setGroup(let id): set(OL_SET_GROUP, number: UInt64(id))
    case .setUser(let id): set(OL_SET_USER, number: UInt64(id))
    case .setNiceness(let value):
      set(OL_SET_NICENESS, number: UInt64(bitPattern: Int64(value)))
    default: preconditionFailure("not an operation that takes rights away")
    }
  }

  private mutating func encodeCommand(_ operation: LaunchPlan.Operation) throws(SystemError) {
    switch operation {
    case .newSession: set(OL_NEW_SESSION)
    case .useStandardStreams(let input, let output, let error):
      set(OL_STANDARD_STREAMS)
      let numbers = [input, output, error].map { descriptors.number(of: $0) }
      unsafe record.data = UnsafeRawPointer(try arena.copy(numbers))
    case .takeControllingTerminal: set(OL_CONTROLLING_TERMINAL)
    case .setUmask(let mask): set(OL_SET_UMASK, number: UInt64(mask))
    case .joinUserNamespace(let namespace): set(OL_JOIN_USER_NAMESPACE, namespace)
    case .setCapabilities(let mask): set(OL_SET_CAPABILITIES, number: mask)
    case .newKeyring: set(OL_NEW_KEYRING)
    case .enterWorkingDirectory(let path):
      set(OL_WORKING_DIRECTORY)
      unsafe record.path = try arena.text(path)
    case .restrictWithLandlock(let scope): set(OL_LANDLOCK, scope)
    case .setResourceLimit(let limit, let soft, let hard):
      set(OL_SET_RESOURCE_LIMIT, limit, soft, hard)
    case .fixResourceLimit(let limit, let soft, let hard):
      set(OL_FIX_RESOURCE_LIMIT, limit, soft, hard)
    case .closeDescriptors(let kept): set(OL_CLOSE_DESCRIPTORS, kept)
    case .execute(let execution): try set(execution)
    default: preconditionFailure("not an operation of the command's process")
    }
  }

  private mutating func set(
    _ kind: ol_kind, _ descriptor: DescriptorName? = nil, number: UInt64 = 0
  ) {
    unsafe record.kind = kind.rawValue
    unsafe record.number.0 = number
    if let descriptor { unsafe record.descriptor = descriptors.number(of: descriptor) }
  }

  private mutating func set(
    _ kind: ol_kind, _ limit: LaunchPlan.ResourceLimit, _ soft: UInt64, _ hard: UInt64
  ) {
    set(kind, number: soft)
    unsafe record.number.1 = hard
    unsafe record.flags = limit.rawValue
  }

  private mutating func set(_ place: LaunchPlan.Place) throws(SystemError) {
    unsafe record.path = try arena.text(place.path)
    unsafe record.target =
      switch place.base {
      case .root: OL_REGISTER_ROOT.rawValue
      case .proc: OL_REGISTER_PROC.rawValue
      case .sys: OL_REGISTER_SYS.rawValue
      case .prepared(let name): descriptors.number(of: name)
      }
    if place.refusesSymbolicLinks { unsafe record.flags |= OL_REFUSE_SYMLINKS.rawValue }
    switch place.missing {
    case .fail: break
    case .makeDirectory(let owner): setCreation(OL_CREATE_DIRECTORY, owner)
    case .makeFile(let owner): setCreation(OL_CREATE_FILE, owner)
    }
  }

  private mutating func setCreation(_ flag: ol_place_flag, _ owner: LaunchPlan.Owner) {
    unsafe record.flags |= flag.rawValue
    unsafe record.number = (UInt64(owner.uid), UInt64(owner.gid))
  }

  private mutating func set(_ fileSystem: LaunchPlan.FileSystem) throws(SystemError) {
    unsafe record.text = try arena.text(fileSystem.type)
    let options = fileSystem.options.flatMap { [Array($0.key.utf8), Array($0.value.utf8)] }
    unsafe record.data = UnsafeRawPointer(try arena.list(options))
    unsafe record.flags |= fileSystem.attributes.rawValue
    switch fileSystem.becomes {
    case .root: unsafe record.flags |= OL_KEEP_AS_ROOT.rawValue
    case .proc: unsafe record.flags |= OL_KEEP_AS_PROC.rawValue
    case .sys: unsafe record.flags |= OL_KEEP_AS_SYS.rawValue
    case .prepared, nil: break
    }
  }

  private mutating func set(_ program: LaunchPlan.SeccompProgram) throws(SystemError) {
    switch program {
    // Safe: both are constants with static storage duration.
    case .commandDefault: unsafe record.data = UnsafeRawPointer(ol_seccomp_default())
    case .firstProcess: unsafe record.data = UnsafeRawPointer(ol_seccomp_init())
    case .compiled(_, let instructions):
      let size = MemoryLayout<sock_filter>.size
      // seccomp(2) takes no longer one; a cut-off one would be another policy.
      precondition(instructions.count % size == 0 && instructions.count / size <= 4096)
      let filter = unsafe UnsafeMutableRawPointer(mutating: try arena.copy(instructions))
      // Safe: the arena aligns everything for every type, and a filter is 8 bytes without padding.
      let program = unsafe sock_fprog(
        len: UInt16(instructions.count / size),
        filter: filter.bindMemory(to: sock_filter.self, capacity: instructions.count / size))
      unsafe record.data = UnsafeRawPointer(try arena.copy([program]))
    }
  }

  private mutating func set(_ execution: LaunchPlan.Execution) throws(SystemError) {
    set(OL_EXECUTE)
    // Safe: the arena outlives the record.
    unsafe record.text = try arena.list(execution.candidates)
    unsafe record.data = UnsafeRawPointer(try arena.vector(execution.arguments))
    unsafe record.more = UnsafeRawPointer(try arena.vector(execution.environment))
    if execution.isOptional { unsafe record.flags |= UInt32(OL_OPTIONAL) }
  }
}
