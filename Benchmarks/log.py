"""How fast output gets into the stored log, beside podman and conmon; how soon `oneoff logs -f` shows a line."""

import hashlib
import os
import shutil
import statistics
import subprocess
import time

import peers
from measure import ONEOFF, PROBE, TINY, fail, first_line, in_turn, missing

WIDTH = 80
RUN, CONTAINER = "bench", f"oneoff-bench-{os.getpid()}"


class Logs:
    """What is measured. Each returns the seconds of one run, and leaves nothing."""

    def __init__(self, bench):
        self.bench, self.work = bench, bench.work
        self.lines = bench.some(3_750_000, 100_000)
        self.bytes = self.lines * WIDTH
        self.pour = ["/bin/probe", "lines", str(self.lines), str(WIDTH)]
        self.log = f"{self.work}/conmon.log"
        self.rootfs = None

    def oneoff(self, *arguments, **settings):
        return subprocess.run([ONEOFF, *arguments], check=True, env=self.bench.environment, **settings)

    def recorded(self, *options):
        """From the start of oneoff to its exit, with the result in the record waited for (fsync(2))."""
        begin = time.perf_counter()
        self.oneoff("run", "--name", RUN, *options, "--rootfs", TINY, "--", *self.pour, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begin
        self.oneoff("rm", RUN)
        return took

    def masked(self):
        names = ("FIRST_TOKEN", "SECOND_TOKEN", "THIRD_TOKEN")
        values = [f"--env={name}={hashlib.md5(name.encode()).hexdigest()}" for name in names]
        return self.recorded(*values, *(f"--secret={name}" for name in names))

    def prepare_peers(self):
        """Makes the bundle, and a root file system that a peer may add to."""
        self.rootfs = peers.root_file_system(self.work)
        peers.bundle(f"{self.work}/log-bundle", "crun", self.rootfs, self.pour, is_read_only=True)

    def conmon(self):
        """From `crun start` until conmon has exited: the container was made before that, and that it is removed comes after."""
        pid = f"{self.work}/pid"
        command = peers.conmon_words(self.work, CONTAINER, f"{self.work}/log-bundle", self.log, pid)
        crun = [*peers.CGROUP2_ONLY, "crun", "--cgroup-manager=disabled"]
        with subprocess.Popen([*peers.CGROUP2_ONLY, *command], stderr=subprocess.PIPE, text=True) as monitor:
            while not (os.path.exists(pid) and os.path.getsize(pid)):
                if monitor.poll() is not None:
                    fail(f"conmon has made no container: {monitor.stderr.read()}")
                time.sleep(0.005)
            begin = time.perf_counter()
            subprocess.run([*crun, "start", CONTAINER], check=True)
            monitor.wait()
            took = time.perf_counter() - begin
        with open(f"{self.work}/exits/{CONTAINER}", encoding="ascii") as file:
            if file.read() != "0" or os.path.getsize(self.log) < self.bytes:
                fail("the command of conmon's container has failed")
        subprocess.run([*crun, "delete", "--force", CONTAINER], check=True)
        os.unlink(pid)
        os.unlink(self.log)
        return took

    def podman(self):
        """From the start of `podman run` to its exit, which has conmon send it everything, too."""
        options = [*peers.PODMAN_RESTRICTED, "--log-driver", "k8s-file", "--log-opt", f"path={self.log}"]
        command = peers.podman_words(self.work, self.rootfs, self.pour, *options)
        begin = time.perf_counter()
        subprocess.run([*peers.CGROUP2_ONLY, *command], check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begin
        if os.path.getsize(self.log) < self.bytes:
            fail("podman's log lacks output")
        os.unlink(self.log)
        return took

    def check(self):
        """What is fast has to be right: the stored log gives back every byte."""
        self.oneoff("run", "--name", RUN, "--rootfs", TINY, "--", *self.pour, stdout=subprocess.DEVNULL)
        sums = [subprocess.check_output(f"{command} | md5sum", shell=True, env=self.bench.environment)
                for command in (f"{PROBE} lines {self.lines} {WIDTH}", f"{ONEOFF} logs {RUN}")]
        self.oneoff("rm", RUN)
        if sums[0] != sums[1]:
            fail("the stored log differs from what was written")

    def ages(self, count):
        """How old a line is when the reader of `oneoff logs -f` has it; the line says when it was written."""
        command = ["run", "--name", RUN, "--rootfs", TINY, "--", "/bin/probe", "clock", str(count), "0.037"]
        with subprocess.Popen([ONEOFF, *command], env=self.bench.environment, stdout=subprocess.DEVNULL) as run:
            while not os.path.exists(f"{self.work}/state/runs/{RUN}"):
                time.sleep(0.001)
            ages = []
            follow = [ONEOFF, "logs", "--follow", RUN]
            with subprocess.Popen(follow, env=self.bench.environment, stdout=subprocess.PIPE) as reader:
                for line in reader.stdout:
                    written = int(line.removeprefix(b"time="))
                    ages.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC) - written) / 1e6)
            if run.wait() != 0 or len(ages) != count:
                fail(f"logs -f has shown {len(ages)} lines of {count}")
        self.oneoff("rm", RUN)
        return ages


def throughput(bench, logs):
    ways = {"stored log": logs.recorded, "stored log, 3 secrets masked": logs.masked}
    skipped = []
    if missing("conmon", "crun", "unshare"):
        skipped.append("conmon and podman: the Debian packages conmon, crun and util-linux are missing")
    else:
        logs.prepare_peers()
        ways[f"k8s-file of {first_line('conmon', '--version')} alone, under crun"] = logs.conmon
        if missing("podman"):
            skipped.append("podman: not installed (Debian package podman)")
        else:
            ways["k8s-file of podman and conmon"] = logs.podman
    logs.check()
    samples = in_turn(ways.values(), bench.some(5, 1), warm_ups=0)
    medians = [statistics.median(times) for times in samples]
    bench.report.heading(f"Log: {logs.bytes / 1e6:.0f} MB in lines of {WIDTH} bytes, with time stamps and stream tags")
    bench.report.table(
        ["way", "median, MB/s", "stored log / this"],
        [[way, f"{logs.bytes / 1e6 / median:.0f}", f"{median / medians[0]:.2f}"] for way, median in zip(ways, medians)])
    for peer in skipped:
        bench.report.say(f"\nSkipped: {peer}.")
    if logs.podman in ways.values():
        bench.report.promises([
            ("stored log / podman and conmon", medians[-1] / medians[0], None, 10),
            ("stored log, masked / podman and conmon", medians[-1] / medians[1], None, 5),
        ])


def run(bench):
    logs = Logs(bench)
    throughput(bench, logs)
    ages = logs.ages(bench.some(100, 10))
    bench.report.heading("Log: the age of a line when `logs -f` shows it")
    bench.report.table(
        [f"of {len(ages)} lines", "ms", "promised"],
        [["median", f"{statistics.median(ages):.2f}", ""], ["the oldest", f"{max(ages):.2f}", "at most 50"]])
