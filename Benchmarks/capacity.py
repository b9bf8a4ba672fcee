"""How many runs a machine makes in a second, and what runs take of its memory while they sleep."""

import os
import shutil
import statistics
import subprocess
import time

import peers
from growth import Sleepers
from measure import fail, in_turn, missing, mount_namespace, oneoff

AT_ONCE = (1, 2, 8, 32)


def runs_a_second(command, count, at_once):
    """Makes so many runs, and starts one whenever another has ended."""
    with mount_namespace(command.mounts):
        begin = time.perf_counter()
        started = ended = 0
        while ended < count:
            while started < count and started - ended < at_once:
                command.spawn(started)
                started += 1
            _, status = os.wait()
            command.check(status)
            ended += 1
        return count / (time.perf_counter() - begin)


def throughput(bench):
    commands = [oneoff("oneoff run", environment=bench.environment), peers.bubblewrap("bubblewrap --unshare-all")]
    if not missing("crun"):
        commands.append(peers.oci_runtime("crun", bench.work))
    count, rounds = bench.some(400, 40), bench.some(5, 1)
    rows = []
    for command in commands:
        rows.append([command.name])
    ratios = []
    for at_once in AT_ONCE:
        measures = [lambda command=command: runs_a_second(command, count, at_once) for command in commands]
        medians = [statistics.median(rates) for rates in in_turn(measures, rounds, warm_ups=0)]
        for row, median in zip(rows, medians):
            row.append(f"{median:.0f}")
        ratios.append(f"{medians[0] / medians[1]:.2f}")
    rows.append(["oneoff / bubblewrap", *ratios])
    bench.report.heading(f"Throughput: runs a second, {count} runs of each")
    bench.report.table(["", *(f"{at_once} at once" for at_once in AT_ONCE)], rows)


def memory_of(processes):
    """PSS and private memory of processes in KiB; see proc_pid_smaps(5)."""
    proportional = private = 0
    for process in processes:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    proportional += int(line.split()[1])
                elif line.startswith(("Private_Clean", "Private_Dirty")):
                    private += int(line.split()[1])
    return proportional, private


def children(process):
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
        return file.read().split()


def of_oneoff(bench, count):
    """A supervisor and its PID 1, without the command."""
    with Sleepers(bench.environment) as sleepers:
        sleepers.have(count)
        time.sleep(bench.some(5, 2))
        return [memory_of([process.pid, *children(process.pid)]) for process in sleepers.processes]


def of_conmon(bench, count):
    """A conmon, without the command: crun has ended."""
    root = peers.root_file_system(bench.work)
    bundle = peers.bundle(f"{bench.work}/sleep-bundle", "crun", root, ["/bin/sleep", "100000"], is_read_only=True)
    names = [f"oneoff-bench-sleep-{os.getpid()}-{number}" for number in range(count)]
    mounts = peers.cgroup2_mounts()
    crun = [shutil.which("crun"), "--cgroup-manager=disabled"]
    monitors, made = [], []
    try:
        with mount_namespace(mounts):
            for name in names:
                pid = f"{bench.work}/{name}.pid"
                words = peers.conmon_words(bench.work, name, bundle, f"{bench.work}/{name}.log", pid)
                monitors.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))
                while not (os.path.exists(pid) and os.path.getsize(pid)):
                    if monitors[-1].poll() is not None:
                        fail(f"conmon has made no container {name}")
                    time.sleep(0.002)
                made.append(name)
                subprocess.run([*crun, "start", name], check=True)
        time.sleep(bench.some(5, 2))
        return [memory_of([monitor.pid]) for monitor in monitors]
    finally:
        with mount_namespace(mounts):
            for name in made:
                subprocess.run([*crun, "delete", "--force", name], check=False, stderr=subprocess.DEVNULL)
        for monitor in monitors:
            monitor.wait()


def memory(bench):
    count = bench.some(500, 10)
    measured = [("oneoff: supervisor and PID 1", of_oneoff(bench, count))]
    skipped = ["containerd-shim: it takes a containerd of its own"]
    if missing("conmon", "crun"):
        skipped.append("conmon and crun: not installed (Debian packages conmon and crun)")
    else:
        measured.append(("conmon under crun", of_conmon(bench, count)))
    bench.report.heading(f"Memory: {count} runs that sleep at once, KiB each, without the command")
    rows = []
    for name, figures in measured:
        proportional, private = zip(*figures)
        rows.append([name, f"{statistics.mean(proportional):.0f}", f"{statistics.mean(private):.0f}", max(private)])
    bench.report.table(["mean", "PSS", "private", "private, most"], rows)
    mean = statistics.mean(private for _, private in measured[0][1])
    bench.report.promises([("private memory of a run / 1.5 MiB", mean / 1536, 1, None)])
    for peer in skipped:
        bench.report.say(f"\nSkipped: {peer}.")


def run(bench):
    throughput(bench)
    memory(bench)
