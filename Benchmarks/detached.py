"""The measurements of detached.sh: detached.py DIRECTORY RUNS."""

import json
import os
import statistics
import subprocess
import sys
import time

WORK, RUNS = sys.argv[1], int(sys.argv[2])
ONEOFF = "build/oneoff"
TINY = os.path.abspath("build/fixtures/tiny")
LINES_A_SECOND, SECONDS = 100, 20
CLOCK = ["/bin/probe", "clock", "1000000", str(1 / LINES_A_SECOND)]
ENVIRONMENT = {**os.environ, "ONEOFF_STATE_DIR": f"{WORK}/state", "ONEOFF_RUNTIME_DIR": f"{WORK}/runtime"}


def oneoff(*arguments, **settings):
    return subprocess.run([ONEOFF, *arguments], env=ENVIRONMENT, **settings)


def supervisors():
    """The processes that hold the lock of a record of ours."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                if not file.read().startswith(b"oneoff\0supervise"):
                    continue
            targets = [os.readlink(f"/proc/{process}/fd/{fd}") for fd in os.listdir(f"/proc/{process}/fd")]
        except OSError:
            continue
        if any(target.startswith(WORK) for target in targets):
            found.append(process)
    return found


def processor_seconds(process):
    """User and system time; see proc_pid_stat(5)."""
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_kibibytes(process):
    """Memory that no other process has, too; see proc_pid_smaps(5)."""
    with open(f"/proc/{process}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Clean", "Private_Dirty")))


def stored_lines(names):
    shown = (json.loads(oneoff("inspect", name, check=True, capture_output=True).stdout) for name in names)
    return [run["result"]["log"]["stdout_bytes"] // len("time=12345123456789\n") for run in shown]


names = [f"bench-{number}" for number in range(RUNS)]
try:
    for name in names:
        oneoff("run", "--detach", "--name", name, "--rootfs", TINY, "--", *CLOCK, check=True, stdout=subprocess.DEVNULL)
    time.sleep(3)
    processes = supervisors()
    assert len(processes) == RUNS, f"{len(processes)} supervisors of {RUNS} runs"
    before, begin = {process: processor_seconds(process) for process in processes}, time.monotonic()
    time.sleep(SECONDS)
    elapsed = time.monotonic() - begin
    percent = [100 * (processor_seconds(process) - before[process]) / elapsed for process in processes]
    memory = [private_kibibytes(process) for process in processes]
finally:
    oneoff("kill", "--signal", "KILL", *names, stderr=subprocess.DEVNULL)
    oneoff("wait", *names, stderr=subprocess.DEVNULL)
lines = statistics.median(stored_lines(names)) / (SECONDS + 3)
print(f"{RUNS} detached runs at once; a supervisor of them (median, most):")
print(f"private memory       {statistics.median(memory):7.0f} KiB  {max(memory):7.0f} KiB")
print(f"processor, of a core {statistics.median(percent):7.2f} %    {max(percent):7.2f} %")
print(f"stored               {lines:7.0f} lines a second")
