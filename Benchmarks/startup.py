"""From the start of the program to its exit, with a `true` that needs no C library."""

import os
import shutil
import statistics

from measure import ONEOFF, TINY, TRUE, Command, in_turn, oneoff


def bubblewrap(name, *options, rootfs=TINY):
    mounts = ["--proc", "/proc", "--dev", "/dev", "--bind", rootfs, "/"]
    return Command(name, ["/usr/bin/bwrap", "--unshare-all", *options, *mounts, TRUE])


def copies(work):
    """The program as a copy leaves it in the page cache, and as the kernel has it after it had to read it back.

    The second has smaller pieces, which cost more to map: what memory pressure makes of the first.
    """
    written, read_back = f"{work}/oneoff-written", f"{work}/oneoff-read-back"
    for copy in (written, read_back):
        shutil.copy(ONEOFF, copy)
    with open(read_back, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return written, read_back


def page_cache(bench):
    bench.report.heading("Start: how the program lies in the page cache")
    written, read_back = copies(bench.work)
    commands = [
        oneoff("oneoff as it was written", program=written),
        oneoff("oneoff read back from the disk", program=read_back),
        bubblewrap("bubblewrap --unshare-all"),
    ]
    samples = in_turn([command.milliseconds for command in commands], bench.rounds)
    bench.report.times(commands, samples)
    ours, ours_read_back, theirs = (statistics.median(times) for times in samples)
    bench.report.promises([
        ("oneoff as it was written / bubblewrap", ours / theirs, 0.95, None),
        ("oneoff read back / bubblewrap", ours_read_back / theirs, 0.95, None),
    ])


def run(bench):
    page_cache(bench)
