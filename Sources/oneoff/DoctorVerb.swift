import ContainerSpec
import FoundationEssentials
import OneOff
import SystemPackage

/// `oneoff doctor`: what this host can do for runs, and what to do about the rest.
enum DoctorVerb {
  static let verb = Verb(
    name: "doctor",
    summary: "Say what this host supports, what is missing, and what to do about it",
    details: [
      "Each line is ok, missing (a run cannot work), note (a run works, with less) or unknown "
        + "(mostly because only root can tell). What the kernel can do is found out by doing it; "
        + "nothing is left behind but a slot's lock file, as by a run."
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          CommandOption(name: "json", help: "print one JSON object") { options, _ in
            options.wantsJSON = true
          },
          .rootfs("a root file system to look at, too"),
        ])
    ],
    examples: [
      .init(command: "oneoff doctor", purpose: "look at the host"),
      .init(
        command: "oneoff doctor --rootfs /srv/image",
        purpose: "and whether that directory can be a run's root file system"),
      .init(
        command: "oneoff doctor --json | jq -r '.checks[] | select(.status == \"missing\").name'",
        purpose: "the names of what is missing"),
    ],
    exitStatuses: [
      ExitStatus(status: "0", meaning: "a run can work"),
      ExitStatus(status: "1", meaning: "a run cannot work: something that it needs is missing"),
      .failure,
    ]
  ) { invocation in
    let report = HostReport(rootfs: invocation.options.run.rootfs)
    if invocation.options.wantsJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      try Printer.print(String(decoding: encoder.encode(report), as: UTF8.self) + "\n")
    } else {
      try Printer.print(report.description.inHarmlessLines)
    }
    return report.canRun ? 0 : 1
  }
}
