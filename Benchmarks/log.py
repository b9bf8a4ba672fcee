"""The measurements of log.sh: log.py DIRECTORY ROUNDS.

Medians of runs taken in turn (A, B, A, B, …): only ratios of such figures mean anything, because machines drift.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

WORK, ROUNDS = sys.argv[1], int(sys.argv[2])
ONEOFF = "build/oneoff"
TINY = os.path.abspath("build/fixtures/tiny")
PROBE = "build/fixtures/probe"
LINES, WIDTH = 3_750_000, 80
MEGABYTES = LINES * WIDTH / 1e6
POUR = ["/bin/probe", "lines", str(LINES), str(WIDTH)]
ENVIRONMENT = {**os.environ, "ONEOFF_STATE_DIR": f"{WORK}/state"}
RUN, CONTAINER = "bench", f"oneoff-bench-{os.getpid()}"
LOG = f"{WORK}/conmon.log"
# crun 1.8 refuses a host with cgroups of both versions: it sees a mount namespace that shows version 2 only.
CGROUP2_ONLY = ["unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"]
CRUN = [*CGROUP2_ONLY, "crun", "--cgroup-manager=disabled"]


def row(what, value, unit, note=""):
    print(f"| {what:<58} | {value:>8} {unit:<4} | {note}")


def oneoff(*arguments, **settings):
    return subprocess.run([ONEOFF, *arguments], check=True, env=ENVIRONMENT, **settings)


def seconds(action, *arguments, **settings):
    begin = time.perf_counter()
    action(*arguments, **settings)
    return time.perf_counter() - begin


# What is measured. Each returns the seconds of one run, and leaves nothing.


def recorded(*options):
    """From the start of oneoff to its exit, with the result in the record waited for (fsync(2))."""
    command = ["run", "--name", RUN, *options, "--rootfs", TINY, "--", *POUR]
    took = seconds(oneoff, *command, stdout=subprocess.DEVNULL)
    oneoff("rm", RUN)
    return took


def masked():
    names = ("FIRST_TOKEN", "SECOND_TOKEN", "THIRD_TOKEN")
    values = [f"--env={name}={hashlib.md5(name.encode()).hexdigest()}" for name in names]
    return recorded(*values, *(f"--secret={name}" for name in names))


def into_file(command):
    path = f"{WORK}/output"
    with open(path, "wb") as file:
        took = seconds(subprocess.run, command, stdout=file, check=True, shell=isinstance(command, str))
    if os.path.getsize(path) != LINES * WIDTH:
        sys.exit(f"log: {command} wrote {os.path.getsize(path)} bytes")
    os.unlink(path)
    return took


def raw():
    return into_file([ONEOFF, "run", "--rootfs", TINY, "--", *POUR])


def cat():
    return into_file(f"{PROBE} lines {LINES} {WIDTH} | cat")


def conmon():
    """From `crun start` until conmon has exited: the container was made before that, and that it is removed comes after."""
    pid = f"{WORK}/pid"
    command = ["conmon", "--api-version", "1", "--sync", "--cid", CONTAINER, "--cuuid", f"{CONTAINER}-uuid", "--name", CONTAINER]
    command += ["--runtime", shutil.which("crun"), "--runtime-arg", "--cgroup-manager=disabled", "--bundle", f"{WORK}/bundle"]
    command += ["--container-pidfile", pid, "--exit-dir", f"{WORK}/exits", "--socket-dir-path", f"{WORK}/sockets"]
    command += ["--log-path", f"k8s-file:{LOG}"]
    with subprocess.Popen([*CGROUP2_ONLY, *command], stderr=subprocess.PIPE, text=True) as monitor:
        while not (os.path.exists(pid) and os.path.getsize(pid)):
            if monitor.poll() is not None:
                sys.exit(f"log: conmon has made no container: {monitor.stderr.read()}")
            time.sleep(0.005)
        begin = time.perf_counter()
        subprocess.run([*CRUN, "start", CONTAINER], check=True)
        monitor.wait()
        took = time.perf_counter() - begin
    with open(f"{WORK}/exits/{CONTAINER}", encoding="ascii") as file:
        if file.read() != "0" or os.path.getsize(LOG) < LINES * WIDTH:
            sys.exit("log: the command of conmon's container has failed")
    subprocess.run([*CRUN, "delete", "--force", CONTAINER], check=True)
    os.unlink(pid)
    os.unlink(LOG)
    return took


def podman():
    """From the start of `podman run` to its exit, which has conmon send it everything, too."""
    command = ["podman", "--root", f"{WORK}/podman", "--runroot", f"{WORK}/podman-run", "run", "--rm", "--network", "none"]
    # Limits below the caller's, which crun may not raise where root lacks CAP_SYS_RESOURCE.
    command += ["--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    command += ["--log-driver", "k8s-file", "--log-opt", f"path={LOG}", "--rootfs", f"{WORK}/rootfs", *POUR]
    took = seconds(subprocess.run, [*CGROUP2_ONLY, *command], check=True, stdout=subprocess.DEVNULL)
    if os.path.getsize(LOG) < LINES * WIDTH:
        sys.exit("log: podman's log lacks output")
    os.unlink(LOG)
    return took


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]


def prepare_peers():
    """Makes the bundle, and a root file system that a peer may add to."""
    for directory in ("bundle", "exits", "sockets"):
        os.mkdir(f"{WORK}/{directory}")
    subprocess.run(["crun", "spec"], check=True, cwd=f"{WORK}/bundle")
    path = f"{WORK}/bundle/config.json"
    with open(path, encoding="utf-8") as file:
        configuration = json.load(file)
    configuration["process"].update(terminal=False, args=POUR)
    root = f"{WORK}/rootfs"
    shutil.copytree(TINY, root, symlinks=True)
    for directory in ("dev", "proc", "sys"):
        os.mkdir(f"{root}/{directory}")
    configuration["root"] = {"path": root, "readonly": True}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(configuration, file)


def check_log():
    """What is fast has to be right: the stored log gives back every byte."""
    oneoff("run", "--name", RUN, "--rootfs", TINY, "--", *POUR, stdout=subprocess.DEVNULL)
    sums = [subprocess.check_output(f"{command} | md5sum", shell=True, env=ENVIRONMENT)
            for command in (f"{PROBE} lines {LINES} {WIDTH}", f"{ONEOFF} logs {RUN}")]
    oneoff("rm", RUN)
    if sums[0] != sums[1]:
        sys.exit("log: the stored log differs from what was written")


def throughput():
    measured = [recorded, masked, raw, cat]
    if not missing("conmon", "crun", "unshare"):
        prepare_peers()
        measured += [conmon] if missing("podman") else [conmon, podman]
    check_log()
    samples = {action: [] for action in measured}
    for _ in range(ROUNDS):
        for action in measured:
            samples[action].append(action())
    median = {action: statistics.median(times) for action, times in samples.items()}

    def rate(what, action):
        row(f"{MEGABYTES:.0f} MB {what}", f"{MEGABYTES / median[action]:.0f}", "MB/s", f"{median[action]:.3f} s")

    def ratio(what, ours, theirs, promise=None):
        note = f"promised: at least {promise}" if promise else ""
        row(what, f"{median[theirs] / median[ours]:.2f}", "", note)

    rate("into the stored log", recorded)
    rate("into the stored log, 3 secrets are masked", masked)
    if podman in median:
        rate("into the k8s-file of podman and conmon", podman)
        ratio("stored log / podman and conmon", recorded, podman, 10)
        ratio("stored log, masked / podman and conmon", masked, podman, 5)
    else:
        row("podman", "", "", "left out: not installed (Debian packages podman, conmon, crun and util-linux)")
    if conmon in median:
        version = subprocess.check_output(["conmon", "--version"], text=True).split()[2]
        rate(f"into the k8s-file of conmon {version} alone, under crun", conmon)
        ratio("stored log / conmon alone", recorded, conmon)
        ratio("stored log, masked / conmon alone", masked, conmon)
    else:
        row("conmon", "", "", "left out: not installed (Debian packages conmon, crun and util-linux)")
    rate("into a file", raw)
    rate("into a file, through cat", cat)
    ratio("file / cat", raw, cat, 0.5)


def following():
    """How old a line is when the reader of `oneoff logs -f` has it; the line says when it was written."""
    count = 100
    command = ["run", "--name", RUN, "--rootfs", TINY, "--", "/bin/probe", "clock", str(count), "0.037"]
    with subprocess.Popen([ONEOFF, *command], env=ENVIRONMENT, stdout=subprocess.DEVNULL) as run:
        while not os.path.exists(f"{WORK}/state/runs/{RUN}"):
            time.sleep(0.001)
        ages = []
        with subprocess.Popen([ONEOFF, "logs", "--follow", RUN], env=ENVIRONMENT, stdout=subprocess.PIPE) as reader:
            for line in reader.stdout:
                ages.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC) - int(line.removeprefix(b"time="))) / 1e6)
        if run.wait() != 0 or len(ages) != count:
            sys.exit(f"log: logs -f has shown {len(ages)} lines of {count}")
    oneoff("rm", RUN)
    row(f"age of a line in logs -f, median of {count}", f"{statistics.median(ages):.2f}", "ms")
    row(f"age of a line in logs -f, the oldest of {count}", f"{max(ages):.2f}", "ms", "promised: at most 50")


print(f"medians of {ROUNDS} runs of each, in turn; kernel {os.uname().release}, {os.cpu_count()} processors\n")
throughput()
following()
