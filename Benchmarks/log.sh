#!/bin/sh
# log.sh: how fast output gets into the stored log, beside podman and conmon, and into a file, beside cat; how soon `oneoff logs -f` shows a line.
#
# As root, on an idle machine with 2 GB of free disk space. ONEOFF_BENCH_ROUNDS sets how often each is measured
# (default 5). The peers are measured where the Debian packages podman, conmon and crun are installed, and else left out.
set -eu
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || {
    echo "log: python3 is missing: install the Debian package python3" >&2
    exit 1
}
for file in build/oneoff build/fixtures/tiny build/fixtures/probe; do
    [ -e "$file" ] || {
        echo "log: $file is missing: make build fixtures" >&2
        exit 1
    }
done
if [ "$(id -u)" != 0 ]; then
    echo "log: needs root: sudo make bench-log" >&2
    exit 1
fi

work=$(mktemp -d "$PWD/build/bench-log.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
python3 Benchmarks/log.py "$work" "${ONEOFF_BENCH_ROUNDS:-5}"
