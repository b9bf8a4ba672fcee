import SystemPackage

extension Seccomp {
  /// Reads `default`, `unconfined` or the path of a profile; a file of such a name is `./default`.
  ///
  /// - Throws: ``SpecError`` when it is empty.
  package init(parsing text: ByteString) throws(SpecError) {
    guard !text.bytes.isEmpty else {
      throw SpecError("the path is empty", remedy: "name a profile, default or unconfined")
    }
    switch text {
    case "default": self = .builtIn
    case "unconfined": self = .unconfined
    default: self = .profile(FilePath(text))
    }
  }
}
