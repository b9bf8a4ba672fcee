"""The measurements of bench.sh: bench.py DIRECTORY RUNS.

Medians of single runs taken in turn (A, B, A, B, …): only ratios of such figures mean anything, because machines drift.
"""

import filecmp
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time

WORK, RUNS = sys.argv[1], int(sys.argv[2])
ONEOFF = "build/oneoff"
TINY = "build/fixtures/tiny"
LINES, WIDTH = 3_750_000, 80


def oneoff(rootfs, *command, program=ONEOFF):
    return [program, "run", "--rootfs", rootfs, "--", *command]


def bubblewrap(rootfs, *command):
    isolation = ["--unshare-all", "--proc", "/proc", "--dev", "/dev", "--bind", rootfs, "/"]
    return ["/usr/bin/bwrap", *isolation, *command]


def milliseconds(command):
    """From posix_spawn(3) to the exit status of one run."""
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} failed with wait status {status}")
    return took * 1000


def in_turn(*commands):
    """The median of each command, one run of each after the other."""
    for command in commands:
        for _ in range(5):
            milliseconds(command)
    samples = [[] for _ in commands]
    for _ in range(RUNS):
        for command, times in zip(commands, samples):
            times.append(milliseconds(command))
    return [statistics.median(times) for times in samples]


def row(what, value, unit, note=""):
    print(f"| {what:<46} | {value:>8} {unit:<4} | {note}")


def copies():
    """The program as a copy leaves it in the page cache, and as the kernel has it after it had to read it back.

    The second has smaller pieces, which cost more to map: what memory pressure makes of the first.
    """
    written, read_back = f"{WORK}/oneoff-written", f"{WORK}/oneoff-read-back"
    for copy in (written, read_back):
        shutil.copy(ONEOFF, copy)
    with open(read_back, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return written, read_back


def starts():
    true = "/bin/true-static"
    ours = [oneoff(TINY, true, program=copy) for copy in copies()]
    written, read_back, theirs = in_turn(*ours, bubblewrap(TINY, true))
    row("start to exit, oneoff as it was written", f"{written:.2f}", "ms")
    row("start to exit, oneoff read back from the disk", f"{read_back:.2f}", "ms")
    row("start to exit, bubblewrap", f"{theirs:.2f}", "ms", "without overlay, seccomp, id range")
    row("oneoff as it was written / bubblewrap", f"{written / theirs:.2f}", "", "promised: at most 0.95")
    row("oneoff read back / bubblewrap", f"{read_back / theirs:.2f}", "", "promised: at most 0.95")
    few, many = in_turn(oneoff(f"{WORK}/few", true), oneoff(f"{WORK}/many", true))
    row("start to exit, 10 files", f"{few:.2f}", "ms")
    row("start to exit, 100,000 files", f"{many:.2f}", "ms")
    row("100,000 files / 10 files", f"{many / few:.2f}", "", "promised: 0.90 to 1.10")


def rate(command, path, shell=False):
    """Megabytes per second into a file, the best of three."""
    best = 0.0
    for _ in range(3):
        with open(path, "wb") as file:
            begin = time.perf_counter()
            subprocess.run(command, stdout=file, check=True, shell=shell)
            took = time.perf_counter() - begin
        best = max(best, os.path.getsize(path) / took / 1e6)
    return best


def output():
    probe = ["/bin/probe", "lines", str(LINES), str(WIDTH)]
    expected, got = f"{WORK}/expected", f"{WORK}/got"
    direct = f"build/fixtures/probe lines {LINES} {WIDTH} | cat"
    reference = rate(direct, expected, shell=True)
    ours = rate(oneoff(TINY, *probe), got)
    if not filecmp.cmp(expected, got, shallow=False):
        sys.exit("bench: the output through oneoff differs")
    with open(f"{WORK}/secrets", "w", encoding="ascii") as file:
        file.writelines(f"SECRET_{n}={hashlib.md5(bytes([n])).hexdigest()}\n" for n in range(10))
    masked = rate([*oneoff(TINY)[:-1], "--secret-file", f"{WORK}/secrets", "--", *probe], got)
    size = os.path.getsize(expected) / 1e6
    row(f"{size:.0f} MB into a file, through oneoff", f"{ours:.0f}", "MB/s", "promised: at least 500")
    row("the same with 10 secrets that are masked", f"{masked:.0f}", "MB/s")
    row("masked / not masked", f"{masked / ours:.2f}", "", "promised: at least 0.50")
    row(f"{size:.0f} MB into a file, through cat", f"{reference:.0f}", "MB/s")


def memory():
    """What the supervisor has resident, and had at most, while a command runs."""
    with subprocess.Popen(oneoff(TINY, "/bin/sleep", "2")) as supervisor:
        time.sleep(1)
        with open(f"/proc/{supervisor.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
    for field, what in (("VmRSS", "supervisor, resident"), ("VmHWM", "supervisor, resident at most")):
        kibibytes = int(fields[field].split()[0])
        row(what, f"{kibibytes / 1024:.2f}", "MiB", "promised: below 6")


print(f"medians of {RUNS} runs of each, in turn; kernel {os.uname().release}, {os.cpu_count()} processors\n")
starts()
output()
memory()
