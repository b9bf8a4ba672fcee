"""From the start of the program to its exit, with a `true` that needs no C library."""

import json
import os
import shutil
import statistics
import subprocess

import peers
from measure import ONEOFF, Command, in_turn, oneoff

LIMITS = ("--memory", "256M", "--pids", "256", "--cpus", "1")


class Starts:
    """What is started, and how the peers do beside it."""

    def __init__(self, bench):
        self.ours = oneoff("oneoff run (network none, all namespaces)")
        self.ours_host = oneoff("oneoff run --network host", "--network", "host")
        self.ours_limited = oneoff("oneoff run, limits", *LIMITS)
        cgroups = peers.FloorCgroups()
        self.floor = peers.floor("floor", bench.work, *cgroups.usual)
        self.floor_host = peers.floor("floor --share-net", bench.work, "--share-net", *cgroups.usual)
        self.floor_limited = peers.floor("floor, limits", bench.work, *cgroups.limited) if cgroups.limited else None
        self.bubblewrap = peers.bubblewrap("bubblewrap --unshare-all")
        self.bubblewrap_host = peers.bubblewrap("bubblewrap --unshare-all --share-net", "--share-net")
        self.bubblewrap_equal = peers.equal_bubblewrap("bubblewrap, nearest equal isolation", bench.work)
        self.skipped = [] if cgroups.limited else ["floor with limits: no controllers memory, pids and cpu"]
        limited = [self.ours_limited]
        why = self.ours_limited.trial()
        if why is not None:
            limited, self.floor_limited = [], None
            self.skipped.append(f"runs with limits: {why}")
        floors = [floor for floor in (self.floor, self.floor_host, self.floor_limited) if floor]
        self.commands = [
            self.ours, self.ours_host, *limited, *floors,
            self.bubblewrap, self.bubblewrap_host, self.bubblewrap_equal]
        others, skipped = peers.others(bench.work)
        self.commands += others
        self.skipped += skipped

    def named(self, beginning):
        """The peer whose name begins so; None where it is skipped."""
        return next((command for command in self.commands if command.name.startswith(beginning)), None)

    @property
    def goals(self):
        """(ours, theirs, at most)"""
        pairs = [
            (self.ours, self.bubblewrap, 0.9),
            (self.ours_host, self.bubblewrap_host, 0.6),
            (self.ours, self.named("crun run"), 0.45),
            (self.ours, self.floor, 1.2),
            (self.ours_host, self.floor_host, 1.2),
            (self.ours_limited, self.floor_limited, 1.2),
        ]
        return [goal for goal in pairs if goal[1] is not None]


def measured(bench, starts, commands, rounds, pause):
    samples = in_turn([command.milliseconds for command in commands], rounds, pause=pause)
    bench.report.times(commands, samples)
    medians = {command: statistics.median(times) for command, times in zip(commands, samples)}
    bench.report.promises([
        (f"{ours.name} / {theirs.name}", medians[ours] / medians[theirs], most, None)
        for ours, theirs, most in starts.goals])
    for peer in starts.skipped:
        bench.report.say(f"\nSkipped: {peer}.")


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


def page_cache(bench, starts):
    written, read_back = copies(bench.work)
    commands = [
        oneoff("oneoff as it was written", program=written),
        oneoff("oneoff read back from the disk", program=read_back),
        starts.bubblewrap,
    ]
    samples = in_turn([command.milliseconds for command in commands], bench.rounds)
    bench.report.times(commands, samples)


def hyperfine(bench, starts):
    """The same by another program's clock, but not in turn: only to see that ours is right."""
    path = f"{bench.work}/hyperfine.json"
    commands = [starts.ours, starts.floor, starts.bubblewrap]
    words = ["hyperfine", "--shell=none", "--style=none", "--warmup", "3", "--runs", str(bench.rounds)]
    words += ["--export-json", path, *(" ".join(command.words) for command in commands)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, encoding="utf-8") as file:
        samples = [[1000 * time for time in result["times"]] for result in json.load(file)["results"]]
    bench.report.times(commands, samples)


def run(bench):
    peers.check_floor(bench.work, oneoff)
    starts = Starts(bench)
    bench.report.heading("Start to exit, back to back")
    measured(bench, starts, starts.commands, bench.rounds, 0)
    bench.report.heading("Start to exit, with a pause of a second before each")
    measured(bench, starts, starts.commands, bench.some(30, 1), bench.some(1.0, 0.05))
    bench.report.heading("Start to exit, by how the program lies in the page cache")
    page_cache(bench, starts)
    bench.report.heading("Start to exit, by hyperfine's clock (one after the other, not in turn)")
    hyperfine(bench, starts)
