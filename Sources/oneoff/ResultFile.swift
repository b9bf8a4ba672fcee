import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

/// The file into which the result of a run goes (`--result`).
struct ResultFile: Sendable, Hashable, Codable {
  var path: FilePath

  /// Takes a path.
  init(parsing text: ByteString) throws(SpecError) {
    guard !text.bytes.isEmpty, !text.bytes.elementsEqual("-".utf8) else {
      throw SpecError(
        "--result needs the path of a file",
        remedy: "name one; on standard output the last line of --events - has the result")
    }
    self.path = FilePath(text)
  }

  /// Sees to it that a result can be written later, and removes that of an earlier run: if this one
  /// is killed, nobody takes the other for its result.
  ///
  /// - Throws: a `SpecError` or `SystemError` when there can be no such file.
  func prepare() throws {
    do throws(SystemError) {
      try removeReplaceableFile(path)
    } catch {
      var explained = error
      explained.subject = "of the result file \(path)"
      explained.hint =
        "name a file in a directory that exists and in which you may write; what is there already "
        + "must be a regular file, because it is replaced"
      throw explained
    }
  }

  /// Writes a result, whole or not at all; only the caller may read it.
  func write(_ result: RunResult) throws(SystemError) {
    do throws(SystemError) {
      try replaceFile(path, with: StoredJSON.text(result), permissions: 0o600)
    } catch {
      var explained = error
      explained.subject = "of the result file \(path)"
      throw explained
    }
  }
}

/// Writes the result of a run into a file.
final class ResultSink: RunSink {
  private let file: ResultFile
  /// Why the file could not be written, until that was told.
  private var failure: SystemError?

  init(_ file: ResultFile) { self.file = file }

  /// None: it is written at once, when the run is over.
  var writers: [OutputWriter] { [] }

  /// It takes no output.
  func accepts(_ stream: OutputStream) -> Bool { false }

  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration) {}

  func warned(_ warning: RunWarning) {}

  /// Once, that the file could not be written.
  func takeWarning() -> RunWarning? {
    defer { failure = nil }
    return failure.map {
      RunWarning(code: "result-lost", text: "the result was lost: \($0)".onOneLine)
    }
  }

  func finished(id: RunID, result: RunResult) {
    do throws(SystemError) {
      try file.write(result)
    } catch {
      failure = error
    }
  }
}
