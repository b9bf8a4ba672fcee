import OneOff

/// `oneoff run`: one command in a container that is thrown away.
enum RunVerb {
  static let verb = Verb(
    name: "run",
    summary: "Run a command in a container that is thrown away afterwards",
    operands: "[--] COMMAND [ARG…]",
    details: [
      "COMMAND runs in a root file system made of --rootfs and the layers on top of it, which are "
        + "only read: what it writes goes to a scratch that is thrown away, except in volumes. "
        + "It gets its arguments exactly as given, and of the environment PATH, HOME, TERM where "
        + "there is a terminal, and what --env and --env-file name.",
      "Without -i its standard input is the null device, and without -t its output is never a "
        + "terminal. With -it it has a terminal of its own, on which Ctrl-C, Ctrl-Z and Ctrl-D are "
        + "for whatever runs inside.",
      "SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are forwarded to it. When oneoff is "
        + "killed, the container ends too.",
    ],
    groups: OptionGroup.ofRun + [OptionGroup.interaction, OptionGroup.measuring],
    examples: [
      .init(
        command: "oneoff run --rootfs / -- id",
        purpose: "a first try: in a throw-away copy of this very machine"),
      .init(
        command: "oneoff run --rootfs /srv/image -v \"$PWD:/src:ro\" -w /src -- make test",
        purpose: "a test suite that can neither reach the network nor change its sources"),
      .init(
        command: "oneoff run --rootfs /srv/image --env-file app.env --network host -- "
          + "bundle exec rake db:migrate",
        purpose: "a migration with an app's environment"),
    ],
    exitStatuses: ExitStatus.ofRun
  ) { invocation in
    try invocation.checkDetaching()
    let options = invocation.options.run
    let timing = try options.timing.map { try TimingFile($0) }
    timing?.trace.begin("spec")
    let output = try RunOutput(.plain, options)
    let record =
      invocation.options.record.isWanted
      ? RecordRequest(kind: .run, command: invocation.operands, isRequired: true) : nil
    let spec = try options.spec(command: invocation.operands)
    let keys = invocation.options.detachKeys
    if invocation.options.isDetached || keys != nil, let record {
      let detached = try DetachedRun(spec, named: "run", output: output, record: record)
      if let keys { return try detached.attend(keys) }
      return try detached.start()
    }
    let run = try performRun(
      spec, named: "run", output: output, record: record,
      onCallerDeath: invocation.options.callerDeath, trace: timing?.trace)
    timing?.write()
    return run.status
  }
}
