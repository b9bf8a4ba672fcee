import ContainerSpec
import LinuxSystem
import OneOff

/// `oneoff gc`: removes what killed runs have left behind, and old records.
enum GCVerb {
  static let verb = Verb(
    name: "gc",
    summary: "Remove what runs whose supervisor was killed have left behind, and old records",
    details: [
      "The processes of such a run are gone already; empty cgroups may be left (on cgroup v1 only "
        + "of runs with limits), and without root, before Linux 6.6, a scratch that is a "
        + "directory. The next run that takes the same slot, with limits on v1, removes them too.",
      "Records are removed by age and by number, whichever says so; never that of a run that is "
        + "alive. Nothing else removes them but oneoff rm: call gc from a timer.",
    ],
    groups: [.retention],
    examples: [
      .init(command: "oneoff gc", purpose: "remove all leftovers, and records after 30 days"),
      .init(
        command: "oneoff gc --keep 7d --keep-runs 200 --dry-run",
        purpose: "what would not be kept with less patience"),
    ]
  ) { invocation in
    let options = invocation.options
    let collection = try GarbageCollection(isDryRun: options.isDryRun)
    let records = try RecordCollection(options.retention, isDryRun: options.isDryRun)
    let count =
      collection.removedCgroups.count + collection.removedScratches.count + records.halves
    let end = options.isDryRun ? "would be removed" : "removed"
    try Printer.print(
      "\(count) \(count == 1 ? "leftover" : "leftovers") \(end)\n"
        + "\(records.removed.count) \(records.removed.count == 1 ? "record" : "records") \(end)\n"
        + (options.isDryRun ? records.removed.map { "\($0.text)\n" }.joined() : ""))
    for error in records.unreadable { Printer.printError(error.description) }
    return 0
  }
}
