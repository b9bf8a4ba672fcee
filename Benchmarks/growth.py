"""What a start must not depend on: the files of the root file system, its layers, other runs."""

import os
import shutil
import statistics
import subprocess

from measure import ONEOFF, ROOT, TINY, in_turn, oneoff

STATIC_TRUE = f"{ROOT}/build/fixtures/true-static"


def directory_with(path, count):
    """A root file system of so many files, a hundred in a directory; the command is one of them."""
    os.makedirs(f"{path}/bin")
    shutil.copy(STATIC_TRUE, f"{path}/bin/")
    for number in range(1, count):
        if number % 100 == 1:
            directory = f"{path}/files/{number // 100}"
            os.makedirs(directory)
        with open(f"{directory}/{number}", "wb"):
            pass
    return path


def compare(bench, heading, what, commands):
    """Measures the commands in turn; the last may take at most a tenth longer than the first, or less."""
    samples = in_turn([command.milliseconds for command in commands], bench.rounds)
    bench.report.heading(heading)
    bench.report.times(commands, samples)
    first, last = (statistics.median(samples[index]) for index in (0, -1))
    bench.report.promises([(what, last / first, 1.1, 0.9)])


def files(bench):
    counts = bench.some((10, 10_000, 200_000), (10, 1_000))
    roots = [directory_with(f"{bench.work}/files-{count}", count) for count in counts]
    commands = [oneoff(f"{count:,} files", rootfs=root) for count, root in zip(counts, roots)]
    compare(bench, "Growth: files in the root file system", "most files / fewest", commands)
    for root in roots:
        shutil.rmtree(root)


def layers(bench):
    counts = (1, 10, 60)
    paths = [directory_with(f"{bench.work}/layer-{number}", 3) for number in range(max(counts) - 1)]
    commands = []
    for count in counts:
        options = [f"--layer={path}" for path in paths[:count - 1]]
        commands.append(oneoff(f"{count} layers" if count > 1 else "1 layer", *options))
    samples = in_turn([command.milliseconds for command in commands], bench.rounds)
    bench.report.heading("Growth: layers")
    bench.report.times(commands, samples)
    medians = [statistics.median(times) for times in samples]
    each = (medians[-1] - medians[0]) / (counts[-1] - counts[0])
    bench.report.say(f"\nEach layer more: {1000 * each:.0f} µs.")


class Sleepers:
    """Runs that are alive while others are measured; all of them end with the `with` statement."""

    def __init__(self, environment):
        self.environment, self.processes = environment, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.have(0)

    def have(self, count):
        while len(self.processes) > count:
            ending = self.processes[count:]
            del self.processes[count:]
            for process in ending:
                process.terminate()
            for process in ending:
                process.communicate()
        while len(self.processes) < count:
            words = [ONEOFF, "run", "--rootfs", TINY, "--", "/bin/sh", "-c", "echo; exec sleep 100000"]
            self.processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment))
        for process in self.processes:
            if not hasattr(process, "is_there"):
                process.stdout.readline()
                process.is_there = True


def others(bench):
    """Up and down several times, so that a machine that drifts does so for each number of runs."""
    counts, cycles = bench.some((0, 100, 500), (0, 5, 10)), bench.some(4, 1)
    samples = {count: [] for count in counts}
    commands = [oneoff(f"{count} others alive", environment=bench.environment) for count in counts]
    with Sleepers(bench.environment) as sleepers:
        for cycle in range(cycles):
            for count, command in list(zip(counts, commands))[::-1 if cycle % 2 else 1]:
                sleepers.have(count)
                samples[count] += in_turn([command.milliseconds], max(bench.rounds // cycles, 1))[0]
    bench.report.heading("Growth: other runs that are alive")
    bench.report.times(commands, list(samples.values()))
    few, many = (statistics.median(samples[count]) for count in (counts[0], counts[-1]))
    bench.report.promises([("most others / none", many / few, 1.1, 0.9)])


def run(bench):
    files(bench)
    layers(bench)
    others(bench)
