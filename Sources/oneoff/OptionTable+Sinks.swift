import ContainerSpec
import LinuxSystem
import OneOff
import SystemPackage

extension OptionGroup {
  /// Where the output goes besides the caller.
  static let sinks = OptionGroup(
    "Where the output goes besides",
    [
      CommandOption(
        name: "syslog",
        value: .init(
          metavariable: "udp://HOST:PORT|tcp://HOST:PORT|unix:PATH",
          completion: .words(["udp://127.0.0.1:514", "tcp://127.0.0.1:601", "unix:/dev/log"])),
        help: "send every line as RFC 5424; HOST is an address, no name", isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.sinks.syslog.append(try SyslogTarget(parsing: value))
      },
      CommandOption(
        name: "journald", help: "send every line to the host's systemd-journald"
      ) { options, _ in options.run.sinks.journald = true },
      CommandOption(
        name: "json-file", value: .init(metavariable: "FILE", completion: .files),
        help: "append every line to a file, as Docker's json-file driver does", isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.sinks.jsonFiles.append(try FilePath(option: value))
      },
      CommandOption(
        name: "log-overflow",
        value: .init(
          metavariable: "block|drop",
          completion: .words(RecordChannel.Overflow.allCases.map(\.rawValue))),
        help: "when one of these is too slow, let the command wait, or drop lines and count them",
        defaultText: "files block, the others drop"
      ) { options, value throws(SpecError) in
        guard let overflow = RecordChannel.Overflow(rawValue: value.description) else {
          throw SpecError(
            "\(String(quoting: value.bytes)) is not what can be done", remedy: "give block or drop")
        }
        options.run.sinks.overflow = overflow
      },
      CommandOption(
        name: "merge",
        help: "give the command one pipe for both of its outputs, so that their order is exact; "
          + "everything is standard output then"
      ) { options, _ in options.run.mergesOutput = true },
    ])
}
