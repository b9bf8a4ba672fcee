import LinuxSystem

// Synchronous: a concurrency runtime would start threads before clone3(2).
Caller.exit(CommandLineTool.run(ArgumentVector()))
