"""What the benchmarks share: measuring in turn, the tables that come out, and where it was measured.

Only ratios of figures that were taken in turn (A, B, A, B, …) mean anything, because machines drift.
"""

import ctypes
import dataclasses
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ONEOFF = f"{ROOT}/build/oneoff"
TINY = f"{ROOT}/build/fixtures/tiny"
PROBE = f"{ROOT}/build/fixtures/probe"
TRUE = "/bin/true-static"


def fail(why):
    sys.exit(f"bench: {why}")


@dataclasses.dataclass(frozen=True, eq=False)
class Command:
    """A program as its users start it."""

    name: str
    words: list
    # What it has open besides our own descriptors 0, 1 and 2: (descriptor, path).
    files: tuple = ()
    # The descriptor of the mount namespace in which it is started; None for ours.
    mounts: int | None = None
    environment: dict | None = None
    # Whether the last word is a name that no two runs may have at once.
    has_name: bool = False

    def spawn(self, number=None):
        """Starts a run, the number of which tells it from others at the same time."""
        actions = [(os.POSIX_SPAWN_OPEN, target, path, os.O_RDWR, 0) for target, path in self.files]
        environment = os.environ if self.environment is None else self.environment
        words = self.words
        if self.has_name and number is not None:
            words = [*words[:-1], f"{words[-1]}-{number}"]
        return os.posix_spawn(words[0], words, environment, file_actions=actions)

    def check(self, status):
        if status != 0:
            fail(f"{' '.join(self.words)} failed with wait status {status}")

    def milliseconds(self):
        """From posix_spawn(3) to the exit status of one run."""
        with mount_namespace(self.mounts):
            begin = time.perf_counter()
            _, status = os.waitpid(self.spawn(), 0)
            took = time.perf_counter() - begin
        self.check(status)
        return took * 1000

    def trial(self):
        """Why a run fails, in a line; None when it does not."""
        with mount_namespace(self.mounts):
            try:
                done = subprocess.run(
                    self.words, capture_output=True, text=True, check=False, timeout=60, env=self.environment,
                    stdin=subprocess.DEVNULL)
            except (OSError, subprocess.SubprocessError) as error:
                return str(error)
        if done.returncode == 0:
            return None
        return "; ".join(done.stderr.split("\n")).strip("; ")[:200] or f"status {done.returncode}"


class mount_namespace:
    """In a `with` statement: this process is in another mount namespace, and back afterwards."""

    _ours = None

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def __enter__(self):
        if self.descriptor is not None:
            if mount_namespace._ours is None:
                mount_namespace._ours = os.open("/proc/self/ns/mnt", os.O_RDONLY)
            self._enter(self.descriptor)

    def __exit__(self, *_):
        if self.descriptor is not None:
            self._enter(mount_namespace._ours)

    @staticmethod
    def _enter(descriptor):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, 0) != 0:
            fail(f"setns(2): {os.strerror(ctypes.get_errno())}")
        os.chdir(ROOT)


def in_turn(measures, rounds, warm_ups=3, pause=0.0):
    """The samples of each measure (a function), one of each after the other, each round in another order.

    What one leaves for the kernel to do falls on the next: in one order, always on the same.
    """
    measures = list(measures)
    for measure in measures:
        for _ in range(warm_ups):
            measure()
    samples = [[] for _ in measures]
    turns = random.Random(1)
    for _ in range(rounds):
        for index in turns.sample(range(len(measures)), len(measures)):
            if pause:
                time.sleep(pause)
            samples[index].append(measures[index]())
    return samples


def middle_half(samples):
    """The quartiles, between which half of the samples lie."""
    if len(samples) < 2:
        return samples[0], samples[0]
    quartiles = statistics.quantiles(samples, n=4, method="inclusive")
    return quartiles[0], quartiles[2]


class Report:
    """Tables for the terminal, which are Markdown at the same time."""

    def __init__(self):
        self.lines = []

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def heading(self, text):
        self.say()
        self.say(f"## {text}")
        self.say()

    def table(self, header, rows):
        """Prints a table whose first column is text, and whose others are figures."""
        cells = [header, *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        for row in [cells[0], rule, *cells[1:]]:
            first = row[0].ljust(widths[0])
            self.say("| " + " | ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]) + " |")

    def times(self, commands, samples, note=None):
        """A table of milliseconds; each row also says what it is in terms of the first."""
        base = statistics.median(samples[0])
        rows = []
        for command, times in zip(commands, samples):
            low, high = middle_half(times)
            median = statistics.median(times)
            rows.append([command.name, f"{median:.2f}", f"{low:.2f}–{high:.2f}", f"{base / median:.2f}"])
        self.table(["start to exit", "median, ms", "middle half", "first / this"], rows)
        if note:
            self.say()
            self.say(note)

    def promises(self, promises):
        """What is promised of ratios: (sentence, ratio, at most or None, at least or None)."""
        rows = []
        for sentence, ratio, most, least in promises:
            holds = (most is None or ratio <= most) and (least is None or ratio >= least)
            limit = " ".join([f"≤ {most:.2f}" if most is not None else "", f"≥ {least:.2f}" if least is not None else ""])
            rows.append([sentence, f"{ratio:.2f}", limit.strip(), "yes" if holds else "no"])
        self.say()
        self.table(["promise", "ratio", "promised", "holds"], rows)


@dataclasses.dataclass
class Bench:
    """One run of the benchmarks: where it may write, how much it measures, and where that goes."""

    work: str
    rounds: int
    is_quick: bool
    report: Report = dataclasses.field(default_factory=Report)

    def some(self, full, quick):
        """A number that is smaller when it is only to be seen that everything works."""
        return quick if self.is_quick else full

    @property
    def environment(self):
        """Has oneoff keep its records and slots where they go away with us."""
        return {**os.environ, "ONEOFF_STATE_DIR": f"{self.work}/state", "ONEOFF_RUNTIME_DIR": f"{self.work}/runtime"}


def oneoff(name, *options, command=(TRUE,), rootfs=TINY, program=ONEOFF, environment=None):
    """`oneoff run` with options."""
    return Command(name, [program, "run", *options, "--rootfs", rootfs, "--", *command], environment=environment)


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]


def first_line(*command):
    """What a program says of its version; None when there is none or it does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0]


def processor_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model"):
                return value.strip()
    return os.uname().machine


def cgroup_versions():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        types = {line.split()[2] for line in file}
    names = {"cgroup": "v1", "cgroup2": "v2"}
    return " and ".join(names[kind] for kind in sorted(types & names.keys())) or "none"


def memory_gibibytes():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def machine():
    """Where it was measured, line by line."""
    uname = os.uname()
    commit = first_line("git", "-c", "safe.directory=*", "-C", ROOT, "rev-parse", "--short", "HEAD") or "unknown"
    virtual = first_line("systemd-detect-virt") or "unknown"
    return [
        f"{time.strftime('%Y-%m-%d')}, commit {commit}",
        f"{os.cpu_count()} × {processor_name()}, {memory_gibibytes():.0f} GiB, virtualisation: {virtual}",
        f"Linux {uname.release} {uname.machine}, cgroups {cgroup_versions()}",
    ]
