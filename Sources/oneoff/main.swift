import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

let args = ProcessArguments.all
var spec = RunSpec(
  layers: [FilePath(String(decoding: args[1], as: UTF8.self))],
  command: try args.dropFirst(2).map { try ByteString(bytes: $0, subject: "x") })
ignoreBrokenPipes()
let sink = PassthroughSink(stdout: OutputWriter(1), stderr: OutputWriter(2))
do {
  let result = try Supervisor(spec, sinks: [sink]).run()
  exitProcess(result.status)
} catch {
  OutputWriter(2).write(Array("oneoff: \(error)\n".utf8)[...])
  exitProcess(125)
}
