import ContainerSpec

extension OptionGroup {
  /// What bounds a run in time, its output, and each of its processes.
  static let time = OptionGroup(
    "Time and output",
    [
      CommandOption(
        name: "timeout", value: .init(metavariable: "TIME|none"),
        help: "how long the command may take; then it gets SIGTERM, and after --grace SIGKILL",
        defaultText: "none; hook: 20m"
      ) { options, value throws(SpecError) in
        options.run.timeout = .some(try Duration.limit(parsing: value))
      },
      CommandOption(
        name: "silence-timeout", value: .init(metavariable: "TIME|none"),
        help: "how long the command may write nothing; likewise", defaultText: "none"
      ) { options, value throws(SpecError) in
        options.run.silenceTimeout = .some(try Duration.limit(parsing: value))
      },
      CommandOption(
        name: "grace", value: .init(metavariable: "TIME"),
        help: "how long the command may go on after it was told to end", defaultText: "30s"
      ) { options, value throws(SpecError) in
        options.run.grace = try Duration(parsing: value)
      },
      CommandOption(
        name: "log-max", value: .init(metavariable: "SIZE|none"),
        help: "how much output is passed on; what follows is thrown away, and counted",
        defaultText: "none; hook: 100M"
      ) { options, value throws(SpecError) in
        options.run.logMaximum = .some(try ByteCount.limit(parsing: value))
      },
      CommandOption(
        name: "result", value: .init(metavariable: "FILE", completion: .files),
        help: "write how the run ended as JSON to a file, which is replaced whole"
      ) { options, value throws(SpecError) in
        options.run.result = try ResultFile(parsing: value)
      },
    ])

  /// What each process inherits.
  static let processes = OptionGroup(
    "Processes",
    [
      CommandOption(
        name: "ulimit", value: .init(metavariable: "NAME=SOFT[:HARD]"),
        help: "a limit of each process, by prlimit's name: as, core, cpu, data, fsize, nofile, …; "
          + "a number, a size or unlimited",
        defaultText: "core=1, nofile=1024:65536, nproc=4096, sigpending=4096, msgqueue=128K",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.run.resourceLimits.set(try ResourceLimit(parsing: value))
      },
      CommandOption(
        name: "nice", value: .init(metavariable: "N"),
        help: "the command's niceness, from -20 to 19; a lower one than yours needs root",
        defaultText: "yours"
      ) { options, value throws(SpecError) in
        options.run.niceness = try Int32(
          parsing: value, "a niceness", in: RunSpec.nicenessRange)
      },
      CommandOption(
        name: "oom-score-adj", value: .init(metavariable: "N"),
        help: "whom the kernel kills when the host is out of memory: from -1000 (others) to 1000 "
          + "(this run); a lower one than yours needs root",
        defaultText: "yours"
      ) { options, value throws(SpecError) in
        options.run.oomScoreAdjustment = try Int32(
          parsing: value, "an OOM score adjustment", in: RunSpec.oomScoreAdjustmentRange)
      },
    ])
}
