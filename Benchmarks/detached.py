"""What the supervisor of a detached run takes while its command prints 100 lines a second, with many at once."""

import json
import os
import statistics
import subprocess
import time

from measure import ONEOFF, TINY, fail

LINES_A_SECOND = 100
CLOCK = ["/bin/probe", "clock", "1000000", str(1 / LINES_A_SECOND)]


def supervisors(work):
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
        if any(target.startswith(work) for target in targets):
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


def stored_lines(oneoff, names):
    shown = (json.loads(oneoff("inspect", name, check=True, capture_output=True).stdout) for name in names)
    return [run["result"]["log"]["stdout_bytes"] // len("time=12345123456789\n") for run in shown]


def run(bench):
    count, seconds = bench.some(100, 4), bench.some(20, 2)
    names = [f"bench-{number}" for number in range(count)]

    def oneoff(*arguments, **settings):
        return subprocess.run([ONEOFF, *arguments], env=bench.environment, **settings)

    try:
        for name in names:
            command = ["run", "--detach", "--name", name, "--rootfs", TINY, "--", *CLOCK]
            oneoff(*command, check=True, stdout=subprocess.DEVNULL)
        settling = bench.some(3, 1)
        time.sleep(settling)
        processes = supervisors(bench.work)
        if len(processes) != count:
            fail(f"{len(processes)} supervisors of {count} runs")
        before, begin = {process: processor_seconds(process) for process in processes}, time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - begin
        percent = [100 * (processor_seconds(process) - before[process]) / elapsed for process in processes]
        memory = [private_kibibytes(process) for process in processes]
    finally:
        oneoff("kill", "--signal", "KILL", *names, stderr=subprocess.DEVNULL)
        oneoff("wait", *names, stderr=subprocess.DEVNULL)
    lines = statistics.median(stored_lines(oneoff, names)) / (seconds + settling)
    bench.report.heading(f"Detached: {count} runs at once that print {LINES_A_SECOND} lines a second")
    bench.report.table(["a supervisor of them", "median", "most"], [
        ["private memory, KiB", f"{statistics.median(memory):.0f}", max(memory)],
        ["processor, % of a core", f"{statistics.median(percent):.2f}", f"{max(percent):.2f}"],
        ["stored lines a second", f"{lines:.0f}", ""],
    ])
