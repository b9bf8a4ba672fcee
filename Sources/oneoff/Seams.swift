import ContainerSpec
import SystemPackage

// Where the command line meets what runs containers.

private let unfinished = SpecError("this part of oneoff is not built yet")

/// Runs a spec and returns the exit status that `oneoff run` promises.
func performRun(_ spec: RunSpec, output: RunOutput) throws -> Int32 { throw unfinished }

/// The launch plan of a spec as text.
func planText(_ spec: RunSpec) throws -> String { throw unfinished }

/// Removes what killed runs have left behind, and returns how many leftovers there were.
func collectGarbage() throws -> Int { throw unfinished }

/// Supervises a run for another program, which hands over the spec and reads the events.
func superviseForCaller() throws -> Int32 { throw unfinished }

/// The bytes of a file of the host, at most `limit` of them.
func readFile(_ path: FilePath, limit: Int) throws(Errno) -> [UInt8] {
  let file = try mappingErrno { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
  defer { try? file.close() }
  var bytes: [UInt8] = []
  while bytes.count <= limit {
    let chunk = try mappingErrno {
      // Safe: the array provides the memory, and read(2) says how much of it is filled.
      try unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
        count = try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
    if chunk.isEmpty { return bytes }
    bytes += chunk
  }
  throw Errno.fileTooLarge
}

private func mappingErrno<Value>(_ body: () throws -> Value) throws(Errno) -> Value {
  do {
    return try body()
  } catch {
    throw error as? Errno ?? .ioError
  }
}
