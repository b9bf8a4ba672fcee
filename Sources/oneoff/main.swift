import LinuxSystem

// Synchronous: a concurrency runtime would start threads before clone3(2).
try? openStandardDescriptors()
expectChildren()
ignoreWriteSignals()
Caller.exit(CommandLineTool.run(ArgumentVector()))
