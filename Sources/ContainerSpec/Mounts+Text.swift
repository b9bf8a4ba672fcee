package import SystemPackage

extension Volume {
  /// Reads `SRC:DST` or `SRC:DST:ro`; neither path can contain a colon.
  ///
  /// - Throws: ``SpecError`` when a part is missing, or the destination is not a place inside.
  public init(parsing text: ByteString) throws(SpecError) {
    let parts = text.bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    let remedy = "write it as SRC:DST or SRC:DST:ro, such as /srv/data:/data:ro"
    guard (2...3).contains(parts.count), !parts[0].isEmpty else {
      throw SpecError("\(String(quoting: text.bytes)) is not a volume", remedy: remedy)
    }
    var isReadOnly = false
    if parts.count == 3 {
      isReadOnly = parts[2].elementsEqual("ro".utf8)
      guard isReadOnly || parts[2].elementsEqual("rw".utf8) else {
        throw SpecError(
          "\(String(quoting: parts[2])) cannot follow a volume's destination", remedy: remedy)
      }
    }
    self.init(
      source: FilePath(try ByteString(bytes: Array(parts[0]), subject: "a volume's source")),
      destination: try FilePath(destination: parts[1], of: "a volume"),
      isReadOnly: isReadOnly)
  }
}

extension TemporaryFileSystem {
  /// Reads `DST` or `DST:SIZE`.
  ///
  /// - Throws: ``SpecError`` when the destination is not a place inside or the size is not one.
  public init(parsing text: ByteString) throws(SpecError) {
    let parts = text.bytes.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    self.init(destination: try FilePath(destination: parts[0], of: "a temporary file system"))
    if parts.count == 2 {
      size = try ByteCount(parsing: ByteString(bytes: Array(parts[1]), subject: "a size"))
    }
  }
}

extension Scratch: CustomStringConvertible {
  /// Reads `SIZE` or `tmpfs:SIZE`, which are in memory, or `disk:SIZE`.
  ///
  /// - Throws: ``SpecError`` for anything else, and what ``ByteCount/init(parsing:)`` refuses.
  public init(parsing text: ByteString) throws(SpecError) {
    let parts = text.bytes.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      self = .tmpfs(try ByteCount(parsing: text))
      return
    }
    let size = try ByteString(bytes: Array(parts[1]), subject: "a size")
    if parts[0].elementsEqual("tmpfs".utf8) {
      self = .tmpfs(try ByteCount(parsing: size))
    } else if parts[0].elementsEqual("disk".utf8) {
      self = .disk(try ByteCount(parsing: size))
    } else {
      throw SpecError(
        "\(String(quoting: parts[0])) is no place for a scratch",
        remedy: suggestion(
          for: String(decoding: parts[0], as: UTF8.self), in: ["tmpfs", "disk"],
          otherwise: "write tmpfs:SIZE or disk:SIZE, such as disk:10G"))
    }
  }

  /// The scratch as it is read: `tmpfs:256M`.
  public var description: String {
    switch self {
    case .tmpfs(let size): "tmpfs:\(size)"
    case .disk(let size): "disk:\(size)"
    }
  }
}

extension Network {
  /// Reads `host`, `none` or `path:/…`.
  ///
  /// - Throws: ``SpecError`` for anything else, with the nearest of the three.
  public init(parsing text: ByteString) throws(SpecError) {
    let prefix = Array("path:".utf8)
    if text.bytes.elementsEqual("host".utf8) {
      self = .host
    } else if text.bytes.elementsEqual("none".utf8) {
      self = .none
    } else if text.bytes.starts(with: prefix) {
      let path = try ByteString(
        bytes: Array(text.bytes.dropFirst(prefix.count)), subject: "a network's path")
      guard path.bytes.first == UInt8(ascii: "/") else {
        throw SpecError(
          "the network \(String(quoting: text.bytes)) has no absolute path",
          remedy: "name a network namespace, such as path:/run/netns/NAME")
      }
      self = .path(FilePath(path))
    } else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a network",
        remedy: suggestion(
          for: text.description, in: ["host", "none"],
          otherwise: "use host, none, or path:/… for an existing network namespace"))
    }
  }
}

extension UserNamespaceMode {
  /// Reads `auto` or `host`.
  ///
  /// - Throws: ``SpecError`` for anything else, with the nearest of the two.
  public init(parsing text: ByteString) throws(SpecError) {
    guard let mode = UserNamespaceMode(rawValue: text.description) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is not a user namespace mode",
        remedy: suggestion(
          for: text.description, in: Self.allCases.map(\.rawValue),
          otherwise: "use auto, single or host"))
    }
    self = mode
  }
}

extension FilePath {
  /// A place inside the container at which `subject` can appear.
  package init(destination bytes: ArraySlice<UInt8>, of subject: String) throws(SpecError) {
    self.init(try ByteString(bytes: Array(bytes), subject: "the destination of \(subject)"))
    self = try checkedDestination(of: subject)
  }

  /// The path without `.` components.
  ///
  /// - Throws: ``SpecError`` when it is relative, has a `..` component, or is `/`,
  ///   `/proc` or `/sys`.
  func checkedDestination(of subject: String) throws(SpecError) -> FilePath {
    try checkedPlace("destination", of: subject)
  }

  /// The same for a path that `subject` has in another role.
  func checkedPlace(_ role: String, of subject: String) throws(SpecError) -> FilePath {
    let shown = String(quoting: string)
    guard isAbsolute else {
      throw SpecError(
        "the \(role) \(shown) of \(subject) is not absolute",
        remedy: "give the path as the command sees it, such as /data")
    }
    guard !components.contains(where: { $0.kind == .parentDirectory }) else {
      throw SpecError(
        "the \(role) \(shown) of \(subject) has '..' in it",
        remedy: "give the path that you mean, such as /data")
    }
    let path = lexicallyNormalized()
    guard !path.components.isEmpty else {
      throw SpecError(
        "the \(role) of \(subject) cannot be the root directory",
        remedy: "give a directory below it, such as /data; --rootfs names the root")
    }
    guard path != "/proc", path != "/sys" else {
      throw SpecError(
        "the \(role) of \(subject) cannot be \(shown), which is the container's own",
        remedy: "give another directory, or one below it")
    }
    return path
  }
}
