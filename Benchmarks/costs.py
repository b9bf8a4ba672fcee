"""What noise does not disturb: instructions before the clone, and the system calls of whole runs."""

import re
import subprocess

import peers
from measure import ONEOFF, ROOT, TINY, TRUE, missing, mount_namespace, oneoff


def limits():
    with open(f"{ROOT}/Benchmarks/limits.txt", encoding="ascii") as file:
        pairs = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: int(limit) for name, limit in pairs}


def system_calls(command, work):
    path = f"{work}/system-calls"
    words = ["/usr/bin/strace", "-c", "-f", "-o", path, *command.words]
    descriptors = {number: name for number, name in command.files if number > 2}
    # Only a filter is read besides 0, 1 and 2.
    script = "".join(f"exec {number}<{name}; " for number, name in descriptors.items()) + 'exec "$@"'
    with mount_namespace(command.mounts):
        subprocess.run(["sh", "-c", script, "sh", *words], check=True, capture_output=True, env=command.environment)
    with open(path, encoding="utf-8") as file:
        return int(file.read().strip().rpartition("\n")[2].split()[3])


def instructions():
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*words, ONEOFF, "print-plan", "--rootfs", TINY, "--", TRUE], capture_output=True, text=True, check=False)
    name = "instructions" if done.returncode == 0 else "instructions-before-image"
    return name, int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def run(bench):
    bench.report.heading("Costs that noise does not disturb")
    rows, limit = [], limits()
    if missing("strace"):
        bench.report.say("Skipped: system calls: strace is not installed.\n")
    else:
        commands = [
            oneoff("oneoff run"), peers.floor("floor", bench.work), peers.bubblewrap("bubblewrap --unshare-all"),
            peers.equal_bubblewrap("bubblewrap, nearest equal isolation", bench.work)]
        commands += [command for command in peers.others(bench.work)[0] if command.name.startswith(("crun", "runc"))]
        rows = [[f"system calls: {command.name}", system_calls(command, bench.work), ""] for command in commands]
        rows[0][-1] = limit["system-calls"]
    if missing("valgrind"):
        bench.report.say("Skipped: instructions: valgrind is not installed.\n")
    else:
        name, count = instructions()
        rows.append([f"{name.replace('-', ' ')}: oneoff print-plan", f"{count:,}", f"{limit[name]:,}"])
    bench.report.table(["", "count", "at most"], rows)
