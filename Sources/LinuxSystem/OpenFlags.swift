import Glibc

/// How a file is opened. See open(2).
public struct OpenFlags: OptionSet, Sendable {
  /// O_* flags.
  public let rawValue: CInt

  /// Makes flags from O_* flags.
  public init(rawValue: CInt) { self.rawValue = rawValue }

  /// For reading.
  public static let reading = OpenFlags([])
  /// For writing only.
  public static let writing = OpenFlags(rawValue: O_WRONLY)
  /// For reading and writing.
  public static let readingAndWriting = OpenFlags(rawValue: O_RDWR)
  /// Makes the file unless it is there.
  public static let creating = OpenFlags(rawValue: O_CREAT)
  /// With ``creating``: it is an error if the file is there.
  public static let exclusively = OpenFlags(rawValue: O_EXCL)
  /// What is written comes at the end, whoever else writes.
  public static let appending = OpenFlags(rawValue: O_APPEND)
  /// Empties the file.
  public static let truncating = OpenFlags(rawValue: O_TRUNC)
  /// It is an error if the file is not a directory.
  public static let directory = OpenFlags(rawValue: O_DIRECTORY)
  /// It is an error if the last component is a symbolic link.
  public static let notFollowing = OpenFlags(rawValue: O_NOFOLLOW)
  /// Neither opening nor reading nor writing waits.
  public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
  /// Only to say where it is: the file itself is not opened.
  public static let pathOnly = OpenFlags(rawValue: 0o10000000)  // O_PATH
  /// A terminal does not become the controlling one.
  public static let notControlling = OpenFlags(rawValue: O_NOCTTY)
}
