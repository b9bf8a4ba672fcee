"""Output through oneoff into a file, beside cat; and with secrets that are masked in it."""

import filecmp
import hashlib
import os
import statistics
import subprocess
import time

from measure import PROBE, fail, in_turn, oneoff

WIDTH = 80


def run(bench):
    lines = bench.some(3_750_000, 100_000)
    probe = ("/bin/probe", "lines", str(lines), str(WIDTH))
    expected, got = f"{bench.work}/expected", f"{bench.work}/got"
    secrets = f"{bench.work}/secrets"
    with open(secrets, "w", encoding="ascii") as file:
        file.writelines(f"SECRET_{n}={hashlib.md5(bytes([n])).hexdigest()}\n" for n in range(10))

    def rate(words, path):
        """Megabytes per second into a file."""
        with open(path, "wb") as file:
            begin = time.perf_counter()
            subprocess.run(words, stdout=file, check=True, shell=isinstance(words, str))
            took = time.perf_counter() - begin
        return os.path.getsize(path) / took / 1e6

    ways = {
        "through cat": lambda: rate(f"{PROBE} lines {lines} {WIDTH} | cat", expected),
        "through oneoff": lambda: rate(oneoff("", command=probe).words, got),
        "through oneoff, 10 secrets masked": lambda: rate(
            oneoff("", "--secret-file", secrets, command=probe).words, got),
    }
    samples = in_turn(ways.values(), bench.some(7, 2), warm_ups=1)
    if not filecmp.cmp(expected, got, shallow=False):
        fail("the output through oneoff differs")
    cat, ours, masked = (statistics.median(rates) for rates in samples)
    bench.report.heading(f"Output: {lines * WIDTH / 1e6:.0f} MB into a file")
    bench.report.table(
        ["way", "median, MB/s", "this / cat"],
        [[way, f"{median:.0f}", f"{median / cat:.2f}"] for way, median in zip(ways, (cat, ours, masked))])
    bench.report.promises([
        ("oneoff / 500 MB/s", ours / 500, None, 1),
        ("masked / not masked", masked / ours, None, 0.5),
    ])
    os.unlink(expected)
    os.unlink(got)
