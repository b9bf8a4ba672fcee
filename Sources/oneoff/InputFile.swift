import ContainerSpec
import LinuxSystem
import SystemPackage

/// The bytes of a file that an option names; `kind` says what it should be.
///
/// - Throws: ``SpecError`` when there is no such file, it cannot be read, or it has more than
///   `limit` bytes.
func readInput(_ path: FilePath, limit: Int, kind: String) throws(SpecError) -> [UInt8] {
  let shown = "the \(kind) \(String(quoting: path.string))"
  do throws(SystemError) {
    return try readFile(path, limit: limit)
  } catch where error.errno == .noSuchFileOrDirectory {
    throw SpecError("\(shown) does not exist", remedy: "check the path")
  } catch where error.errno == .fileTooLarge {
    throw SpecError(
      "\(shown) is larger than \(ByteCount(bytes: UInt64(limit)))",
      remedy: "check that it is the right file")
  } catch {
    throw SpecError(
      "\(shown) cannot be read: \(error.errno)", remedy: "name a file that you can read")
  }
}
