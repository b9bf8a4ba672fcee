#!/bin/sh
# detached.sh: what the supervisor of a detached run takes while its command prints 100 lines a second, with 100 of them at once.
#
# As root. ONEOFF_BENCH_RUNS sets how many (default 100).
set -eu
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || {
    echo "detached: python3 is missing: install the Debian package python3" >&2
    exit 1
}
for file in build/oneoff build/fixtures/tiny; do
    [ -e "$file" ] || {
        echo "detached: $file is missing: make build fixtures" >&2
        exit 1
    }
done
if [ "$(id -u)" != 0 ]; then
    echo "detached: needs root: sudo make bench-detached" >&2
    exit 1
fi

work=$(mktemp -d "$PWD/build/bench-detached.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
python3 Benchmarks/detached.py "$work" "${ONEOFF_BENCH_RUNS:-100}"
