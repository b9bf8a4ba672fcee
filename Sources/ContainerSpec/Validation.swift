import SystemPackage

extension RunSpec {
  /// The most layers of a root file system: overlayfs's own limit, OVL_MAX_STACK. Under the short
  /// names `l0:l1:…` that the plan uses, so many fit into the 4096 bytes of mount(2)'s options.
  public static let maximumLayers = 500
  /// The most bytes of one argument, or of one variable with its name and `=`: MAX_ARG_STRLEN less
  /// its NUL. See execve(2).
  public static let maximumString = 131_071
  /// The most bytes of all arguments and variables, with NUL and pointer for each: what execve(2)
  /// allows under the usual stack limit of 8 MiB.
  public static let maximumStrings = 2 << 20
  /// The most variables: far above any use, and few enough to be compared one by one.
  public static let maximumVariables = 4096
  /// The most volumes and temporary file systems: as for variables.
  public static let maximumMounts = 1000
  /// The largest scratch or temporary file system: beyond any memory, and below what tmpfs takes
  /// for "without limit".
  public static let maximumSize = ByteCount(bytes: 1 << 50)
  /// The longest grace time and time limit.
  public static let maximumTime = Duration.seconds(365 * 86400)
  /// The smallest scratch: its own directories and files take less than this.
  public static let minimumScratch = ByteCount(bytes: 64 << 10)
  /// The smallest scratch on disk. Its file system has tables of its own, the layers take a
  /// directory each, and the kernel says that it is full when 2 MiB are left.
  public static let minimumDiskScratch = ByteCount.mebibytes(64)
  /// The largest scratch on disk: a file on ext4 cannot hold 16 TiB.
  public static let maximumDiskScratch = ByteCount.mebibytes(15 << 20)

  /// Checks whatever can be checked without looking at the host.
  ///
  /// - Throws: ``SpecError`` for the first thing that cannot be used.
  public func validate() throws(SpecError) {
    try Self.validateCommand(command)
    if let fallbackCommand { try Self.validateCommand(fallbackCommand) }
    try validateLayers()
    try validateMounts()
    try validateStrings()
    try validateSecrets()
    guard workingDirectory.isAbsolute else {
      throw SpecError(
        "the working directory \(String(quoting: workingDirectory.string)) is not absolute",
        remedy: "give the path as the command sees it, such as /app")
    }
    try validateScratch()
    for fileSystem in temporaryFileSystems { try Self.validateSize(fileSystem.size) }
    try validateTimes()
    try validateProcessLimits()
    try limits.validate()
    try validateUser()
    try validateCapabilities()
    try validateSeccomp()
    try validateExports()
  }

  private func validateCapabilities() throws(SpecError) {
    try capabilities.validate()
    guard capabilities.isEmpty || userNamespace != .host else {
      throw SpecError(
        "with --userns host a capability would be one over the host",
        remedy: "leave out --cap-add or --userns host")
    }
  }

  private func validateSeccomp() throws(SpecError) {
    if case .profile(let path) = seccomp, path.isEmpty {
      throw SpecError("the seccomp profile's path is empty", remedy: "name a file")
    }
    guard seccomp != .unconfined || !logsBlockedCalls else {
      throw SpecError(
        "without a seccomp policy there are no blocked calls to log",
        remedy: "leave out --seccomp-log, or --seccomp unconfined")
    }
  }

  private func validateScratch() throws(SpecError) {
    let range =
      switch scratch {
      case .tmpfs: RunSpec.minimumScratch...RunSpec.maximumSize
      case .disk: RunSpec.minimumDiskScratch...RunSpec.maximumDiskScratch
      }
    let subject = scratch == .disk(scratch.size) ? "a scratch on disk" : "a scratch"
    guard scratch.size >= range.lowerBound else {
      throw SpecError(
        "\(subject) of \(scratch.size) is too small", remedy: "give at least \(range.lowerBound)")
    }
    guard scratch.size <= range.upperBound else {
      throw SpecError(
        "\(subject) of \(scratch.size) is too large", remedy: "give at most \(range.upperBound)")
    }
  }

  private static func validateSize(_ size: ByteCount) throws(SpecError) {
    guard size <= RunSpec.maximumSize else {
      throw SpecError("a size of \(size) is too large", remedy: "give at most 1024T")
    }
  }

  /// What only a specification that was not read from options can get wrong.
  private func validateUser() throws(SpecError) {
    // setresuid(2) takes this id for "leave it as it is".
    guard user?.user != .id(UInt32.max), user?.group != .id(UInt32.max) else {
      throw SpecError("4294967295 is not an id", remedy: "use a number from 0 to 4294967294")
    }
    if case .path(let path) = network, !path.isAbsolute {
      throw SpecError(
        "the network namespace \(String(quoting: path.string)) is not an absolute path",
        remedy: "name a file such as /run/netns/NAME")
    }
  }

  private static func validateCommand(_ words: [ByteString]) throws(SpecError) {
    guard let program = words.first else {
      throw SpecError("there is no command to run", remedy: "name one, such as: -- sh -c 'id'")
    }
    guard !program.bytes.isEmpty else {
      throw SpecError("the command's name is empty", remedy: "name a program, such as sh")
    }
  }

  private func validateLayers() throws(SpecError) {
    guard !layers.isEmpty else {
      throw SpecError(
        "there is no root file system", remedy: "name its directory, such as --rootfs /srv/image")
    }
    guard layers.count <= RunSpec.maximumLayers else {
      throw SpecError(
        "\(layers.count) layers are too many",
        remedy: "use at most \(RunSpec.maximumLayers), overlayfs's limit; merge some")
    }
    guard !layers.contains(where: \.isEmpty) else {
      throw SpecError("a layer's path is empty", remedy: "name a directory")
    }
  }

  private func validateMounts() throws(SpecError) {
    var places: [(place: FilePath, subject: String)] = []
    if let app {
      guard !app.source.isEmpty else {
        throw SpecError("the app directory's path is empty", remedy: "name a directory")
      }
      places.append((app.mountPoint, "the app directory"))
    }
    for volume in volumes {
      guard !volume.source.isEmpty else {
        throw SpecError("a volume's source is empty", remedy: "name a file or directory")
      }
      places.append((volume.destination, "a volume"))
    }
    for fileSystem in temporaryFileSystems {
      guard fileSystem.size.bytes > 0 else {
        throw SpecError("a temporary file system of size 0", remedy: "give a size such as 64M")
      }
      places.append((fileSystem.destination, "a temporary file system"))
    }
    guard places.count <= RunSpec.maximumMounts else {
      throw SpecError(
        "\(places.count) mounts are too many", remedy: "use at most \(RunSpec.maximumMounts)")
    }
    // Not a set: making its type at run time costs more than comparing a few paths.
    var taken: [FilePath] = []
    for (place, subject) in places {
      let path = try place.checkedDestination(of: subject)
      guard !taken.contains(path) else {
        throw SpecError(
          "two mounts have the destination \(String(quoting: path.string))",
          remedy: "give each of them its own")
      }
      taken.append(path)
    }
  }

  private func validateStrings() throws(SpecError) {
    let variables = try validateVariables()
    try Self.validateStrings(command, variables: variables)
    if let fallbackCommand { try Self.validateStrings(fallbackCommand, variables: variables) }
  }

  private static func validateStrings(
    _ words: [ByteString], variables: Int
  ) throws(SpecError) {
    var total = variables
    for argument in words {
      guard argument.bytes.count <= RunSpec.maximumString else {
        throw SpecError(
          "an argument has \(argument.bytes.count) bytes",
          remedy: "Linux allows \(RunSpec.maximumString); pass it in a file")
      }
      total += argument.bytes.count + 9
    }
    guard total <= RunSpec.maximumStrings else {
      throw SpecError(
        "the arguments and variables have \(total) bytes in all",
        remedy: "Linux allows \(RunSpec.maximumStrings); pass large values in files")
    }
  }

  /// Returns how many bytes the variables take.
  private func validateVariables() throws(SpecError) -> Int {
    guard environment.count <= RunSpec.maximumVariables else {
      throw SpecError(
        "\(environment.count) variables are too many",
        remedy: "use at most \(RunSpec.maximumVariables)")
    }
    var total = 0
    for (index, variable) in environment.enumerated() {
      guard !environment[..<index].contains(where: { $0.name == variable.name }) else {
        throw SpecError(
          "the variable \(String(quoting: variable.name)) is there twice",
          remedy: "keep one of them")
      }
      let count = variable.name.utf8.count + 1 + variable.value.bytes.count
      guard count <= RunSpec.maximumString else {
        throw SpecError(
          "the variable \(String(quoting: variable.name)) has \(count) bytes",
          remedy: "Linux allows \(RunSpec.maximumString); pass it in a file")
      }
      total += count + 9
    }
    return total
  }
}
