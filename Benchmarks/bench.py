"""The benchmarks: python3 Benchmarks/bench.py [--quick] [--rounds N] [--results FILE] [SECTION…]

As root, on an idle machine. `make bench` runs all sections and writes Benchmarks/results.md.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import capacity
import costs
import detached
import growth
import log
import measure
import output
import peers
import startup

# The order in which they run.
SECTIONS = {
    "startup": startup.run,
    "costs": costs.run,
    "growth": growth.run,
    "capacity": capacity.run,
    "output": output.run,
    "log": log.run,
    "detached": detached.run,
}


def arguments():
    parser = argparse.ArgumentParser(prog="bench.py", description="Measures oneoff beside its peers, in turn.")
    parser.add_argument("sections", metavar="SECTION", nargs="*", help=f"of {', '.join(SECTIONS)}; none: all")
    parser.add_argument("--quick", action="store_true", help="small numbers, only to see that everything works")
    parser.add_argument("--rounds", type=int, help="how often each start is measured (default 200, quick 3)")
    parser.add_argument("--results", metavar="FILE", help="write the tables there, too")
    given = parser.parse_args()
    for section in given.sections:
        if section not in SECTIONS:
            parser.error(f"{section} is no section: {', '.join(SECTIONS)}")
    return given


def check():
    if os.geteuid() != 0:
        measure.fail("needs root: sudo make bench")
    for path in (measure.ONEOFF, measure.TINY, measure.PROBE, peers.FLOOR):
        if not os.path.exists(path):
            measure.fail(f"{path} is missing: make bench builds it")


def unmount_below(work):
    """podman binds its storage to itself and leaves it so."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split()[1] for line in file]
    for mount in reversed(mounts):
        if mount.startswith(f"{work}/"):
            subprocess.run(["umount", mount], check=True)


def stop(number, _):
    sys.exit(128 + number)


def main():
    given = arguments()
    check()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    os.chdir(measure.ROOT)
    work = tempfile.mkdtemp(prefix="bench.", dir=f"{measure.ROOT}/build")
    try:
        # What is in it is looked at by others than root, too.
        os.chmod(work, 0o755)
        bench = measure.Bench(work, given.rounds or (3 if given.quick else 200), given.quick)
        report = bench.report
        report.say("# Measured beside the peers")
        report.say()
        report.say("Medians of single runs taken in turn; only the ratios mean something elsewhere. Written by")
        report.say(f"`{' '.join(['python3', *sys.orig_argv[1:]]) if given.sections else 'make bench'}`.")
        report.say()
        for line in measure.machine():
            report.say(f"- {line}")
        report.say(f"- {'; '.join(peers.versions())}")
        for section in given.sections or SECTIONS:
            SECTIONS[section](bench)
        if given.results:
            with open(given.results, "w", encoding="utf-8") as file:
                file.write("\n".join(report.lines) + "\n")
    finally:
        unmount_below(work)
        shutil.rmtree(work)


main()
