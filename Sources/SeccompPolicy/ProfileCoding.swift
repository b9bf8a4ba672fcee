// How a profile is read from JSON: every key is known, or reading fails.

extension SeccompProfile {
  /// The most bytes of a profile: far above Docker's own, which has 13,000.
  public static let maximumSize = 1 << 20

  /// Reads a profile in Docker's format.
  ///
  /// - Throws: ``ProfileError`` for what is not JSON, and for a missing, misspelt or wrongly typed
  ///   key, or a value that has no meaning, with its path.
  public init(json: [UInt8]) throws(ProfileError) {
    let fields = try Fields(
      Node(path: "", value: try JSONParser.parse(json)),
      known: ["defaultAction", "defaultErrnoRet", "archMap", "architectures", "syscalls"])
    defaultAction = try fields.required("defaultAction").named("an action")
    defaultErrnoRet = try fields["defaultErrnoRet"]?.errno(of: defaultAction)
    // Empty, both are as good as absent.
    archMap = try fields["archMap"]?.list(ArchitectureMapping.init)
    if archMap?.isEmpty == true { archMap = nil }
    if let names = try fields["architectures"]?.strings(), !names.isEmpty {
      guard archMap == nil else {
        throw ProfileError(
          path: "architectures", problem: "cannot stand beside archMap; use one of them")
      }
      archMap = names.map { ArchitectureMapping(architecture: $0) }
    }
    syscalls = try fields["syscalls"]?.list(Rule.init) ?? []
  }
}

extension SeccompProfile.ArchitectureMapping {
  fileprivate init(_ node: Node) throws(ProfileError) {
    let fields = try Fields(node, known: ["architecture", "subArchitectures"])
    architecture = try fields.required("architecture").string()
    subArchitectures = try fields["subArchitectures"]?.strings()
  }
}

extension SeccompProfile.Rule {
  fileprivate init(_ node: Node) throws(ProfileError) {
    let fields = try Fields(
      node,
      known: ["name", "names", "action", "errnoRet", "args", "includes", "excludes", "comment"])
    if let name = try fields["name"]?.string(), !name.isEmpty {
      guard try (fields["names"]?.strings() ?? []).isEmpty else {
        throw ProfileError(
          path: "\(node.path).name", problem: "cannot stand beside names; use one of them")
      }
      names = [name]
    } else {
      names = try fields.required("names").strings()
    }
    action = try fields.required("action").named("an action")
    errnoRet = try fields["errnoRet"]?.errno(of: action)
    args = try fields["args"]?.list(SeccompProfile.Condition.init)
    includes = try fields["includes"].map(SeccompProfile.Filter.init)
    excludes = try fields["excludes"].map(SeccompProfile.Filter.init)
    comment = try fields["comment"]?.string()
  }
}

extension SeccompProfile.Condition {
  fileprivate init(_ node: Node) throws(ProfileError) {
    let fields = try Fields(node, known: ["index", "value", "valueTwo", "op"])
    // The arguments that a system call has.
    index = Int(try fields.required("index").number(atMost: 5))
    value = try fields.required("value").number()
    valueTwo = try fields["valueTwo"]?.number()
    op = try fields.required("op").named("an operator")
    guard op != .maskedEqual || (valueTwo ?? 0) & ~value == 0 else {
      throw ProfileError(
        path: "\(node.path).valueTwo",
        problem: "has bits that value, the mask of SCMP_CMP_MASKED_EQ, has not")
    }
  }
}

extension SeccompProfile.Filter {
  fileprivate init(_ node: Node) throws(ProfileError) {
    let fields = try Fields(node, known: ["caps", "arches", "minKernel"])
    caps = try fields["caps"]?.strings()
    arches = try fields["arches"]?.strings()
    if let node = fields["minKernel"] {
      let text = try node.string()
      guard let version = KernelVersion(text) else {
        throw node.error("'\(text)' is not a kernel's MAJOR.MINOR")
      }
      minKernel = version
    }
  }
}

/// A value and its place in the profile.
private struct Node {
  var path: String
  var value: JSONValue

  func error(_ problem: String) -> ProfileError { ProfileError(path: path, problem: problem) }

  func string() throws(ProfileError) -> String {
    guard case .string(let text) = value else { throw error("must be a string") }
    return text
  }

  func number(atMost most: UInt64 = .max) throws(ProfileError) -> UInt64 {
    guard case .number(let number?) = value, number <= most else {
      throw error("must be a whole number from 0 to \(most)")
    }
    return number
  }

  /// An errno for SCMP_ACT_ERRNO, or a message for SCMP_ACT_TRACE; for other actions it means
  /// nothing.
  func errno(of action: SeccompProfile.ActionName) throws(ProfileError) -> UInt16 {
    // The kernel's MAX_ERRNO: it takes whatever is above for 4095.
    UInt16(try number(atMost: action == .trace ? 65535 : 4095))
  }

  func list<Element>(
    _ read: (Node) throws(ProfileError) -> Element
  ) throws(ProfileError) -> [Element] {
    guard case .array(let values) = value else { throw error("must be a list") }
    var elements: [Element] = []
    for (index, value) in values.enumerated() {
      elements.append(try read(Node(path: "\(path)[\(index)]", value: value)))
    }
    return elements
  }

  func strings() throws(ProfileError) -> [String] {
    try list { (node) throws(ProfileError) in try node.string() }
  }

  /// A value by the name that libseccomp has for it.
  func named<Value: RawRepresentable<String> & CaseIterable>(
    _ kind: String
  ) throws(ProfileError) -> Value {
    let name = try string()
    guard let value = Value(rawValue: name) else {
      let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("'\(name)' is not \(kind); there are \(known)")
    }
    return value
  }
}

/// The members of an object, all of which are known. `null` is as good as absent.
private struct Fields {
  private let path: String
  private let members: [JSONValue.Member]

  init(_ node: Node, known: [String]) throws(ProfileError) {
    guard case .object(let members) = node.value else { throw node.error("must be an object") }
    self.path = node.path
    self.members = members
    for member in members where !known.contains(member.key) {
      throw place(member.key).error(
        "is not a field of a profile here; there are \(known.joined(separator: ", "))")
    }
  }

  private func place(_ key: String, _ value: JSONValue = .null) -> Node {
    Node(path: path.isEmpty ? key : "\(path).\(key)", value: value)
  }

  subscript(key: String) -> Node? {
    for member in members where member.key == key && member.value != .null {
      return place(key, member.value)
    }
    return nil
  }

  func required(_ key: String) throws(ProfileError) -> Node {
    guard let node = self[key] else { throw place(key).error("is missing") }
    return node
  }
}
